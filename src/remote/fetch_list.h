/*
 * fetch_list.h - the lists among what fetch.h answers: tags and referrers, composed anew.
 *
 * Purpose    What passes on is not the registry's text but what was understood of it, whole and bounded.
 * Errors     As tags.h and referrers.h.
 */
#ifndef CORTEN_REMOTE_FETCH_LIST_H
#define CORTEN_REMOTE_FETCH_LIST_H

#include "remote/fetch.h"

/* Appends the document. */
int fetch_list(struct fetch *fetch, const struct wire_request *request, struct buf *out,
	       struct err *err);

#endif
