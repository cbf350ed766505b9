/*
 * filter.h - `--filter KEY=VALUE`: several of one key are alternatives (labels: all must hold), several
 * keys must all hold.
 */
#ifndef CORTEN_CLI_FILTER_H
#define CORTEN_CLI_FILTER_H

#include "engine/engine.h"

struct filters {
	json_pairs list;
};

/* ERR_INVALID for a key that is not among `keys`, which a NULL ends. */
int filters_parse(const json_strings *texts, const char *const *keys, struct arena *arena,
		  struct filters *ret_filters, struct err *err);

bool filters_have(const struct filters *filters, const char *key);
bool filters_match_container(const struct filters *filters,
			     const struct engine_container *container);

/* By dangling, label and label! alone; the image's labels are read already. */
bool filters_match_image(const struct filters *filters, const struct engine_image *image);

/* By reference; NULL, an image without a name, matches when nothing is asked. */
bool filters_match_reference(const struct filters *filters, const char *name);

/* The value of the first filter of that key, or NULL. */
const char *filters_first(const struct filters *filters, const char *key);

#endif
