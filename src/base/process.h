/*
 * process.h - starting another program and learning how it ended.
 *
 * Purpose    A vfork-like clone and exec: safe in a process with threads, and the child's failure up
 *            to and including exec comes back as the caller's error.
 * Ownership  The pidfd is the caller's to close. The child starts with no signal blocked and every
 *            signal's default action, and with the descriptors of the map alone.
 * Errors     struct err names the program and the step.
 */
#ifndef CORTEN_BASE_PROCESS_H
#define CORTEN_BASE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

#define PROCESS_FDS_MAX 32

/* The caller's descriptor and its number in the child. */
struct process_fd {
	int fd;
	int number;
};

struct process_spec {
	const char *path;        /* the program; no search in PATH */
	const char *const *argv; /* ends with NULL */
	const char *const *envp; /* ends with NULL; NULL: the caller's */
	const char *folder;      /* working folder, NULL: the caller's */
	const struct process_fd *fds;
	size_t fd_count;  /* 0, 1 and 2 are /dev/null when not among them */
	bool new_session; /* setsid() */
};

struct process_exit {
	int code;   /* exit status when signal is 0 */
	int signal; /* that ended it, or 0 */
};

/*
 * Gives signals (bit N - 1 of `which`: signal N) their defaults, those that the C library keeps to itself
 * too. What a starter has its child ignore stays ignored over an exec. Callable between clone and exec.
 */
void process_reset_signals(uint64_t which);

/* Returns once the program runs: 0, or negative and nothing is left behind. */
int process_spawn(const struct process_spec *spec, int *ret_pidfd, struct err *err);

/* Waits for the end of the child and reaps it; 0 or negative. */
int process_wait(int pidfd, struct process_exit *ret_exit, struct err *err);

/* Spawns, waits, closes. A program that ran and failed is no error here: see ret_exit. */
int process_run(const struct process_spec *spec, struct process_exit *ret_exit, struct err *err);

/* The number a shell gives: the code, or 128 and the signal. */
int process_exit_status(const struct process_exit *exit);

/* The effective user that the program was executed as: no system call, where nothing has changed it since. */
uid_t process_born_as(void);

#endif
