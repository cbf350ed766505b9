/*
 * serve.h - answers corten-image's requests until it is gone, each on a thread.
 *
 * Purpose    The far end of image/served.h: a request comes with nothing but a kind and a digest, the answer is a
 *            pipe, filled meanwhile.
 * Trust      The other side reads hostile bytes: what it asks is checked, and it never has more than
 *            WIRE_ASKS_MAX transfers at once.
 * Errors     The first failure of any transfer; the transfers beside it are then left alone.
 */
#ifndef CORTEN_REMOTE_SERVE_H
#define CORTEN_REMOTE_SERVE_H

#include <stdbool.h>

#include "base/err.h"
#include "store/wire.h"

/* Writes what was asked for into fd, which it does not close. */
typedef int serve_fn(void *arg, const struct wire_request *request, int fd, struct err *err);

struct serve {
	int socket_fd; /* lent */
	bool (*valid)(const struct wire_request *request);
	serve_fn *write;
	void *arg;
	/* Called once, from any thread, when a transfer has failed: it does not return. */
	void (*fail)(void *arg, const struct err *err);
};

/* 0 when the other side has closed. All transfers have ended then. */
int serve_run(const struct serve *serve, struct err *err);

#endif
