/*
 * layer.h - unpacks one layer in one pass: read, hash, inflate, hash, untar.
 *
 * Purpose    From a packed stream to `layers/HEX/diff` in the program's folder, HEX being the digest
 *            of the unpacked bytes, and `layers/HEX/opaque` where folders are opaque. What the tree cannot
 *            give back of the archive goes beside it, to `headers.zst` and `kept` (see headers.h).
 * Errors     ERR_INVALID with both values where a digest is another than the one expected.
 * Threads    Any number of layers at once; each job belongs to one thread.
 */
#ifndef CORTEN_IMAGE_LAYER_H
#define CORTEN_IMAGE_LAYER_H

#include <stdint.h>

#include "image/stream.h"

/* Folders that all jobs share. */
struct layer_place {
	int work_fd;   /* where unfinished trees grow */
	int layers_fd; /* where finished ones go */
	int trash_fd;
	int64_t max_bytes;
};

struct layer_job {
	const struct layer_place *place;
	uint32_t number; /* unlike that of any other job */
	int fd;
	int64_t offset;      /* negative: read on */
	int64_t size_bytes;  /* negative: to the end */
	const char *digest;  /* hex expected of the packed bytes; "" or NULL: none */
	const char *diff_id; /* hex expected of the unpacked ones; NULL: none */
	stream_watch_fn *watch;
	void *watch_arg;
};

struct layer_result {
	char diff_id[65];
	int64_t size_bytes; /* of the files */
};

/* Opens or makes the shared folders beneath root_fd. */
int layer_place_open(struct layer_place *place, int root_fd, struct err *err);
void layer_place_close(struct layer_place *place);

int layer_unpack(const struct layer_job *job, struct layer_result *ret_result, struct err *err);

#endif
