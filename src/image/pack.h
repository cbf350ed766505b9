/*
 * pack.h - packs a stream into a file and says what it became.
 *
 * Purpose    Layers as gzip (ISA-L's level 1) or zstd (its default level). The same bytes give the same
 *            packed bytes, as long as library and kind of processor are the same.
 * Errors     The source's, and the system's about the file.
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

/* Reads the stream to its end. packing is not STORE_PACKING_NONE. */
int pack_stream(struct stream *from, enum store_packing packing, int fd, struct packed *ret_packed,
		struct err *err);

#endif
