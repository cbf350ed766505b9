/*
 * assemble.h - an unpacked layer's tar archive again, byte for byte, out of its tree and its headers.
 *
 * Purpose    A stream for whoever saves, pushes or copies. The tree was made by strangers: all is opened
 *            beneath the layer's folder, through no link.
 * Ownership  assemble_open() and assemble_close(); descriptors are lent while it opens only.
 * Errors     ERR_NOT_FOUND: the layer has no headers, or a file is missing; ERR_INVALID: what comes out
 *            is not what the diff-id names. That shows at the end: nothing of a stream whose end was
 *            not reached may be believed.
 */
#ifndef CORTEN_IMAGE_ASSEMBLE_H
#define CORTEN_IMAGE_ASSEMBLE_H

#include <stdint.h>

#include "image/stream.h"

struct assemble;

/* layers_fd: the store's folder of layers. diff_id: 64 hex digits. */
int assemble_open(int layers_fd, const char *diff_id, struct assemble **ret_assemble,
		  struct err *err);
void assemble_close(struct assemble *assemble);

/* Known before the first byte is read. */
int64_t assemble_size(const struct assemble *assemble);

struct stream *assemble_stream(struct assemble *assemble);

#endif
