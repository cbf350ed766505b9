/*
 * internal.h - what the store's own files share; nobody else includes it.
 */
#ifndef CORTEN_STORE_INTERNAL_H
#define CORTEN_STORE_INTERNAL_H

#include <stdbool.h>

#include "store/store.h"

#define STORE_DOCUMENT_MAX ((size_t)4 << 20) /* bytes of one JSON document */
#define STORE_ARENA_MAX    ((size_t)64 << 20)
#define STORE_LAYERS_MAX   500 /* overlay's own limit */
#define STORE_NAMES_MAX    1000

struct store {
	char *root;
	int root_fd; /* O_DIRECTORY */
	struct db *db;
};

/* Opens a folder of the store (`layers`, `staging`, ...) for reading. */
int store_folder_open(const struct store *store, const char *name, struct err *err);

/* The load lock: shared by loads, exclusive to free layers. Returns its descriptor; closing unlocks. */
int store_lock_shared(const struct store *store, struct err *err);

/* The same lock, exclusive, without waiting: FD_NONE when somebody loads, another negative: failed. */
int store_lock_exclusive(const struct store *store, bool *ret_locked, struct err *err);

/*
 * Deletes rows of layers that no image needs and moves their folders, blobs without an image, and
 * folders without a row to the trash. Does nothing while somebody loads.
 */
int store_free_layers(struct store *store, struct err *err);

/* The id of the image that `reference` names, and whether a name or an id told it. */
int store_image_find_id(struct store *store, const char *reference, char ret_id[65],
			bool *ret_by_name, struct err *err);

/* The image of that id, without its configuration. */
int store_image_read(struct store *store, const char *id, struct store_image **ret_image,
		     struct err *err);

/* Whether the layer's archive can be written again: versions before did not keep what that takes. */
bool store_layer_is_whole(const struct store *store, const char *diff_id);

/* Moves what a layer of the store lacks for that from its twin beneath staging_fd, when there is one. */
int store_layer_complete(struct store *store, int staging_fd, const char *diff_id, struct err *err);

/* Gives `name` (complete) to image `id`, inside the caller's transaction. */
int store_name_put(struct store *store, const char *name, const char *id, struct err *err);

/* An arena's list of texts grows by one; -ENOMEM when the arena or `max` is full. */
int store_strings_add(json_strings *list, const char *text, size_t max, struct arena *arena,
		      struct err *err);

/* ---- staging: entries of unfinished work ---- */

struct store_staging {
	char name[32];
	int dir_fd;  /* of staging/NAME; only its owner looks into it */
	int lock_fd; /* of staging/NAME.lock, held with flock() */
};

int store_staging_make(const struct store *store, struct store_staging *ret_staging,
		       struct err *err);

/* Moves the entry to the trash and unlocks it. */
void store_staging_done(struct store *store, struct store_staging *staging);

/* Moves entries whose maker is gone to the trash. */
int store_staging_sweep(struct store *store, struct err *err);

/* Whether a document has the digest hex; ret_found: the one it has. */
bool store_document_is(const struct buf *text, const char *hex, char ret_found[65]);

/* Deletes what `name` beneath dirfd is, however deep, following no link. Uses no heap. */
int store_tree_remove(int dirfd, const char *name, struct err *err);

#endif
