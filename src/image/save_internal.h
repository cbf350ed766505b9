/*
 * save_internal.h - what the files of save share.
 */
#ifndef CORTEN_IMAGE_SAVE_INTERNAL_H
#define CORTEN_IMAGE_SAVE_INTERNAL_H

#include "base/arena.h"
#include "image/pack.h"
#include "image/sink.h"
#include "oci/image.h"
#include "store/wire_save.h"

#define SAVE_NAME_MAX 96

struct save_layer {
	const char *diff_id;
	struct packed packed;
};

struct save_image {
	char manifest[65];
	int64_t manifest_bytes;
};

struct save {
	int root_fd;
	int input_fd;
	struct arena arena;
	struct wire_save request;
	struct sink sink;
	struct save_layer *layers;
	size_t layer_count;
	struct save_image *images; /* as the request's */
};

/* Where a blob goes. */
const char *save_blob_name(const struct save *save, const char *digest, char name[SAVE_NAME_MAX]);
int save_blob(struct save *save, const char *digest, const char *data, size_t size,
	      struct err *err);

/* The hex digest of a layer's written form. */
const char *save_packed(const struct save *save, const char *diff_id);

/* "sha256:HEX" in the arena; NULL: out of memory. */
const char *save_digest(struct save *save, const char *hex);

/* save_documents.c: what stands beside the blobs, once all of them are written. */
int save_documents(struct save *save, struct err *err);

#endif
