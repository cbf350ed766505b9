/*
 * pack.h - packs a stream and says what it became.
 *
 * Purpose    Layers as gzip (ISA-L's, whose three levels the nine of others stand for), zstd, or as they are. The
 *            same bytes give the same packed bytes, as long as library and kind of processor are the same.
 * Errors     The source's, and those of whoever takes what is packed.
 */
#ifndef CORTEN_IMAGE_PACK_H
#define CORTEN_IMAGE_PACK_H

#include <stdint.h>

#include "image/stream.h"
#include "store/store.h"

struct packed {
	char digest[65]; /* hex, of what was written */
	int64_t size_bytes;
};

/* Takes a piece of what is packed. */
typedef int pack_put_fn(void *arg, const void *data, size_t size, struct err *err);

struct pack {
	enum store_packing packing;
	int level; /* gzip 1 to 9, zstd 1 to 22; 0: the usual */
	pack_put_fn *put;
	void *arg;
};

/* Reads the stream to its end. */
int pack_stream(struct stream *from, const struct pack *pack, struct packed *ret_packed,
		struct err *err);

/* A pack_put_fn into a file; arg: int *, its descriptor. */
int pack_into_file(void *arg, const void *data, size_t size, struct err *err);

#endif
