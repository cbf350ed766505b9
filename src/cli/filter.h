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
bool filters_match_image(const struct filters *filters, const struct engine_image *image);

#endif
