/*
 * referrers.h - what refers to an image: signatures, attestations, lists of its parts.
 *
 * Purpose    The referrers of the distribution specification 1.1: by its API, and where the registry has none, by
 *            the index under the tag "sha256-HEX" that clients keep in its place.
 * Ownership  Text lives in the arena.
 * Trust      A list is what anybody who may push says: what a descriptor names is checked by who fetches it.
 * Errors     ERR_INVALID for a list that is none. An image that nothing refers to has an empty list.
 */
#ifndef CORTEN_REMOTE_REFERRERS_H
#define CORTEN_REMOTE_REFERRERS_H

#include "oci/image.h"
#include "remote/session.h"

typedef JSON_LIST_OF(struct oci_descriptor) referrers_list;

/*
 * One index: adds those of its descriptors that are of the type (NULL: all). filtered: the registry says that it has
 * left out others, so that one without a type is of it.
 */
int referrers_parse(const char *text, size_t len, const char *artifact_type, bool filtered,
		    struct arena *arena, referrers_list *list, struct err *err);

/* Whether the header OCI-Filters-Applied names the filter by type. */
bool referrers_filtered(const char *header);

/* Of the manifest or index sha256:hex in the session's repository. artifact_type: NULL: any. */
int referrers_get(struct session *session, const char *hex, const char *artifact_type,
		  struct arena *arena, referrers_list *ret_list, struct err *err);

#endif
