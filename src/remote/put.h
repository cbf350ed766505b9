/*
 * put.h - what corten-image asks of a push: the far end of image/deliver.h.
 *
 * Purpose    Each request of store/wire_push.h is answered on a thread of serve.h, with a stream socket. An upload that
 *            broke gets its bytes again through the socket of a further request of the same number.
 * Ownership  put_init() and put_done(); what it is given is lent.
 * Trust      The other side opens what strangers laid out: it puts into the one repository that the session is for,
 *            under the one name, and mounts from those repositories alone that the store named.
 * Threads    Any.
 */
#ifndef CORTEN_REMOTE_PUT_H
#define CORTEN_REMOTE_PUT_H

#include <pthread.h>

#include "remote/session.h"
#include "store/wire_push.h"

struct put_parked;

struct put {
	struct session *session;
	const struct reference *reference;
	const json_strings *from;
	pthread_mutex_t mutex; /* of what follows */
	pthread_cond_t changed;
	struct put_parked *parked;  /* uploads that wait for their bytes */
	bool closed;                /* nobody will bring them */
	char spare[REMOTE_URL_MAX]; /* an upload that the registry began in place of a mount */
};

void put_init(struct put *put, struct session *session, const struct reference *reference,
	      const json_strings *from);
void put_done(struct put *put);

/* Whether a request is one. */
bool put_request_valid(const void *request);

/* The callbacks of struct serve; arg: the struct put. */
int put_serve(void *arg, const void *request, int fd, struct err *err);
bool put_adopt(void *arg, const void *request, int *fd);
void put_closed(void *arg);

#endif
