/*
 * exec.h - another process in a running container.
 *
 * The caller runs from sealed memory (seal.h) before it gets here: from the moment its child is in
 * the container's PID namespace, hostile processes can look at it.
 */
#ifndef CORTEN_RUNTIME_EXEC_H
#define CORTEN_RUNTIME_EXEC_H

#include <stdbool.h>
#include <stdint.h>

#include <sys/types.h>

#include "runtime/container.h"

struct exec_options {
	const struct oci_process *process; /* what to run; checked */
	const char *console_socket;        /* NULL: none */
	const char *pid_file;              /* NULL: none */
	const char *pidfd_socket;          /* takes its pidfd; NULL: none */
	const char *const *cgroups;        /* "[CONTROLLER,...:]PATH" beneath the container's */
	size_t cgroup_count;               /* 0: itself */
	uint32_t preserve_fds;
	bool clamp_rlimits;  /* lower what may not be raised, with a warning */
	bool proxy_terminal; /* in the foreground */
	bool ignore_paused;  /* in a frozen container it waits for the thaw, as asked */
	void (*warn)(void *context, const char *text);
	void (*step)(void *context, const char *text); /* told of each step; NULL: nobody */
	void *log_context;                             /* of warn and step */
};

struct exec_process {
	pid_t pid;
	int pidfd;
	int master_fd; /* socket that the terminal's master comes over; FD_NONE */
};

/* Starts it and returns once its exec worked. The container is not locked meanwhile. */
int exec_start(struct container *container, const struct exec_options *options,
	       struct exec_process *ret_process, struct err *err);

#endif
