/*
 * store.h - images on disk: names, configurations, unpacked layers.
 *
 * Purpose    The engine's view of the image store under one root folder (`/var/lib/corten`):
 *              corten.db                 tables images, image_names, image_digests, layers, image_layers, layer_blobs (and the engine's)
 *              blobs/sha256/HEX          configurations and manifests, named by their digest
 *              layers/HEX/diff           one unpacked layer, an overlay lower folder, named by its diff-id
 *              layers/HEX/headers.zst    what else its archive held (image/headers.h); with kept/, content
 *                                        that the archive itself replaced
 *              staging/NAME, NAME.lock   unfinished work; an entry whose lock nobody holds is removed
 *              trash/                    to be deleted off the path
 *              load.lock                 shared by whoever loads, exclusive while layers are freed
 * Ownership  Images handed out are freed with store_image_free()/store_images_free() and do not depend
 *            on the store afterwards.
 * Errors     Not found, conflict (in use, several names, ambiguous id) and invalid (hostile or broken
 *            archives) are kinds of their own. A crash at any point leaves the store valid; what it left
 *            behind is removed by the next load or removal.
 * Threads    One struct store belongs to one thread at a time; any number of processes may share a root.
 */
#ifndef CORTEN_STORE_STORE_H
#define CORTEN_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "oci/image.h"
#include "store/db.h"
#include "store/reference.h"

#define STORE_ROOT_DEFAULT "/var/lib/corten"

struct store;

/* Opens the store, making its folders (0700) and tables when they are missing. Scans nothing. */
int store_open(const char *root, struct store **ret_store, struct err *err);
void store_close(struct store *store);

/* The database (lent), for the engine's own tables: db_migrate(store_db(s), DB_ENGINE, ...). */
struct db *store_db(struct store *store);

/* A descriptor of the root folder (lent), for the engine's own folders beneath it. */
int store_root_fd(const struct store *store);

/* ---- images ---- */

struct store_image {
	struct arena arena;   /* all that follows lives here */
	const char *id;       /* hex sha256 of the configuration, without "sha256:" */
	const char *manifest; /* hex digest of the manifest, NULL when loaded without one */
	json_strings names;   /* complete, "docker.io/library/busybox:latest" */
	json_strings digests; /* what it was pulled as, "docker.io/library/busybox@sha256:HEX" */
	int64_t created_s;    /* Unix time from the configuration; 0: not said */
	int64_t loaded_s;     /* Unix time */
	int64_t size_bytes;   /* of the unpacked layers' files */
	const char *architecture;
	const char *os;
	json_strings layers; /* hex diff-ids, the lowest first; store_layer_open() opens one */
	struct oci_image_config *config; /* NULL in lists */
};

/*
 * Finds the image that a user names: a name in any form, an id or its beginning, `name@sha256:HEX`
 * or `sha256:HEX` of its manifest, or `name@sha256:HEX` as it was pulled. A name wins over an id's beginning, as with Docker.
 */
int store_image_find(struct store *store, const char *reference, struct store_image **ret_image,
		     struct err *err);
void store_image_free(struct store_image *image);

/* The id alone, which takes one query and reads no document. */
int store_image_id(struct store *store, const char *reference, char ret_id[65], struct err *err);

typedef JSON_LIST_OF(struct store_image *) store_images;

/* All images, the newest first, without their configurations. */
int store_image_list(struct store *store, store_images *ret_images, struct err *err);
void store_images_free(store_images *images);

/* Gives the image a further name; a name that stood for another image moves. */
int store_image_tag(struct store *store, const char *reference, const char *name, struct err *err);

/* The configuration's own bytes, for inspect. */
int store_image_config_text(struct store *store, const char *id, struct buf *out, struct err *err);

/* What containers do with an image. Called inside the removal's transaction: it may query store_db(). */
enum store_use {
	STORE_UNUSED,
	STORE_USED, /* by a container that does not run */
	STORE_RUNNING,
};
typedef int store_use_fn(void *arg, const char *image_id, char ret_user[65],
			 enum store_use *ret_use, struct err *err);

struct store_remove {
	const char *reference;
	bool force;
	store_use_fn *use; /* NULL: nothing uses images */
	void *use_arg;
};

struct store_removed {
	struct arena arena;
	json_strings untagged; /* complete names */
	const char
		*deleted; /* the image's id, NULL when it has other names left or is kept in use */
};

/*
 * Removes a name, and with the last name the image; by id: every name and the image. Refused with
 * ERR_CONFLICT: an image a running container uses; without force also one that a stopped container
 * uses, and an id that has several names. Forced while a stopped container uses it, the image loses its
 * names and is kept. Layers that no image needs any more go to the trash: store_trash_empty_later().
 */
int store_image_remove(struct store *store, const struct store_remove *request,
		       struct store_removed *ret_removed, struct err *err);
void store_removed_done(struct store_removed *removed);

struct store_prune {
	json_strings ids;  /* which may go, when they still exist and nothing uses them */
	bool all;          /* those with a name too */
	bool dry_run;      /* nothing is removed; the result is as if it was */
	store_use_fn *use; /* NULL: nothing uses images */
	void *use_arg;
};

struct store_pruned {
	struct arena arena;
	json_strings gone; /* each image's complete names, then its id, which alone has no slash */
	int64_t bytes;     /* of layers that no image needs any more */
};

/* Removes those of the images that nothing uses, in one transaction. */
int store_image_prune(struct store *store, const struct store_prune *request,
		      struct store_pruned *ret_pruned, struct err *err);
void store_pruned_done(struct store_pruned *pruned);

/* Takes names from an image, which stays; no names: all of them. */
int store_image_untag(struct store *store, const char *reference, const json_strings *names,
		      struct err *err);

/* The bytes of each of the image's layers, the lowest first; `room` at most. Returns how many. */
int store_image_layer_sizes(struct store *store, const char *id, int64_t *ret_sizes, size_t room,
			    struct err *err);

/* An O_PATH descriptor of the layer's tree, for overlay's `lowerdir+`; the caller closes it. */
int store_layer_open(struct store *store, const char *diff_id, struct err *err);

/* ---- load and import ---- */

enum store_event_kind {
	STORE_EVENT_LAYER,    /* a layer begins: total_bytes of its packed form, 0 when not known */
	STORE_EVENT_PROGRESS, /* done_bytes of total_bytes */
	STORE_EVENT_DONE,     /* the layer is unpacked */
	STORE_EVENT_KNOWN,    /* the layer was there already */
	STORE_EVENT_MOUNTED,  /* push: it is there now, from the repository `from` */
};

struct store_event {
	enum store_event_kind kind;
	uint32_t layer; /* counts from 0 over all images of the archive */
	char name[65];  /* diff-id or digest in hex, "" when not known yet */
	int64_t done_bytes;
	int64_t total_bytes;
	const char *from; /* STORE_EVENT_MOUNTED; else NULL */
};
typedef void store_event_fn(void *arg, const struct store_event *event);

enum store_source {
	STORE_LOAD,   /* docker-archive, OCI archive or, as a folder, OCI layout */
	STORE_IMPORT, /* a root filesystem as tar or, as a folder, a tree */
	STORE_PULL,   /* store_pull() alone: what corten-remote fetches */
};

struct store_load {
	enum store_source source;
	int input_fd;         /* a file, a pipe or a folder; stays the caller's */
	const char *program;  /* path of corten-image */
	const char *name;     /* import, and load of one image: its name; NULL: the archive's own */
	const char *pulled;   /* pull: the reference, complete */
	json_strings changes; /* import: `CMD ["x"]`, `ENV A=b`, ... as Dockerfile lines */
	const char *message;  /* import: comment in the history */
	const char *platform; /* "linux/arm64"; NULL: this machine's */
	int64_t max_bytes;    /* unpacked bytes of one layer; 0: IMAGE_LAYER_BYTES_MAX */
	store_event_fn *event; /* NULL: not wanted */
	void *event_arg;
};

struct store_loaded {
	struct arena arena;
	struct store_loaded_image {
		const char *id;
		json_strings names; /* complete; empty when it has none */
	} * items;
	size_t count;
};

/* Unpacks what input_fd holds and names it. Blocks; on failure the store is as before. */
int store_load(struct store *store, const struct store_load *request,
	       struct store_loaded *ret_loaded, struct err *err);
void store_loaded_done(struct store_loaded *loaded);

/* ---- pull ---- */

struct store_pull {
	const char *reference; /* in any form; one with a digest gives the image no name */
	const char *program;   /* path of corten-image */
	const char *remote;    /* path of corten-remote */
	json_strings options;  /* arguments of corten-remote, such as --tls-verify=false */
	const char *password;  /* of the user that they name; NULL: none */
	const char *platform;  /* as in struct store_load */
	int64_t max_bytes;
	store_event_fn *event;
	void *event_arg;
};

/*
 * Fetches an image from its registry, unpacks and names it. Two pulls of one reference take turns: the second
 * finds the layers there. Blocks; on failure the store is as before.
 */
int store_pull(struct store *store, const struct store_pull *request,
	       struct store_loaded *ret_loaded, struct err *err);

/* ---- save ---- */

enum store_form {
	STORE_FORM_DOCKER_ARCHIVE, /* as Docker writes it since 25: an OCI layout with manifest.json */
	STORE_FORM_OCI_ARCHIVE,
	STORE_FORM_DOCKER_DIR, /* a folder of one image, with Docker's media types */
	STORE_FORM_OCI_DIR,
};

enum store_packing {
	STORE_PACKING_NONE,
	STORE_PACKING_GZIP,
	STORE_PACKING_ZSTD,
};

/* What people call them; each list ends with NULL. */
extern const char *const store_form_names[];
extern const char *const store_packing_names[];

struct store_save {
	json_strings references; /* as store_image_find() takes them; a bare name: all its tags */
	enum store_form form;
	enum store_packing packing; /* of layers */
	int output_fd;              /* a file or a pipe; an empty folder for the _DIR forms */
	const char *program;        /* path of corten-image */
};

/*
 * Writes images so that others load them: the same configurations, so the same ids, and layers whose
 * bytes have the diff-ids that they were loaded with. Blocks; on failure the output is worth nothing.
 */
int store_save(struct store *store, const struct store_save *request, struct err *err);

/* ---- copy ---- */

struct store_copy {
	const char *reference; /* in a registry; NULL: what input_fd holds */
	int input_fd;          /* an archive, or a folder */
	const char *program;   /* path of corten-image */
	const char *remote;    /* path of corten-remote */
	json_strings options;  /* its arguments; password: as in struct store_pull */
	const char *password;
	const char *source_name; /* in an archive or folder; NULL: the only image there */
	enum store_form form;
	int output_fd;
	const char *name; /* in the destination; NULL: none */
	const char
		*destination; /* in a registry, in place of form, output_fd and name; NULL: those */
	json_strings destination_options;
	const char *destination_password;
	const char *platform; /* as in struct store_load */
	bool all;             /* an index with all that it names */
	store_event_fn *event;
	void *event_arg;
};

/* From one form into another without unpacking; the store keeps nothing. ret_digest: of what was copied. */
int store_copy(struct store *store, const struct store_copy *request, char ret_digest[72],
	       struct err *err);

/*
 * Fills the empty folder output_fd with the image's root filesystem: the layers as one tree, files with
 * all that they have in a container.
 */
int store_unpack(struct store *store, const struct store_image *image, const char *program,
		 int output_fd, struct err *err);

/* ---- push ---- */

enum store_manifest {
	STORE_MANIFEST_KEPT, /* as the image's own is, or OCI's */
	STORE_MANIFEST_OCI,
	STORE_MANIFEST_V2S2, /* Docker's, schema 2 */
};

/* "", "oci", "v2s2", and NULL. */
extern const char *const store_manifest_names[];

struct store_push {
	const char *reference;   /* as store_image_find() takes it */
	const char *destination; /* a name in any form, without a digest */
	const char *program;     /* path of corten-image */
	const char *remote;      /* path of corten-remote */
	json_strings options;    /* arguments of corten-remote */
	const char *password;    /* of the user that they name; NULL: none */
	enum store_manifest form;
	enum store_packing packing; /* of layers that the registry lacks */
	bool repack;                /* of all layers */
	int level;                  /* of packing; 0: the usual */
	store_event_fn *event;
	void *event_arg;
};

struct store_pushed {
	char destination[REFERENCE_TEXT_MAX]; /* complete */
	char digest[65];                      /* hex, of the manifest */
	int64_t manifest_bytes;
};

/*
 * Puts an image into a registry: layers that are there, or in another repository of that registry, are not sent.
 * Where it can be, the manifest is the one that the image came with, byte for byte; the id is the same in any case.
 */
int store_push(struct store *store, const struct store_push *request,
	       struct store_pushed *ret_pushed, struct err *err);

/* ---- removal off the path ---- */

/* Moves dirfd/name (a folder or file of the same filesystem) into the trash: one rename. */
int store_trash_put(struct store *store, int dirfd, const char *name, struct err *err);

/* Starts a detached process that deletes the trash and stale staging entries; does not wait for it. */
int store_trash_empty_later(struct store *store, const char *program, struct err *err);

/* The same, now; what corten-image's `clean` runs. Another process at it: nothing to do, 0. */
int store_trash_empty(struct store *store, struct err *err);

#endif
