/*
 * link.h - the header Link (RFC 8288): where a list goes on.
 *
 * Purpose    Takes apart a value that may hold several links, and keeps the target of the one that is "next".
 * Ownership  Plain text, as it was written: the caller resolves it and decides whether to follow.
 */
#ifndef CORTEN_REMOTE_LINK_H
#define CORTEN_REMOTE_LINK_H

#include <stdbool.h>
#include <stddef.h>

/* false, with "" in ret_target, when there is no such link, it does not fit, or the value is none. */
bool link_next(const char *value, char *ret_target, size_t size);

#endif
