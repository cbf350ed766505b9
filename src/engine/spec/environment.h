/*
 * environment.h - the environment and the labels of a container.
 *
 * Purpose    `-e`, `--env-file`, `--label` and `--label-file` into "NAME=VALUE" lists, and an image's
 *            environment with a user's on top.
 * Ownership  Results live in the arena.
 * Limits     ENVIRONMENT_FILE_MAX bytes in a file, ENVIRONMENT_COUNT_MAX variables.
 * Errors     ERR_INVALID naming the file and line.
 */
#ifndef CORTEN_ENGINE_SPEC_ENVIRONMENT_H
#define CORTEN_ENGINE_SPEC_ENVIRONMENT_H

#include "base/json.h"

#define ENVIRONMENT_FILE_MAX  (1024 * 1024)
#define ENVIRONMENT_COUNT_MAX 8192

/*
 * Reads the files in order, then appends the list: later ones win. A name without "=" takes its
 * value from `host` (environ), and is left out where that lacks it.
 */
int environment_resolve(const json_strings *files, const json_strings *list, char *const *host,
			struct arena *arena, json_strings *ret_list, struct err *err);

/* The same for labels: a name without "=" has an empty value. The last value of a name stays. */
int environment_resolve_labels(const json_strings *files, const json_strings *list,
			       struct arena *arena, json_pairs *ret_labels, struct err *err);

/*
 * `base` with `over` on top: a name that is set again keeps its place. An entry of `over` without "="
 * removes the name.
 */
int environment_merge(const json_strings *base, const json_strings *over, struct arena *arena,
		      json_strings *ret_list, struct err *err);

/* The value of NAME in the list, or NULL. */
const char *environment_get(const json_strings *list, const char *name);

#endif
