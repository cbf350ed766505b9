/*
 * headers_internal.h - the format's numbers, for the two sides of headers.h.
 */
#ifndef CORTEN_IMAGE_HEADERS_INTERNAL_H
#define CORTEN_IMAGE_HEADERS_INTERNAL_H

#include "image/headers.h"

#define HEADERS_VERSION    1
#define HEADERS_HEAD_BYTES ((size_t)24)

/* The skippable frame: its magic and its size, both little endian, and what begins its 16 bytes. */
#define HEADERS_MAGIC "\x5e\x2a\x4d\x18\x10\0\0\0CTNHDR\0"

enum headers_op {
	HEADERS_END,
	HEADERS_BYTES,
	HEADERS_FILE,
	HEADERS_CONTENT,
};

#endif
