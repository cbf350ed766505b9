/*
 * hooks.h - programs that the configuration runs at points of a container's life.
 *
 * The container's state is their standard input. They run one after the other; the first failure ends
 * the list: ERR_SYSTEM with the hook's path, its exit, and the end of what it wrote to stderr.
 */
#ifndef CORTEN_RUNTIME_HOOKS_H
#define CORTEN_RUNTIME_HOOKS_H

#include "base/err.h"
#include "oci/runtime_config.h"
#include "oci/state.h"

/* kind: "prestart" and its like, for errors. cwd: the folder they run in. */
int hooks_run(const oci_hook_list *hooks, const char *kind, const struct oci_state *state,
	      const char *cwd, struct err *err);

#endif
