/*
 * deliver.h - what a push asks of corten-remote: is a blob there, mount it, take it, put the manifest.
 *
 * Purpose    The near end of store/wire_push.h. Bodies are written by a callback, which is called again where an
 *            upload broke: it must write the same again.
 * Ownership  The socket stays the caller's.
 * Errors     The body's own; else only that the other side has gone: why, it tells the store itself.
 * Threads    Any number may ask at once.
 */
#ifndef CORTEN_IMAGE_DELIVER_H
#define CORTEN_IMAGE_DELIVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"
#include "image/pack.h"
#include "store/wire_push.h"

struct deliver {
	int socket_fd; /* lent */
	pthread_mutex_t mutex;
	atomic_uint next;
};

struct deliver_body {
	int fd;
	bool refused; /* the other side wants no more of it */
};

/* Writes all of a body with deliver_put(), a pack_put_fn whose arg is the body, and says what it was. */
typedef int deliver_fn(void *arg, struct deliver_body *body, struct packed *ret_packed,
		       struct err *err);

int deliver_put(void *arg, const void *data, size_t size, struct err *err);

/* 1: it is there, or now; 0: it is not. */
int deliver_have(struct deliver *deliver, const char *hex, struct err *err);
int deliver_mount(struct deliver *deliver, const char *hex, uint32_t from, struct err *err);

/* hex: NULL when it is packed on the way. */
int deliver_blob(struct deliver *deliver, const char *hex, deliver_fn *write, void *arg,
		 struct packed *ret_packed, struct err *err);

struct deliver_document {
	const char *hex;
	const char *media_type; /* of a manifest; NULL: a blob */
	bool part;              /* the manifest is put by its digest alone */
	const char *data;
	size_t size;
};

int deliver_document(struct deliver *deliver, const struct deliver_document *document,
		     struct err *err);

#endif
