/*
 * pages.h - a list that a registry gives in pages, each naming where the next is.
 *
 * Purpose    Follows the header Link at the registry itself and nowhere else, up to a bounded number of pages and
 *            bytes.
 * Errors     ERR_DENIED for a link that leads to another server, ERR_INVALID for a list without end.
 * Threads    As session.h.
 */
#ifndef CORTEN_REMOTE_PAGES_H
#define CORTEN_REMOTE_PAGES_H

#include "remote/session.h"

/* One page's text, with a NUL behind it. 0, 1: it is enough, or negative. */
typedef int pages_fn(void *arg, const char *text, size_t len, const struct session_answer *answer,
		     struct err *err);

/* path: as in struct session_request. accept: a header. */
int pages_get(struct session *session, const char *path, const char *accept, pages_fn *page,
	      void *arg, struct err *err);

#endif
