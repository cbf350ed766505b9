/*
 * registries.h - containers-registries.conf(5): which registry stands for which, and how it is met.
 *
 * Purpose    The tables [[registry]] with prefix, location, insecure, blocked, mirrors. Short names are Docker's here:
 *            `unqualified-search-registries` and aliases are read over.
 * Ownership  Text lives in the arena.
 * Errors     ERR_INVALID with the file and line.
 */
#ifndef CORTEN_REMOTE_REGISTRIES_H
#define CORTEN_REMOTE_REGISTRIES_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/json.h"
#include "store/reference.h"

enum registries_pull {
	REGISTRIES_ALL,
	REGISTRIES_DIGEST_ONLY,
	REGISTRIES_TAG_ONLY,
};

struct registries_place {
	const char *location; /* what stands in the prefix's place; NULL: the prefix itself */
	bool insecure;
	enum registries_pull pull; /* of a mirror */
};

struct registries_entry {
	const char *prefix; /* "host", "host/path", "*.domain" */
	struct registries_place place;
	bool blocked;
	bool mirrors_by_digest_only;
	JSON_LIST_OF(struct registries_place) mirrors;
};

struct registries {
	struct arena *arena;
	JSON_LIST_OF(struct registries_entry) entries;
};

/* Adds what one file says; an entry of the same prefix is replaced. name: for errors. */
int registries_parse(struct registries *registries, const char *text, size_t len, const char *name,
		     struct err *err);

/* Reads the files of this user, or of the system. */
int registries_load(struct registries *registries, char *const *env, struct err *err);

/* The entry of the longest prefix; NULL: none. */
const struct registries_entry *registries_find(const struct registries *registries,
					       const struct reference *reference);

#define REGISTRIES_ENDPOINTS_MAX 16

struct registries_endpoint {
	struct reference reference; /* as it is called there */
	bool insecure;
};

/* Where a reference can be had, in the order to try: mirrors, then the registry. ERR_DENIED when it is blocked. */
int registries_resolve(const struct registries *registries, const struct reference *reference,
		       struct registries_endpoint ret_endpoints[REGISTRIES_ENDPOINTS_MAX],
		       size_t *ret_count, struct err *err);

#endif
