/*
 * remote_ask.h - documents from corten-remote, for who reads a registry without unpacking.
 *
 * Trust      What comes is as hostile as the registry: it is bounded, and compared with its digest where it has one.
 * Errors     What corten-remote says goes before what its reader makes of the end of the bytes.
 */
#ifndef CORTEN_STORE_REMOTE_ASK_H
#define CORTEN_STORE_REMOTE_ASK_H

#include "base/buf.h"
#include "base/fd.h"
#include "store/remote.h"
#include "store/wire.h"

/* Asks and reads the whole answer. hex: NULL for what has none; a manifest or a blob must be of that digest. */
int remote_read(const struct remote *remote, enum wire_ask ask, const char *hex, struct buf *out,
		struct err *err);

#endif
