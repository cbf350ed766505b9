#include "kern/pidfd/pidfd.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "kern/proc/procfs.h"
#include "kern/uapi.h"

#define PIDFD_STAT_MAX 1024

int pidfd_of(pid_t pid, struct err *err)
{
	int fd = uapi_pidfd_open(pid, 0);

	if (fd < 0)
		return err_errno(err, "open process %d", (int)pid);
	return fd;
}

int pidfd_of_started(int procfd, pid_t pid, uint64_t start_time, struct err *err)
{
	struct pidfd_stat stat;

	auto_fd fd = pidfd_of(pid, err);
	if (fd < 0)
		return fd;
	/* Read after the open: had the pid been reused in between, the times would differ. */
	int rc = pidfd_read_stat(procfd, pid, &stat, err);
	if (rc == -ENOENT)
		return err_set(err, ERR_NOT_FOUND, ESRCH, "process %d is gone", (int)pid);
	if (rc < 0)
		return rc;
	if (stat.start_time != start_time)
		return err_set(err, ERR_NOT_FOUND, ESRCH,
			       "process %d is gone; its number belongs to another one", (int)pid);
	return fd_take(&fd);
}

int pidfd_signal(int pidfd, int sig, struct err *err)
{
	if (uapi_pidfd_send_signal(pidfd, sig, NULL, 0) < 0)
		return err_errno(err, "send signal %d", sig);
	return 0;
}

static int pidfd_poll(int pidfd, int timeout_ms, struct err *err)
{
	struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};

	for (;;) {
		int ready = poll(&poll_fd, 1, timeout_ms);
		if (ready >= 0 && (poll_fd.revents & POLLNVAL))
			return err_set(err, ERR_INVALID, EBADF, "wait for a process");
		if (ready >= 0)
			return ready > 0;
		if (errno != EINTR)
			return err_errno(err, "wait for a process");
	}
}

int pidfd_has_ended(int pidfd, struct err *err)
{
	return pidfd_poll(pidfd, 0, err);
}

static int pidfd_status(const siginfo_t *info)
{
	switch (info->si_code) {
	case CLD_EXITED:
		return (info->si_status & 0xff) << 8;
	case CLD_DUMPED:
		return info->si_status | 0x80;
	default:
		return info->si_status;
	}
}

int pidfd_wait(int pidfd, int timeout_ms, int *ret_status, struct err *err)
{
	siginfo_t info;

	int ready = pidfd_poll(pidfd, timeout_ms, err);
	if (ready <= 0)
		return ready;
	(void)memset(&info, 0, sizeof(info));
	while (waitid((idtype_t)UAPI_P_PIDFD, (id_t)pidfd, &info, WEXITED | __WALL) < 0)
		if (errno != EINTR)
			return err_errno(err, "wait for a process");
	*ret_status = pidfd_status(&info);
	return 1;
}

int pidfd_take_fd(int pidfd, int fd, struct err *err)
{
	int copy = uapi_pidfd_getfd(pidfd, fd, 0);

	if (copy < 0)
		return err_errno(err, "copy descriptor %d of a process", fd);
	return copy;
}

/* Reads a decimal number after a space. Returns whether there was one within limits. */
static bool pidfd_next_number(const char **at, const char *end, uint64_t max, uint64_t *ret_value)
{
	const char *c = *at;
	uint64_t value = 0;

	if (c == end || *c++ != ' ')
		return false;
	bool negative = c < end && *c == '-';
	const char *first = negative ? ++c : c;
	for (; c < end && *c >= '0' && *c <= '9'; c++) {
		uint64_t digit = (uint64_t)(*c - '0');
		if (value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*at = c;
	*ret_value = negative ? 0 : value;
	return c > first;
}

int pidfd_parse_stat(const char *text, size_t len, struct pidfd_stat *ret_stat, struct err *err)
{
	const char *end = text + len;
	const char *at = memrchr(text, ')', len);
	struct pidfd_stat stat = {0};
	uint64_t value;

	/* The name is in parentheses and may hold any byte; what follows it has none. */
	if (at == NULL || end - at < 3 || at[1] != ' ')
		return err_set(err, ERR_INVALID, EINVAL, "a process's stat has no name");
	stat.state = at[2];
	at += 3;
	for (int field = 4; field <= 22; field++) {
		if (!pidfd_next_number(&at, end, field < 7 ? INT_MAX : UINT64_MAX, &value))
			return err_set(err, ERR_INVALID, EINVAL,
				       "a process's stat: field %d is not a number", field);
		if (field == 4)
			stat.ppid = (pid_t)value;
		else if (field == 5)
			stat.pgrp = (pid_t)value;
		else if (field == 6)
			stat.session = (pid_t)value;
		else if (field == 22)
			stat.start_time = value;
	}
	*ret_stat = stat;
	return 0;
}

int pidfd_read_stat(int procfd, pid_t pid, struct pidfd_stat *ret_stat, struct err *err)
{
	char path[32], text[PIDFD_STAT_MAX];

	(void)snprintf(path, sizeof(path), "%d/stat", (int)pid);
	ssize_t len = procfs_read_at(procfd, path, text, sizeof(text), err);
	if (len < 0)
		return (int)len;
	int rc = pidfd_parse_stat(text, (size_t)len, ret_stat, err);
	return rc < 0 ? err_wrap(err, rc, "process %d", (int)pid) : 0;
}
