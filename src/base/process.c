#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

#ifndef P_PIDFD
#define P_PIDFD 3 /* musl's header lacks it */
#endif

#define STACK_BYTES 65536
#define FAILED_CODE 127

/* The address sanitizer's notes about the child's stack would outlive the child. */
#define IN_CHILD __attribute__((no_sanitize("address")))

/*
 * The child shares the caller's memory until exec, and the caller sleeps meanwhile: what the child
 * writes to `failed` and `error` is there when the caller wakes. It must not allocate, lock or return.
 */
struct child {
	const struct process_spec *spec;
	char *const *envp;
	const char *volatile failed; /* the step, NULL when exec worked */
	volatile int error;
};

IN_CHILD _Noreturn static void child_fail(struct child *child, const char *step)
{
	child->error = errno;
	child->failed = step;
	_exit(FAILED_CODE);
}

uid_t process_born_as(void)
{
	return (uid_t)getauxval(AT_EUID);
}

IN_CHILD void process_reset_signals(uint64_t which)
{
	/* The kernel's struct, all zero: SIG_DFL. The C libraries keep some numbers to themselves. */
	static const uint64_t action[8];

	for (int sig = 1; sig < _NSIG; sig++)
		if ((which & (1ULL << (sig - 1))) != 0)
			(void)syscall(SYS_rt_sigaction, sig, action, NULL, sizeof(uint64_t));
}

/* A handler of the caller's must not run here, in the caller's memory. */
IN_CHILD static void child_reset_signals(void)
{
	sigset_t none;

	process_reset_signals(UINT64_MAX);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

IN_CHILD static bool is_mapped(const struct process_spec *spec, int number)
{
	for (size_t i = 0; i < spec->fd_count; i++) {
		if (spec->fds[i].number == number)
			return true;
	}
	return false;
}

/* Closes all that the map does not name: the gaps between its numbers, the lowest first. */
IN_CHILD static void child_close_others(const struct process_spec *spec)
{
	int last = 2;

	for (;;) {
		int next = INT_MAX;
		for (size_t i = 0; i < spec->fd_count; i++) {
			if (spec->fds[i].number > last && spec->fds[i].number < next)
				next = spec->fds[i].number;
		}
		if (next > last + 1)
			(void)syscall(SYS_close_range, (unsigned int)last + 1,
				      next == INT_MAX ? UINT_MAX : (unsigned int)next - 1, 0);
		if (next == INT_MAX)
			return;
		last = next;
	}
}

IN_CHILD static void child_map_fds(struct child *child)
{
	const struct process_spec *spec = child->spec;
	int moved[PROCESS_FDS_MAX];
	int above = 3;

	for (size_t i = 0; i < spec->fd_count; i++) {
		if (spec->fds[i].number >= above)
			above = spec->fds[i].number + 1;
	}
	/* First out of the way of every number that is about to be filled. */
	for (size_t i = 0; i < spec->fd_count; i++) {
		moved[i] = fcntl(spec->fds[i].fd, F_DUPFD_CLOEXEC, above);
		if (moved[i] < 0)
			child_fail(child, "duplicate a descriptor for");
	}
	for (size_t i = 0; i < spec->fd_count; i++) {
		if (dup2(moved[i], spec->fds[i].number) < 0)
			child_fail(child, "number a descriptor for");
	}
	for (int number = 0; number <= 2; number++) {
		if (is_mapped(spec, number))
			continue;
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (null < 0)
			child_fail(child, "open /dev/null for");
		/* Already in place when the number was free: then only the flag is in the way. */
		if (null == number ? fcntl(null, F_SETFD, 0) < 0 : dup2(null, number) < 0)
			child_fail(child, "number /dev/null for");
	}
	child_close_others(spec);
}

IN_CHILD static int child_main(void *arg)
{
	struct child *child = arg;
	const struct process_spec *spec = child->spec;

	child_reset_signals();
	child_map_fds(child);
	if (spec->new_session && setsid() < 0)
		child_fail(child, "make a session for");
	if (spec->folder != NULL && chdir(spec->folder) < 0)
		child_fail(child, "enter the working folder of");
	(void)execve(spec->path, (char *const *)(uintptr_t)spec->argv, child->envp);
	child_fail(child, "execute");
}

static int check_spec(const struct process_spec *spec, struct err *err)
{
	if (spec->fd_count > PROCESS_FDS_MAX)
		return err_set(err, ERR_INVALID, 0, "execute '%s': more than %d descriptors",
			       spec->path, PROCESS_FDS_MAX);
	for (size_t i = 0; i < spec->fd_count; i++) {
		if (spec->fds[i].number < 0)
			return err_set(err, ERR_INVALID, 0, "execute '%s': no descriptor number %d",
				       spec->path, spec->fds[i].number);
	}
	return 0;
}

int process_spawn(const struct process_spec *spec, int *ret_pidfd, struct err *err)
{
	struct child child = {
		.spec = spec,
		.envp = spec->envp == NULL ? environ : (char *const *)(uintptr_t)spec->envp,
	};
	alignas(16) char stack[STACK_BYTES];
	auto_fd pidfd = FD_NONE;
	sigset_t all, before;
	int rc = check_spec(spec, err);

	if (rc < 0)
		return rc;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	int pid = clone(child_main, stack + sizeof(stack),
			CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &child, &pidfd);
	int saved = errno;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	if (pid < 0)
		return err_errno(err, "make a process for '%s'", spec->path);
	if (child.failed != NULL) {
		struct process_exit exit;
		struct err ignored;
		(void)process_wait(pidfd, &exit, &ignored);
		errno = child.error;
		return err_errno(err, "%s '%s'", child.failed, spec->path);
	}
	*ret_pidfd = fd_take(&pidfd);
	return 0;
}

int process_wait(int pidfd, struct process_exit *ret_exit, struct err *err)
{
	siginfo_t info = {0};

	while (waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0) {
		if (errno != EINTR)
			return err_errno(err, "wait for a child");
	}
	bool exited = info.si_code == CLD_EXITED;
	*ret_exit = (struct process_exit){.code = exited ? info.si_status : 0,
					  .signal = exited ? 0 : info.si_status};
	return 0;
}

int process_run(const struct process_spec *spec, struct process_exit *ret_exit, struct err *err)
{
	auto_fd pidfd = FD_NONE;
	int rc = process_spawn(spec, &pidfd, err);

	return rc < 0 ? rc : process_wait(pidfd, ret_exit, err);
}

int process_exit_status(const struct process_exit *exit)
{
	return exit->signal != 0 ? 128 + exit->signal : exit->code;
}
