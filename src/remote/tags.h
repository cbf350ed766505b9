/*
 * tags.h - which tags a repository has.
 *
 * Ownership  Text lives in the arena.
 * Errors     ERR_INVALID for a list that is none, and for tags that are none.
 */
#ifndef CORTEN_REMOTE_TAGS_H
#define CORTEN_REMOTE_TAGS_H

#include "base/json.h"
#include "remote/session.h"

/* One page: adds its tags to the list, up to max. 1: there may be more than that. */
int tags_parse(const char *text, size_t len, size_t max, struct arena *arena, json_strings *tags,
	       struct err *err);

/* The tags of the session's repository in the registry's order: all, or the first `limit`; 0: all. */
int tags_list(struct session *session, size_t limit, struct arena *arena, json_strings *ret_tags,
	      struct err *err);

#endif
