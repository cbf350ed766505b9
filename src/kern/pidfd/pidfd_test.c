#include "kern/pidfd/pidfd.h"

#include <signal.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "kern/proc/procfs.h"
#include "kern/testing.h"

static pid_t start_child(int exit_status)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (exit_status >= 0)
			_exit(exit_status);
		for (;;)
			(void)pause();
	}
	return pid;
}

TEST(waits)
{
	struct err err = {0};
	int status = -1;

	auto_fd exits = pidfd_of(start_child(42), &err);
	CHECK(exits >= 0 && fcntl(exits, F_GETFD) == FD_CLOEXEC);
	CHECK_INT(pidfd_wait(exits, 5000, &status, &err), 1);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	CHECK_INT(pidfd_wait(exits, 0, &status, &err), -ECHILD);
	CHECK_INT(pidfd_signal(exits, 0, &err), -ESRCH);
	CHECK_INT(err.kind, ERR_NOT_FOUND);

	auto_fd stays = pidfd_of(start_child(-1), &err);
	CHECK_INT(pidfd_wait(stays, 10, &status, &err), 0);
	CHECK_INT(pidfd_has_ended(stays, &err), 0);
	CHECK_INT(pidfd_signal(stays, SIGTERM, &err), 0);
	CHECK_INT(pidfd_wait(stays, -1, &status, &err), 1);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	CHECK_INT(pidfd_has_ended(stays, &err), 1);
	CHECK_INT(pidfd_wait(-1, 0, &status, &err), 0);
	CHECK_INT(pidfd_of(-5, &err), -EINVAL);
}

TEST(takes_descriptors)
{
	struct err err = {0};
	struct stat one = {0}, two = {0};

	auto_fd self = pidfd_of(getpid(), &err);
	auto_fd null = open("/dev/null", O_RDWR | O_CLOEXEC);
	auto_fd copy = pidfd_take_fd(self, null, &err);
	CHECK(copy >= 0 && copy != null && fstat(copy, &one) == 0 && fstat(null, &two) == 0);
	CHECK(one.st_ino == two.st_ino && fcntl(copy, F_GETFD) == FD_CLOEXEC);
	CHECK_INT(pidfd_take_fd(self, 999, &err), -EBADF);
}

static int parse(const char *text, struct pidfd_stat *stat)
{
	struct err err = {0};

	return pidfd_parse_stat(text, strlen(text), stat, &err);
}

#define REST " 0 0 5 6 7 8 9 10 11 12 13 20 0 1 0 "

TEST(parses_stat)
{
	struct pidfd_stat stat;

	CHECK_INT(parse("1 (init) S 2 3 4" REST "999 8 9\n", &stat), 0);
	CHECK(stat.state == 'S' && stat.ppid == 2 && stat.pgrp == 3 && stat.session == 4);
	CHECK_INT(stat.start_time, 999);
	/* Names made to look like the rest of the line. */
	CHECK_INT(parse("1 (a) R 1 1 1 ) Z 2 3 4" REST "77", &stat), 0);
	CHECK(stat.state == 'Z' && stat.ppid == 2 && stat.start_time == 77);
	CHECK_INT(parse("1 (\n) (() T 2 3 4" REST "5 6", &stat), 0);
	CHECK(stat.state == 'T' && stat.start_time == 5);
	CHECK_INT(parse("1 (k) I 0 0 0 0 -1 69238880 0 0 0 0 0 0 0 0 20 0 1 0 30 0", &stat), 0);
	CHECK_INT(stat.start_time, 30);
	CHECK_INT(parse("1 (x) S 1 1 1" REST "18446744073709551615", &stat), 0);
	CHECK(stat.start_time == UINT64_MAX);

	CHECK(parse("", &stat) < 0);
	CHECK(parse("1 (init", &stat) < 0);
	CHECK(parse("1 (init)", &stat) < 0);
	CHECK(parse("1 (init) S", &stat) < 0);
	CHECK(parse("1 (init) S 2 3 4" REST, &stat) < 0);
	CHECK(parse("1 (init) S 2 x 4" REST "1", &stat) < 0);
	CHECK(parse("1 (init) S 2  3 4" REST "1", &stat) < 0);
	CHECK(parse("1 (x) S 1 1 1" REST "18446744073709551616", &stat) < 0);
	CHECK(parse("1 (x) S 4294967297 1 1" REST "1", &stat) < 0);
}

CHILD_TEST(tells_processes_apart)
{
	struct err err = {0};
	struct pidfd_stat stat, child;

	auto_fd procfd = procfs_open(&err);
	REQUIRE(prctl(PR_SET_NAME, "x) Z 1 (", 0, 0, 0) == 0);
	CHECK_INT(pidfd_read_stat(procfd, getpid(), &stat, &err), 0);
	CHECK(stat.ppid == getppid() && stat.state == 'R');
	auto_fd same = pidfd_of_started(procfd, getpid(), stat.start_time, &err);
	CHECK(same >= 0);
	CHECK_INT(pidfd_of_started(procfd, getpid(), stat.start_time + 1, &err), -ESRCH);
	CHECK_INT(err.kind, ERR_NOT_FOUND);
	pid_t pid = start_child(0);
	CHECK_INT(pidfd_read_stat(procfd, pid, &child, &err), 0);
	CHECK(child.ppid == getpid() && child.start_time >= stat.start_time);
	CHECK(waitpid(pid, NULL, 0) == pid);
	CHECK_INT(pidfd_of_started(procfd, pid, child.start_time, &err), -ESRCH);
}

TESTS(T(waits), T(takes_descriptors), T(parses_stat), T(tells_processes_apart))
