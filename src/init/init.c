#include "init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/process.h"

#define CODE_NOT_FOUND 127
#define CODE_NOT_RUN   126

/* Raised by a fault of this process, these must do what they always do. */
static const int faults[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS};

void init_block_signals(sigset_t *ret_saved)
{
	sigset_t all;

	(void)sigfillset(&all);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		(void)sigdelset(&all, faults[i]);
	(void)sigprocmask(SIG_SETMASK, &all, ret_saved);
}

int init_wait_signal(int64_t timeout_ms)
{
	sigset_t all;
	siginfo_t info;
	struct timespec timeout = {.tv_sec = (time_t)(timeout_ms / 1000),
				   .tv_nsec = (long)(timeout_ms % 1000 * 1000000)};

	(void)sigfillset(&all);
	for (;;) {
		int sig = timeout_ms < 0 ? sigwaitinfo(&all, &info)
					 : sigtimedwait(&all, &info, &timeout);
		if (sig > 0 || errno != EINTR)
			return sig > 0 ? sig : 0;
	}
}

pid_t init_reap(int *ret_status)
{
	pid_t pid;

	do {
		pid = waitpid(-1, ret_status, WNOHANG);
	} while (pid < 0 && errno == EINTR);
	return pid > 0 ? pid : 0;
}

int init_exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void child_group(void)
{
	if (setpgid(0, 0) == 0 && isatty(STDIN_FILENO))
		/* SIGTTOU is blocked, so taking the foreground does not stop us. */
		(void)tcsetpgrp(STDIN_FILENO, getpgrp());
}

static _Noreturn void child_run(const struct init_program *program, int report_fd)
{
	char *const *argv;

	if (program->own_session)
		(void)setsid();
	else if (program->own_group)
		child_group();
	process_reset_signals(UINT64_MAX);
	(void)sigprocmask(SIG_SETMASK, program->signals, NULL);
	/* execvp() changes nothing, but does not say so. */
	memcpy(&argv, &program->argv, sizeof(argv));
	(void)execvp(argv[0], argv);
	int sys = errno;
	(void)!write(report_fd, &sys, sizeof(sys));
	_exit(CODE_NOT_FOUND);
}

int init_start(const struct init_program *program, pid_t *ret_pid, int *ret_code, struct err *err)
{
	int pipe_fds[2], sys = 0, code = CODE_NOT_RUN;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_errno(err, "start '%s'", program->argv[0]);
	auto_fd from_child = pipe_fds[0], to_parent = pipe_fds[1];
	pid_t pid = fork();
	if (pid == 0)
		child_run(program, to_parent);
	if (pid < 0)
		return err_errno(err, "start '%s'", program->argv[0]);
	fd_closep(&to_parent);
	if (fd_read_full(from_child, &sys, sizeof(sys)) != (ssize_t)sizeof(sys)) {
		*ret_pid = pid;
		return 0;
	}
	(void)waitpid(pid, NULL, 0);
	if (sys == ENOENT || sys == ENOTDIR)
		code = CODE_NOT_FOUND;
	if (ret_code != NULL)
		*ret_code = code;
	return err_set(err, err_kind_of(sys), sys, "execute '%s'", program->argv[0]);
}
