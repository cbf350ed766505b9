/*
 * terminal.h - a foreground run or exec: bytes between the user's terminal and the container's,
 * signals, and the exit status.
 */
#ifndef CORTEN_RUNTIME_TERMINAL_H
#define CORTEN_RUNTIME_TERMINAL_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* Receives the container's terminal over the socket that the console step made. */
int terminal_receive(int socket, struct err *err);

/* Beside the child, what a foreground container may have to be looked after. */
struct terminal_extras {
	bool reap; /* the caller is the subreaper of its orphans */
	/* Called while the descriptor is readable; false: it is not to be asked again. NULL: nothing. */
	bool (*watch)(void *context);
	void *context;
	int watch_fd;
};

/*
 * Waits for the child, forwarding signals; with a master (else FD_NONE) copies between it and the
 * descriptors 0 and 1, the user's terminal being raw meanwhile. signals_ready() was called before
 * the child existed. extras may be NULL. Returns the exit status as a shell has it (128 + n for a signal).
 */
int terminal_attend(int pidfd, int master, const struct terminal_extras *extras, struct err *err);

/* Blocks what terminal_attend() forwards, before the child exists. */
int terminal_block_signals(struct err *err);

/*
 * For the child: nothing blocked, nothing ignored, whatever the runtime's own caller had. `ignored` is
 * proc_status.signals_ignored; handlers need no reset, as they end with the exec.
 */
void terminal_reset_signals(uint64_t ignored);

#endif
