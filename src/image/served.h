/*
 * served.h - an archive that another process serves from a registry, member by member.
 *
 * Purpose    Asks corten-remote over the socket of store/wire.h and gets each member as the reading end of a
 *            pipe. The bytes are as hostile as any archive's: whoever reads them checks size and digest.
 * Ownership  The socket stays the caller's.
 * Errors     Only that the other side has gone: why, it tells the store itself.
 * Threads    Any number may ask at once.
 */
#ifndef CORTEN_IMAGE_SERVED_H
#define CORTEN_IMAGE_SERVED_H

#include <pthread.h>

#include "base/err.h"
#include "store/wire.h"

struct served {
	int socket_fd; /* lent */
	pthread_mutex_t mutex;
};

/* hex is NULL for the index. Returns the pipe, which the caller closes. */
int served_ask(struct served *served, enum wire_ask ask, const char *hex, struct err *err);

#endif
