/*
 * staged.h - what the store leaves in a staging folder for corten-image to read.
 */
#ifndef CORTEN_STORE_STAGED_H
#define CORTEN_STORE_STAGED_H

#include "store/internal.h"

/* A new file of that name. */
int staged_write(int dirfd, const char *name, const struct buf *text, struct err *err);

/* A document of the store, as WIRE_BLOBS/HEX: that folder is there. */
int staged_document(struct store *store, int dirfd, const char *hex, struct err *err);

#endif
