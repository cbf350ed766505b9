/*
 * listener.h - a seccomp program's listener on its way to the agent of `linux.seccomp.listenerPath`.
 *
 * Way        The stage loads the program and sends the listener over a socket pair that exists for it
 *            alone; the runtime passes it on with the specification's container process state.
 * Ownership  The descriptors of a pair are the caller's, close-on-exec.
 */
#ifndef CORTEN_RUNTIME_LISTENER_H
#define CORTEN_RUNTIME_LISTENER_H

#include <sys/types.h>

#include "base/err.h"
#include "oci/state.h"
#include "runtime/filter.h"

/* The pair for a program that has a listener; for another nothing is made and 0 returned. */
int listener_pair(const struct filter *filter, int ret_fds[2], struct err *err);

/*
 * Waits for the listener and sends it to the agent, as of process pid of a container in that state; the
 * process goes on only then.
 * Returns 1 when done, and 0 when the process ended before it had one: its own message says why.
 */
int listener_forward(int sock, const struct filter *filter, const struct oci_state *state,
		     pid_t pid, struct err *err);

#endif
