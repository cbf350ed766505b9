/*
 * hooks.h - programs that the configuration runs at points of a container's life.
 *
 * The container's state is their standard input. They run one after the other; the first failure ends
 * the list: ERR_SYSTEM with the hook's path, its exit, and the end of what it wrote to stderr. One
 * with a timeout, or for which a process is watched, has a process group of its own, which is killed when
 * time is up, or when that process has ended.
 */
#ifndef CORTEN_RUNTIME_HOOKS_H
#define CORTEN_RUNTIME_HOOKS_H

#include "base/err.h"
#include "oci/runtime_config.h"
#include "oci/state.h"

/* Executes a hook in a child that has its standard streams; never returns. */
typedef void hooks_execute(void *context, const struct oci_hook *hook);

/*
 * kind: "prestart" and its like, for errors. cwd: the folder they run in. watch_fd: the pidfd of a process
 * without which they are of no use, the container's first; or FD_NONE.
 */
int hooks_run(const oci_hook_list *hooks, const char *kind, const struct oci_state *state,
	      const char *cwd, int watch_fd, struct err *err);

/* Poststop hooks, of a container that is gone: a failure is told to warn, and the later ones run. */
void hooks_run_poststop(const struct oci_hooks *hooks, const struct oci_state *state,
			const char *cwd, void (*warn)(void *context, const char *text),
			void *warn_context);

/* The same as hooks_run() with the caller's way of executing: for hooks that run with a container's rights. */
int hooks_run_by(const oci_hook_list *hooks, const char *kind, const struct oci_state *state,
		 hooks_execute *execute, void *context, struct err *err);

#endif
