/*
 * internal.h - what the engine's own files share. Nothing outside src/engine includes it.
 */
#ifndef CORTEN_ENGINE_INTERNAL_H
#define CORTEN_ENGINE_INTERNAL_H

#include "engine/engine.h"
#include "store/db.h"
#include "store/store.h"

#define ENGINE_CONTAINERS "containers" /* the folder beneath root and beneath state */
#define ENGINE_MOUNTS     "mounts"
#define ENGINE_ID_MAX     65

struct engine {
	const struct engine_config *config;
	struct arena arena; /* what lives as long as the engine */
	struct store *store;
	struct db *db;       /* the store's */
	const char *root;    /* absolute */
	const char *state;   /* absolute */
	int containers_fd;   /* root/containers */
	const char *boot_id; /* read when first needed */
};

/* ---- record.c: the table of containers ---- */

int record_migrate(struct engine *engine, struct err *err);

/* ERR_CONFLICT when the name is taken. */
int record_insert(struct engine *engine, const struct engine_container *container, struct err *err);
int record_delete(struct engine *engine, const char *id, struct err *err);
int record_find(struct engine *engine, const char *reference, struct arena *arena,
		struct engine_container *ret_container, struct err *err);

/*
 * The container's own SELinux level, picked now when it has none: no two containers have the same pair of
 * categories. In the arena.
 */
int record_ensure_level(struct engine *engine, const char *id, struct arena *arena,
			const char **ret_level, struct err *err);
int record_list(struct engine *engine, struct arena *arena, engine_containers *ret_containers,
		struct err *err);

/* For the store, which asks who uses an image; arg is the engine. */
int record_image_use(void *arg, const char *image_id, char ret_user[65], enum store_use *ret_use,
		     struct err *err);

/* ---- fold.c: the state that a journal tells ---- */

/* Fills the state members of container from its journal and the kernel. */
int fold_state(struct engine *engine, struct engine_container *container, struct arena *arena,
	       struct err *err);

/* ---- paths.c ---- */

/* An absolute path of a program of Corten's, in the arena. */
int paths_find_program(struct engine *engine, const char *name, struct arena *arena,
		       const char **ret_path, struct err *err);

/* Opens root/containers/ID. */
int paths_open_data(struct engine *engine, const char *id, struct err *err);

/* Opens state/containers/ID; make: with its parents, when it is missing. */
int paths_open_state(struct engine *engine, const char *id, bool make, struct err *err);

/* Makes a folder and those above it, all with mode. One that exists is fine. */
int paths_make_folder(const char *path, unsigned mode, struct err *err);

/* Removes name beneath dirfd with all that is in it; what is absent is fine. Mounts are not crossed. */
int paths_remove_tree(int dirfd, const char *name, struct err *err);

/* "PATH/containers/ID[/name]" beneath root or state. */
const char *paths_in_root(struct engine *engine, const char *id, const char *name,
			  struct arena *arena);
const char *paths_in_state(struct engine *engine, const char *id, const char *name,
			   struct arena *arena);

/* The folder STATE/mounts, made when it is missing. */
int paths_open_mounts(struct engine *engine, struct err *err);

/* ---- programs started ---- */

struct launch {
	const char *const *argv; /* argv[0] absolute; NULL ends it */
	int keep_fds[3];         /* descriptors to pass under their own number; FD_NONE for none */
	int stdio[3];            /* FD_NONE: /dev/null */
};

/* Starts a program by a vfork-like clone; the caller reaps it. */
int launch_start(const struct launch *launch, int *ret_pid, struct err *err);

/* Starts it and waits; ret_status as waitpid() gives it. */
int launch_wait(const struct launch *launch, int *ret_status, struct err *err);

/* Runs `corten-runtime --root STATE/runtime WORDS...`. Its error text becomes the error. */
int launch_runtime(struct engine *engine, const char *const *words, struct err *err);

/* ---- rootfs.c, volumes.c, files.c: what a start prepares ---- */

/* The overlay of the image's layers and the container's own folder, as a detached mount. label: or NULL. */
int rootfs_mount(struct engine *engine, const struct engine_container *container,
		 const struct store_image *image, int data_fd, const char *label, struct err *err);

/* The image's layers alone, read-only, as a detached mount. empty_fd: of an empty folder. */
int rootfs_mount_image(struct engine *engine, const struct store_image *image, int empty_fd,
		       struct err *err);

struct mount_option;

/* Makes ID/volumes/NUMBER for a volume, filled with what the root has at its target. label: or NULL. */
int volume_prepare(int data_fd, size_t number, int rootfs_fd, const struct mount_option *mount,
		   const char *label, struct err *err);

/* The text of /etc/hosts, /etc/resolv.conf. host_text: the host's file, or NULL. */
void files_hosts(const struct engine_options *options, const char *hostname, const char *host_text,
		 bool host_network, struct buf *out);
void files_resolv(const struct engine_options *options, const char *host_text, bool host_network,
		  struct buf *out);

/*
 * Writes hosts, hostname and resolv.conf beneath data_fd, the folder of paths_open_data(). label: their SELinux
 * context, or NULL.
 */
int files_write(int data_fd, const struct engine_options *options, const char *hostname,
		bool host_network, const char *label, struct err *err);

/* ---- images.c ---- */

/* The names as people write them. */
int images_familiar_names(const json_strings *names, struct arena *arena, json_strings *ret_names,
			  struct err *err);

/* Tells a command line of what the store does: a store_event_fn. */
struct images_relay {
	engine_progress_fn *progress;
	void *arg;
};
void images_relay(void *arg, const struct store_event *event);

/* Which of the words it is; the list ends with NULL. `what` names it in the refusal. */
int images_word_index(const char *word, const char *const *words, const char *what, int *ret_index,
		      struct err *err);

/* ---- registry.c ---- */

/*
 * The arguments of corten-remote that say how a registry is approached. ret_password may be NULL: then without
 * access->credentials.
 */
int registry_options(const struct engine_access *access, struct arena *arena,
		     json_strings *ret_options, const char **ret_password, struct err *err);

/* ERR_DENIED when no connection may be opened. what: that would have to be asked. */
int registry_check_online(const struct engine *engine, const char *what, struct err *err);

/* ---- host.c ---- */

struct spec_host;
void host_look(struct spec_host *ret_host);

/* The part of it that is about AppArmor, SELinux and seccomp, where sysfs and procfs are at sys and proc. */
void host_look_security(const char *sys, const char *proc, struct spec_host *host);

/* ---- apparmor.c ---- */

struct apparmor_place {
	const char *securityfs;     /* AppArmor's folder in it */
	const char *const *parsers; /* where apparmor_parser may be; NULL ends them */
};
extern const struct apparmor_place apparmor_host;

/*
 * Has the kernel know the profile LABELS_APPARMOR_DEFAULT. 1: it does; 0: it does not, and there is no
 * apparmor_parser that could load it. A parser that fails is an error.
 */
int apparmor_ensure_default(const struct apparmor_place *place, struct err *err);

/* Whether a profile is loaded, by what AppArmor lists. */
int apparmor_is_loaded(const struct apparmor_place *place, const char *profile, bool *ret_loaded,
		       struct err *err);

/* ---- shared by start and exec ---- */

/* The account, capabilities and security of a container's options. */
int64_t engine_now_ns(void);
int64_t engine_monotonic_ms(void);

#endif
