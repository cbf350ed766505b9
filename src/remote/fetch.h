/*
 * fetch.h - what a pull asks a registry for: what a name stands for, manifests, blobs.
 *
 * Purpose    The index of store/wire.h (one descriptor) is made here from the registry's answer; all else is
 *            passed through. What comes is checked by who reads it.
 * Ownership  struct fetch keeps the document that the name stood for: it is asked for once.
 * Threads    Any.
 */
#ifndef CORTEN_REMOTE_FETCH_H
#define CORTEN_REMOTE_FETCH_H

#include <pthread.h>

#include "remote/session.h"
#include "store/wire.h"

/* A registry, or a mirror of it, and what the image is called there. */
struct fetch_source {
	struct session *session;
	const struct reference *reference;
};

/* What lists are asked for. */
struct fetch_lists {
	size_t tags_max;           /* 0: all */
	const char *artifact_type; /* of referrers; NULL: any */
};

struct fetch {
	const struct fetch_source *sources; /* lent; the first that knows the name is kept to */
	size_t source_count;
	struct fetch_lists lists;
	size_t source;         /* that one, once resolved */
	pthread_mutex_t mutex; /* of what follows */
	bool resolved;
	struct buf document;
	char media_type[256];
	char hex[65];
};

void fetch_init(struct fetch *fetch, const struct fetch_source *sources, size_t count);
void fetch_done(struct fetch *fetch);

/* Whether a request is one: a known kind, and 64 lower-case hex digits where they belong. */
bool fetch_request_valid(const struct wire_request *request);

/* Writes what was asked for into fd. A reader that has had enough is no failure. */
int fetch_write(struct fetch *fetch, const struct wire_request *request, int fd, struct err *err);

#endif
