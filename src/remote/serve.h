/*
 * serve.h - answers corten-image's requests until it is gone, each on a thread.
 *
 * Purpose    The far end of image/served.h: a request comes with nothing but a kind and a digest, the answer is a
 *            pipe, filled meanwhile. And that of image/deliver.h: there the answer is an end of a stream socket.
 * Trust      The other side reads hostile bytes: what it asks is checked, and it never has more than
 *            WIRE_ASKS_MAX transfers at once.
 * Errors     The first failure of any transfer; the transfers beside it are then left alone.
 */
#ifndef CORTEN_REMOTE_SERVE_H
#define CORTEN_REMOTE_SERVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "store/wire.h"

/* Does what was asked for over fd, which it does not close: a pipe to write into, or a socket. */
typedef int serve_fn(void *arg, const void *request, int fd, struct err *err);

#define SERVE_REQUEST_MAX 512

struct serve {
	int socket_fd; /* lent */
	size_t request_size;
	bool both_ways; /* a socket, not a pipe */
	bool (*valid)(const void *request);
	serve_fn *serve;
	/* Whether a request is one that another waits for; takes its descriptor then. NULL: none is. */
	bool (*adopt)(void *arg, const void *request, int *fd);
	void (*closed)(void *arg); /* no request comes any more; NULL: nobody waits for one */
	void *arg;
	/* Called once, from any thread, when a transfer has failed: it does not return. */
	void (*fail)(void *arg, const struct err *err);
};

/* 0 when the other side has closed. All transfers have ended then. */
int serve_run(const struct serve *serve, struct err *err);

#endif
