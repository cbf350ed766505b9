/*
 * inflate.h - a stream out of a packed one: gzip, zstd, or bytes that are not packed, told by magic.
 *
 * Ownership  inflate_new() gives a stream, freed by inflate_free(); the source is lent.
 * Errors     ERR_INVALID: broken data, an early end, bytes after the end of the packed data, more than
 *            max_bytes; ERR_UNSUPPORTED: bzip2, xz.
 */
#ifndef CORTEN_IMAGE_INFLATE_H
#define CORTEN_IMAGE_INFLATE_H

#include "image/digest.h"
#include "image/stream.h"

struct inflate;

/* digest (lent, may be NULL) is fed with what comes out, max_bytes bounds that. */
int inflate_new(struct stream *from, struct digest *digest, int64_t max_bytes,
		struct inflate **ret_inflate, struct err *err);
void inflate_free(struct inflate *inflate);

struct stream *inflate_stream(struct inflate *inflate);

/* Whether the source was packed; known after the first byte was read. */
bool inflate_is_packed(const struct inflate *inflate);

#endif
