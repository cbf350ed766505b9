/*
 * engine.h - containers: create, start, attach, signal, wait, list, remove. And the engine's view of images.
 *
 * Purpose    What the command line, and later the APIs, are made of. There is no daemon: every call
 *            works on the database, the containers' journals, and their monitors.
 * Ownership  struct engine is closed by its opener. Results live in the arena that a call is given.
 * Units      Times are nanoseconds since the epoch (_ns); timeouts are in milliseconds (_ms).
 * Errors     ERR_NOT_FOUND "No such container: x", ERR_CONFLICT for a name or state in the way.
 * Threads    One engine belongs to one thread.
 */
#ifndef CORTEN_ENGINE_ENGINE_H
#define CORTEN_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "engine/config.h"
#include "engine/options.h"

struct engine;

/* Opens the store and the database. config must outlive the engine. */
int engine_open(const struct engine_config *config, struct engine **ret_engine, struct err *err);
void engine_close(struct engine *engine);

/* ---- containers ---- */

enum engine_status {
	ENGINE_CREATED,
	ENGINE_RUNNING,
	ENGINE_EXITED,
};

/* "created", "running", "exited". */
const char *engine_status_name(enum engine_status status);

struct engine_container {
	const char *id;
	const char *name;
	const char *image;    /* as the user named it */
	const char *image_id; /* hex */
	const char *command;  /* for people: the words, joined */
	int64_t created_ns;
	bool auto_remove;
	struct engine_options options;
	json_pairs labels;
	const char *selinux_level; /* its own, "s0:c1,c2"; NULL: none so far */

	/* What the journal says, and the kernel. */
	enum engine_status status;
	int32_t pid;
	uint64_t pid_start_ticks;
	int32_t exit_code;
	bool oom;
	int64_t started_ns;
	int64_t finished_ns;
	const char *message; /* why the start failed, or NULL */
};

typedef JSON_LIST_OF(struct engine_container) engine_containers;

struct engine_created {
	const char *id;
	json_strings warnings;
};

/*
 * Makes a container; nothing runs yet. options->env, labels and bind sources are resolved here: bare names
 * from `env` (environ), files read.
 */
int engine_container_create(struct engine *engine, const struct engine_options *options,
			    char *const *env, struct arena *arena,
			    struct engine_created *ret_created, struct err *err);

/* By id, name or the id's unique beginning. */
int engine_container_find(struct engine *engine, const char *reference, struct arena *arena,
			  struct engine_container *ret_container, struct err *err);

/* Newest first. */
int engine_container_list(struct engine *engine, struct arena *arena,
			  engine_containers *ret_containers, struct err *err);

/* What a client wants of a container's streams. */
struct engine_streams {
	bool want_stdin;
	bool want_stdout;
	bool want_stderr;
	bool will_clean; /* removes the container after its end; see engine_session_cleaned() */
	uint16_t rows;   /* of the terminal, 0: not known */
	uint16_t columns;
};

struct engine_started {
	int session;           /* descriptor for engine_session_run(); the caller closes it */
	json_strings warnings; /* what the host could not give */
};

/*
 * Starts a created or exited container and returns once it runs. When it does not: the error, and
 * *ret_exit_code is 125, 126 or 127 as `run` shall exit with.
 */
int engine_container_start(struct engine *engine, const char *id,
			   const struct engine_streams *streams, struct arena *arena,
			   struct engine_started *ret_started, int *ret_exit_code, struct err *err);

/* Connects to a running container's streams. */
int engine_container_attach(struct engine *engine, const struct engine_container *container,
			    const struct engine_streams *streams, int *ret_session,
			    struct err *err);

enum engine_session_end {
	ENGINE_SESSION_EXITED,   /* exit_code is the container's */
	ENGINE_SESSION_DETACHED, /* by the detach keys */
	ENGINE_SESSION_LOST,     /* the monitor went away */
};

struct engine_session {
	int fd;
	bool tty;                /* the container has a terminal: raw mode, resizes, detach keys */
	bool want_stdin;         /* from descriptor 0 */
	bool sig_proxy;          /* signals that arrive go to the container */
	const char *detach_keys; /* NULL: ctrl-p,ctrl-q */
};

/* Joins descriptors 0, 1 and 2 to the container until one side is done. */
int engine_session_run(const struct engine_session *session, enum engine_session_end *ret_end,
		       int *ret_exit_code, struct err *err);

/* Tells the monitor that the promised removal is done. */
void engine_session_cleaned(int fd);

/* Whether the text is a list of detach keys ("ctrl-p,ctrl-q"). */
int engine_session_check_keys(const char *keys, struct err *err);

/* Sends a signal to the container's first process. */
int engine_container_signal(struct engine *engine, const struct engine_container *container,
			    int signal, struct err *err);

/* Sends the stop signal, waits, then kills. timeout_ms < 0: the container's own, or ten seconds. */
int engine_container_stop(struct engine *engine, const struct engine_container *container,
			  int64_t timeout_ms, struct err *err);

/* Waits for the end. timeout_ms < 0: for ever. 1: ended, with its code; 0: time ran out. */
int engine_container_wait(struct engine *engine, const struct engine_container *container,
			  int64_t timeout_ms, int *ret_exit_code, struct err *err);

/*
 * Removes a container and everything of it. force: a running one is killed first. Leftovers of killed
 * processes are no obstacle.
 */
int engine_container_remove(struct engine *engine, const struct engine_container *container,
			    bool force, struct err *err);

/* The same for one whose session ended with ENGINE_SESSION_EXITED: nothing of it runs any more. */
int engine_container_finish(struct engine *engine, const char *id, struct err *err);

/* What the monitor executes when a container that was run with --rm has ended: removes it if it has. */
int engine_container_cleanup(struct engine *engine, const char *id, struct err *err);

struct engine_exec {
	json_strings args;
	json_strings env;
	json_strings env_files;
	const char *workdir;
	const char *user;
	const char *detach_keys;
	bool interactive;
	bool tty;
	bool detach;
	bool privileged;
};

/*
 * Runs a further process in a running container, on descriptors 0, 1 and 2. *ret_exit_code is the
 * process's, or 125 to 127; why it could not be executed is on stderr then.
 */
int engine_container_exec(struct engine *engine, const struct engine_container *container,
			  const struct engine_exec *request, char *const *env, int *ret_exit_code,
			  struct err *err);

struct engine_logs {
	bool follow;
	bool timestamps;
	int64_t tail;     /* lines; negative: all */
	int64_t since_ns; /* 0: from the beginning */
	int64_t until_ns; /* 0: to the end */
};

/* Writes a container's log to descriptors 1 and 2. */
int engine_container_logs(struct engine *engine, const struct engine_container *container,
			  const struct engine_logs *request, struct err *err);

/* Appends Docker's inspect object; size: with what its files take. */
int engine_container_inspect(struct engine *engine, const struct engine_container *container,
			     bool size, struct buf *out, struct err *err);

struct engine_container_size {
	int64_t own_bytes;   /* of the files that it changed */
	int64_t image_bytes; /* 0: the image is gone */
};

/* Looks at every file of the container's own. */
int engine_container_size(struct engine *engine, const struct engine_container *container,
			  struct engine_container_size *ret_size, struct err *err);

/* ---- images ---- */

struct engine_image {
	const char *id;
	const char
		*manifest;  /* hex digest, or that of the index it was pulled through; NULL: none */
	json_strings names; /* as people write them */
	int64_t created_s;
	int64_t size_bytes;
	const char *architecture;
	const char *os;
	json_pairs labels;   /* engine_image_read_labels() alone fills them in */
	json_strings layers; /* diff-ids, the lowest first */
};

typedef JSON_LIST_OF(struct engine_image) engine_images;

int engine_image_list(struct engine *engine, struct arena *arena, engine_images *ret_images,
		      struct err *err);

/* By name, id or the id's unique beginning. */
int engine_image_find(struct engine *engine, const char *reference, struct arena *arena,
		      struct engine_image *ret_image, struct err *err);

/* Reads the image's configuration for its labels. */
int engine_image_read_labels(struct engine *engine, struct engine_image *image, struct arena *arena,
			     struct err *err);

struct engine_history {
	const char *created; /* RFC 3339, or NULL */
	const char *created_by;
	const char *comment;
	int64_t size_bytes; /* of the layer; 0 when the step made none */
};
typedef JSON_LIST_OF(struct engine_history) engine_histories;

/* What made the image, the newest first. */
int engine_image_history(struct engine *engine, const struct engine_image *image,
			 struct arena *arena, engine_histories *ret_history, struct err *err);

/* The bytes of each layer of image->layers; as many as it has. */
int engine_image_layer_sizes(struct engine *engine, const struct engine_image *image,
			     struct arena *arena, const int64_t **ret_sizes, struct err *err);

struct engine_progress {
	uint32_t layer;
	const char *name;
	int64_t done_bytes;
	int64_t total_bytes; /* 0: not known */
	bool done;
	bool known;       /* the layer was there already */
	const char *from; /* push: the repository that it was mounted from; NULL: it was not */
};
typedef void engine_progress_fn(void *arg, const struct engine_progress *progress);

struct engine_load {
	bool import; /* a root filesystem, not an image archive */
	int input_fd;
	const char *name;
	json_strings changes;
	const char *message;
	const char *platform;
	engine_progress_fn *progress;
	void *progress_arg;
};

int engine_image_load(struct engine *engine, const struct engine_load *request, struct arena *arena,
		      engine_images *ret_images, struct err *err);

struct engine_save {
	json_strings references; /* a bare name stands for all its tags */
	const char *form;    /* docker-archive, oci-archive, docker-dir, oci-dir; NULL: the first */
	const char *packing; /* of layers: none, gzip, zstd; NULL: what the form has usually */
	int output_fd;       /* a file or pipe; a folder for the forms ending in -dir */
};

int engine_image_save(struct engine *engine, const struct engine_save *request, struct arena *arena,
		      struct err *err);

/* Fills the empty folder bundle_fd: rootfs and config.json, for any OCI runtime. */
int engine_image_bundle(struct engine *engine, const char *reference, int bundle_fd,
			struct arena *arena, struct err *err);

/* The id of an image, NULL when it is not there. */
int engine_image_id(struct engine *engine, const char *reference, struct arena *arena,
		    const char **ret_id, struct err *err);

/* How a registry is approached. */
struct engine_access {
	const char *auth_file;   /* NULL: where Podman and Docker keep theirs */
	const char *cert_folder; /* NULL: certs.d/HOST */
	const char *tls_verify;  /* "true", "false"; NULL: as the host is */
	const char *credentials; /* "user:password", in place of what files say; NULL: those */
};

struct engine_pull {
	const char *reference;
	const char *platform;
	struct engine_access access;
	engine_progress_fn *progress;
	void *progress_arg;
};

/* Fetches an image from its registry. ret_image has id and names alone. ERR_DENIED when offline. */
int engine_image_pull(struct engine *engine, const struct engine_pull *request, struct arena *arena,
		      struct engine_image *ret_image, struct err *err);

struct engine_push {
	const char *reference;
	const char *destination; /* NULL: the reference, which is a name then */
	struct engine_access access;
	const char *form;    /* of the manifest: oci, v2s2; NULL: as the image's own is */
	const char *packing; /* gzip, none, zstd; NULL: what the registry has, or gzip */
	int level;           /* 0: the usual */
	engine_progress_fn *progress;
	void *progress_arg;
};

struct engine_pushed {
	const char *destination; /* complete */
	const char
		*repository; /* as people read it, with the registry where that is not Docker's */
	const char *tag;
	const char *digest; /* "sha256:HEX", of the manifest */
	int64_t manifest_bytes;
};

/* Where it would be pushed to: destination, repository and tag alone. */
int engine_image_push_target(const struct engine_push *request, struct arena *arena,
			     struct engine_pushed *ret_target, struct err *err);

/* Puts an image into a registry. ERR_DENIED when offline. */
int engine_image_push(struct engine *engine, const struct engine_push *request, struct arena *arena,
		      struct engine_pushed *ret_pushed, struct err *err);

/* The names of the store's images with the name's repository, as people read them. */
int engine_image_tags(struct engine *engine, const char *name, struct arena *arena,
		      json_strings *ret_names, struct err *err);

struct engine_image_removed {
	json_strings untagged;
	const char *deleted; /* NULL: the image itself stays */
};

int engine_image_remove(struct engine *engine, const char *reference, bool force,
			struct arena *arena, struct engine_image_removed *ret_removed,
			struct err *err);

int engine_image_tag(struct engine *engine, const char *reference, const char *name,
		     struct err *err);

/* Takes names from an image, which stays; no names: all of them. */
int engine_image_untag(struct engine *engine, const char *reference, const json_strings *names,
		       struct err *err);

struct engine_prune {
	json_strings ids; /* which may go */
	bool all;         /* those with a name too */
	bool dry_run;     /* tells what would go */
};

struct engine_pruned {
	json_strings gone; /* each image's names, as people write them, then "sha256:" and its id */
	int64_t bytes;     /* freed */
};

/* Removes those of the images that no container uses. */
int engine_image_prune(struct engine *engine, const struct engine_prune *request,
		       struct arena *arena, struct engine_pruned *ret_pruned, struct err *err);

/* What is wrong with an image, in words. */
typedef int engine_finding_fn(void *arg, const char *text, struct err *err);

/* Calls `finding` for what is not as the image's digests say. */
int engine_image_verify(struct engine *engine, const char *reference, engine_finding_fn *finding,
			void *arg, struct err *err);

/* change: 'A' for added, 'C' for changed, 'D' for deleted. */
typedef int engine_change_fn(void *arg, char change, const char *path, struct err *err);

/* What leads from the files of `base` to those of `reference`; base NULL: from all layers but its top one. */
int engine_image_diff(struct engine *engine, const char *reference, const char *base,
		      engine_change_fn *change, void *arg, struct err *err);

/*
 * Mounts an image's files, read-only, at STATE/mounts/ID in the mount namespace of the caller, and only there: in the
 * host's own, or where the mount would spread to others, ERR_DENIED. Mounted already: its path.
 */
int engine_image_mount(struct engine *engine, const char *reference, struct arena *arena,
		       const char **ret_path, struct err *err);

/* ERR_NOT_FOUND when it is not mounted in this namespace. */
int engine_image_unmount(struct engine *engine, const char *id, struct err *err);

struct engine_image_mount {
	const char *id;
	const char *path;
};
typedef JSON_LIST_OF(struct engine_image_mount) engine_image_mounts;

/* What is mounted in this namespace. */
int engine_image_mount_list(struct engine *engine, struct arena *arena,
			    engine_image_mounts *ret_mounts, struct err *err);

struct engine_login {
	const char *registry; /* NULL: all, of a logout */
	const char *user;
	const char *password;
	struct engine_access access;
};

/* Tries a password with a registry, and keeps it. */
int engine_registry_login(struct engine *engine, const struct engine_login *request,
			  struct arena *arena, struct err *err);
int engine_registry_logout(struct engine *engine, const struct engine_login *request,
			   struct arena *arena, struct err *err);

/* The name with which one is logged in. */
int engine_registry_user(struct engine *engine, const struct engine_login *request,
			 struct arena *arena, const char **ret_user, struct err *err);

/* Appends an object as Docker's image inspect has it. */
int engine_image_inspect(struct engine *engine, const char *reference, struct buf *out,
			 struct err *err);

/* ---- images between other places ---- */

/*
 * Where an image is: "docker://NAME[:TAG|@DIGEST]", "oci:FOLDER[:TAG]", "oci-archive:FILE[:TAG]",
 * "docker-archive:FILE[:NAME]"; as a destination also "dir:FOLDER".
 */
struct engine_copy {
	const char *source;
	const char *destination;
	struct engine_access source_access;
	struct engine_access destination_access;
	const char *platform; /* which image of several; NULL: this machine's */
	bool all;             /* an index with all that it names */
	engine_progress_fn *progress;
	void *progress_arg;
};

/* Without unpacking, and every byte as it is. ret_digest: of what was copied, "sha256:HEX", in the arena. */
int engine_image_copy(struct engine *engine, const struct engine_copy *request, struct arena *arena,
		      const char **ret_digest, struct err *err);

/* ---- registries, without pulling ---- */

/* What of an image in a registry. */
enum engine_remote_part {
	ENGINE_REMOTE_SUMMARY,  /* an object as skopeo's inspect has it */
	ENGINE_REMOTE_MANIFEST, /* the manifest or index as it lies there */
	ENGINE_REMOTE_CONFIG,   /* its configuration, as it was understood */
	ENGINE_REMOTE_CONFIG_RAW,
};

struct engine_remote {
	const char *reference;
	const char
		*platform; /* which image of several; NULL: this machine's, and of a manifest all */
	struct engine_access access;
};

/*
 * Appends it to out. tags: the summary lists the repository's. ret_warning: why it does not, where a registry keeps them
 * to itself, in the arena; NULL otherwise. ERR_DENIED when offline.
 */
int engine_remote_inspect(struct engine *engine, const struct engine_remote *request,
			  enum engine_remote_part part, bool tags, struct arena *arena,
			  struct buf *out, const char **ret_warning, struct err *err);

/* Tags of a repository, in the registry's order. */
struct engine_tags {
	const char *repository; /* "docker.io/library/busybox" */
	json_strings tags;
};

/* All, or the first `limit`; 0: all. The request's reference has neither tag nor digest. */
int engine_remote_tags(struct engine *engine, const struct engine_remote *request, size_t limit,
		       struct arena *arena, struct engine_tags *ret_tags, struct err *err);

struct engine_referrer {
	const char *digest;
	const char *media_type;
	const char *artifact_type; /* "" when it has none */
	int64_t size_bytes;
	json_pairs annotations;
};
typedef JSON_LIST_OF(struct engine_referrer) engine_referrers;

/* What refers to an image. type: NULL: any. out: the same as an index. */
int engine_remote_referrers(struct engine *engine, const struct engine_remote *request,
			    const char *type, struct arena *arena, engine_referrers *ret_list,
			    struct buf *out, struct err *err);

/* ---- the whole ---- */

struct engine_info {
	size_t containers;
	size_t running;
	size_t images;
	const char *root;
	const char *state;
	const char *libexec;
	const char *kernel;
	const char *machine;
	const char *cgroups; /* "v1", "hybrid", "v2" */
	const char *version;
	json_strings security; /* "name=seccomp,profile=builtin", ... as Docker has them */
	uint32_t cpus;
	int64_t memory_bytes;
};

int engine_info(struct engine *engine, struct arena *arena, struct engine_info *ret_info,
		struct err *err);

#endif
