/*
 * pidfd.h - processes by descriptor, and telling one pid's owner from its next.
 *
 * Ownership  Descriptors are O_CLOEXEC and the caller's.
 * Errors     ERR_NOT_FOUND (ESRCH) for a process that is gone.
 * Heap       None.
 */
#ifndef CORTEN_KERN_PIDFD_PIDFD_H
#define CORTEN_KERN_PIDFD_PIDFD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

int pidfd_of(pid_t pid, struct err *err);

/*
 * The same, but only when the process started at start_time (clock ticks after boot, of
 * /proc/PID/stat): a reused pid is ERR_NOT_FOUND. procfd: procfs_open().
 */
int pidfd_of_started(int procfd, pid_t pid, uint64_t start_time, struct err *err);

int pidfd_signal(int pidfd, int sig, struct err *err);

/*
 * Waits for a child. timeout_ms: negative waits without end. Returns 1 and the status as waitpid()
 * gives it; 0 when time ran out. The child is reaped.
 */
int pidfd_wait(int pidfd, int timeout_ms, int *ret_status, struct err *err);

/* 1 when the process has ended (any process, not only a child), 0 when it lives. Never reaps. */
int pidfd_has_ended(int pidfd, struct err *err);

/* A copy of descriptor number fd of that process. */
int pidfd_take_fd(int pidfd, int fd, struct err *err);

/* Of /proc/PID/stat. */
struct pidfd_stat {
	char state; /* 'R', 'S', 'Z', ... */
	pid_t ppid;
	pid_t pgrp;
	pid_t session;
	uint64_t start_time; /* clock ticks after boot */
};

int pidfd_read_stat(int procfd, pid_t pid, struct pidfd_stat *ret_stat, struct err *err);

/* Parses the file's text; the command's name may hold anything, ") R 1" included. */
int pidfd_parse_stat(const char *text, size_t len, struct pidfd_stat *ret_stat, struct err *err);

#endif
