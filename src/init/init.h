/*
 * init.h - what every PID 1 does: wait for signals, reap all children, pass signals on.
 *
 * Purpose    Shared by the container's init and the machine's.
 * Ownership  No heap. The caller's children are reaped here.
 * Errors     struct err; signals and children never fail.
 */
#ifndef CORTEN_INIT_INIT_H
#define CORTEN_INIT_INIT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * Blocks every signal but those that tell of a fault in this very process. From here on
 * init_wait_signal() hands them out. *ret_saved is what a child gets back.
 */
void init_block_signals(sigset_t *ret_saved);

/* Waits up to timeout_ms (negative: without end). Returns the signal's number, or 0. */
int init_wait_signal(int64_t timeout_ms);

/* Reaps one child: its pid and status, or 0 when none has ended. */
pid_t init_reap(int *ret_status);

/* The exit code that stands for a status: 128 + the number of a signal. */
int init_exit_code(int status);

/* How a program is started. */
struct init_program {
	const char *const *argv;
	const sigset_t *signals; /* its signal mask */
	bool own_group;          /* leads a process group, in the foreground of a terminal */
	bool own_session;
};

/*
 * Starts a program found through PATH. A failed exec is known here: err names the program, and
 * *ret_code (may be NULL) is 127 or 126.
 */
int init_start(const struct init_program *program, pid_t *ret_pid, int *ret_code, struct err *err);

#endif
