#include "runtime/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "kern/ns/ns.h"
#include "kern/pidfd/pidfd.h"
#include "kern/proc/descriptors.h"
#include "kern/uapi.h"
#include "runtime/environment.h"
#include "runtime/terminal.h"

#define HOOK_STDERR_MAX 200

/* The state as a file in memory: a hook that does not read it cannot block us. */
static int hook_state_fd(const struct oci_state *state, struct err *err)
{
	BUF_AUTO(text, 1 << 20);
	auto_fd fd = memfd_create("state", MFD_CLOEXEC);

	if (fd < 0)
		return err_errno(err, "make the hook's input");
	json_write(&oci_state_shape, state, JSON_COMPACT, &text);
	int rc = buf_check(&text, "the state for hooks", err);
	if (rc < 0)
		return rc;
	rc = fd_write_all(fd, text.data, text.len);
	if (rc < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_set(err, ERR_SYSTEM, EIO, "write the hook's input");
	return fd_take(&fd);
}

/* On the host's side: with the runtime's rights, in the folder `context`. */
static void hook_execute(void *context, const struct oci_hook *hook)
{
	const char *cwd = context;
	/* Without args the path stands for itself. */
	char **argv = environment_vector(hook->args.count > 0 ? NULL : hook->path, &hook->args);
	char **envp = environment_vector(NULL, &hook->env);
	struct err ignored;

	terminal_reset_signals(UINT64_MAX); /* `run` blocks those that it passes on */
	/* Descriptors that leaked into the runtime are not the hook's. */
	if (argv == NULL || envp == NULL || descriptors_close(3, ~0U, true, &ignored) < 0)
		_exit(126);
	/* A user namespace may be denied the folder; the hook's path is absolute. */
	if (chdir(cwd) < 0 && chdir("/") < 0)
		_exit(126);
	(void)execve(hook->path, argv, envp);
	const char *text = strerror(errno);
	(void)fd_write_all(2, text, strlen(text));
	_exit(127);
}

static int hook_judge(const struct oci_hook *hook, int status, int output_fd, struct err *err)
{
	char tail[HOOK_STDERR_MAX + 1] = "";
	off_t size = lseek(output_fd, 0, SEEK_END);
	off_t from = size > HOOK_STDERR_MAX ? size - HOOK_STDERR_MAX : 0;
	ssize_t got = pread(output_fd, tail, HOOK_STDERR_MAX, from);

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	while (got > 0 && tail[got - 1] == '\n')
		got--;
	tail[got > 0 ? got : 0] = '\0';
	int rc = WIFSIGNALED(status)
			 ? err_set(err, ERR_SYSTEM, 0, "'%s' was killed by signal %d: %s",
				   hook->path, WTERMSIG(status), tail)
			 : err_set(err, ERR_SYSTEM, 0, "'%s' exited with status %d: %s", hook->path,
				   WEXITSTATUS(status), tail);
	err_sanitize(err); /* the image's own hooks say what they like */
	return rc;
}

enum hook_end { HOOK_ENDED, HOOK_LATE, HOOK_ORPHANED };

/* Without end for a negative timeout. */
static int hook_poll(int pidfd, int watch_fd, int timeout_ms, struct err *err)
{
	struct pollfd fds[2] = {{.fd = pidfd, .events = POLLIN},
				{.fd = watch_fd, .events = POLLIN}};

	for (;;) {
		int ready = poll(fds, 2, timeout_ms);
		if (ready == 0)
			return HOOK_LATE;
		if (ready > 0)
			return fds[0].revents != 0 ? HOOK_ENDED : HOOK_ORPHANED;
		if (errno != EINTR)
			return err_errno(err, "wait for a hook");
	}
}

static int hook_wait(const struct oci_hook *hook, pid_t pid, int pidfd, int output_fd, int watch_fd,
		     struct err *err)
{
	int timeout_s = hook->timeout_s != NULL ? *hook->timeout_s : -1;
	int timeout_ms = timeout_s < 0 || timeout_s > INT_MAX / 1000 ? -1 : timeout_s * 1000;
	int status = 0;
	struct err ignored;
	int end = hook_poll(pidfd, watch_fd, timeout_ms, err);

	if (end != HOOK_ENDED) {
		(void)kill(-pid, SIGKILL); /* not reaped yet: the number is its own */
		(void)pidfd_signal(pidfd, SIGKILL, &ignored);
	}
	int rc = pidfd_wait(pidfd, -1, &status, &ignored);
	if (end == HOOK_LATE)
		return err_set(err, ERR_SYSTEM, ETIMEDOUT,
			       "'%s' ran longer than its timeout of %d s and was killed",
			       hook->path, timeout_s);
	if (end == HOOK_ORPHANED)
		return err_set(err, ERR_SYSTEM, ESRCH,
			       "the container's first process ended while '%s' ran, which was "
			       "killed",
			       hook->path);
	return end < 0 ? end : rc < 0 ? rc : hook_judge(hook, status, output_fd, err);
}

struct hook_way {
	hooks_execute *execute;
	void *context;
	int watch_fd;
};

static int hook_run(const struct oci_hook *hook, int state_fd, const struct hook_way *way,
		    struct err *err)
{
	auto_fd pidfd = FD_NONE;
	auto_fd output = memfd_create("hook", MFD_CLOEXEC);

	if (output < 0 || lseek(state_fd, 0, SEEK_SET) < 0)
		return err_errno(err, "prepare '%s'", hook->path);
	pid_t pid = ns_clone(0, FD_NONE, &pidfd, err);
	if (pid < 0)
		return pid;
	if (pid == 0) {
		if (hook->timeout_s != NULL || way->watch_fd >= 0)
			(void)setpgid(0, 0);
		if (dup3(state_fd, 0, 0) >= 0 && dup3(output, 1, 0) >= 0 && dup3(output, 2, 0) >= 0)
			way->execute(way->context, hook);
		_exit(126);
	}
	return hook_wait(hook, pid, pidfd, output, way->watch_fd, err);
}

static int hooks_run_way(const oci_hook_list *hooks, const char *kind,
			 const struct oci_state *state, const struct hook_way *way, struct err *err)
{
	if (hooks->count == 0)
		return 0;
	auto_fd state_fd = hook_state_fd(state, err);
	if (state_fd < 0)
		return state_fd;
	for (size_t i = 0; i < hooks->count; i++) {
		int rc = hook_run(&hooks->items[i], state_fd, way, err);
		if (rc < 0)
			return err_wrap(err, rc, "%s hook %zu", kind, i);
	}
	return 0;
}

int hooks_run_by(const oci_hook_list *hooks, const char *kind, const struct oci_state *state,
		 hooks_execute *execute, void *context, struct err *err)
{
	const struct hook_way way = {execute, context, FD_NONE};

	return hooks_run_way(hooks, kind, state, &way, err);
}

int hooks_run(const oci_hook_list *hooks, const char *kind, const struct oci_state *state,
	      const char *cwd, int watch_fd, struct err *err)
{
	const struct hook_way way = {hook_execute, (void *)(uintptr_t)cwd, watch_fd};

	return hooks_run_way(hooks, kind, state, &way, err);
}

void hooks_run_poststop(const struct oci_hooks *hooks, const struct oci_state *state,
			const char *cwd, void (*warn)(void *context, const char *text),
			void *warn_context)
{
	struct err err;
	char text[sizeof(err.text)];

	for (size_t i = 0; hooks != NULL && i < hooks->poststop.count; i++) {
		oci_hook_list one = {&hooks->poststop.items[i], 1};
		if (hooks_run(&one, "poststop", state, cwd, FD_NONE, &err) >= 0)
			continue;
		(void)err_format(&err, text, sizeof(text));
		warn(warn_context, text);
	}
}
