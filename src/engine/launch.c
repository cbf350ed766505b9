#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "engine/spec/list.h"

#define RUNTIME_TEXT_MAX 65536
#define WORDS_MAX        32

extern char **environ;

static int set_stdio(posix_spawn_file_actions_t *actions, const struct launch *launch)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < 3; i++) {
		if (launch->stdio[i] >= 0)
			rc = posix_spawn_file_actions_adddup2(actions, launch->stdio[i], i);
		else
			rc = posix_spawn_file_actions_addopen(actions, i, "/dev/null",
							      i == 0 ? O_RDONLY : O_WRONLY, 0);
	}
	/* dup2 of a number on itself takes its close-on-exec off. */
	for (size_t i = 0; rc == 0 && i < sizeof(launch->keep_fds) / sizeof(launch->keep_fds[0]);
	     i++) {
		if (launch->keep_fds[i] >= 0)
			rc = posix_spawn_file_actions_adddup2(actions, launch->keep_fds[i],
							      launch->keep_fds[i]);
	}
	return rc;
}

static int set_signals(posix_spawnattr_t *attributes)
{
	sigset_t none, all;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	int rc = posix_spawnattr_setsigmask(attributes, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attributes, &all);
	if (rc == 0)
		rc = posix_spawnattr_setflags(attributes,
					      POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return rc;
}

/* posix_spawn(3) is a vfork-like clone in glibc: nothing of this process's memory is copied. */
int launch_start(const struct launch *launch, int *ret_pid, struct err *err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	char *argv[WORDS_MAX + 1] = {NULL};
	pid_t pid = -1;

	for (size_t i = 0; launch->argv[i] != NULL; i++) {
		if (i == WORDS_MAX)
			return err_set(err, ERR_INVALID, E2BIG, "start '%s'", launch->argv[0]);
		/* Historical: the array's type says that the strings may change; they do not. */
		memcpy(&argv[i], &launch->argv[i], sizeof(argv[i]));
	}
	if (argv[0] == NULL)
		return err_set(err, ERR_INVALID, EINVAL, "start a program: none is named");
	int rc = posix_spawn_file_actions_init(&actions);
	if (rc != 0)
		return err_set(err, ERR_SYSTEM, rc, "start '%s'", argv[0]);
	rc = posix_spawnattr_init(&attributes);
	if (rc == 0) {
		rc = set_stdio(&actions, launch);
		if (rc == 0)
			rc = set_signals(&attributes);
		if (rc == 0)
			rc = posix_spawn(&pid, argv[0], &actions, &attributes, argv, environ);
		(void)posix_spawnattr_destroy(&attributes);
	}
	(void)posix_spawn_file_actions_destroy(&actions);
	if (rc != 0)
		return err_set(err, err_kind_of(rc), rc, "start '%s'", launch->argv[0]);
	*ret_pid = pid;
	return 0;
}

static int reap(int pid, int *ret_status, struct err *err)
{
	while (waitpid(pid, ret_status, 0) < 0) {
		if (errno != EINTR)
			return err_errno(err, "wait for process %d", pid);
	}
	return 0;
}

int launch_wait(const struct launch *launch, int *ret_status, struct err *err)
{
	int pid = -1;
	int rc = launch_start(launch, &pid, err);

	return rc < 0 ? rc : reap(pid, ret_status, err);
}

/* The runtime's own words, without its name and the line's end. */
static int runtime_error(struct buf *text, const char *command, struct err *err)
{
	const char *at = text->data != NULL ? text->data : "";
	size_t len = strcspn(at, "\n");

	if (strncmp(at, "corten-runtime: ", 16) == 0) {
		at += 16;
		len -= 16;
	}
	if (len == 0)
		return err_set(err, ERR_SYSTEM, 0, "corten-runtime %s failed", command);
	return err_set(err, ERR_SYSTEM, 0, "%.*s", (int)(len > 400 ? 400 : len), at);
}

int launch_runtime(struct engine *engine, const char *const *words, struct err *err)
{
	ARENA_AUTO(arena, 65536);
	BUF_AUTO(text, RUNTIME_TEXT_MAX);
	const char *argv[WORDS_MAX + 1] = {NULL};
	const char *state = list_text(&arena, "%s/runtime", engine->state);
	int fds[2], pid = -1, status = 0;
	struct err ignored;

	int rc = paths_find_program(engine, "corten-runtime", &arena, &argv[0], err);
	if (rc < 0 || state == NULL)
		return rc < 0 ? rc : list_no_memory(err);
	argv[1] = "--root";
	argv[2] = state;
	for (size_t i = 0; words[i] != NULL && i + 4 <= WORDS_MAX; i++)
		argv[3 + i] = words[i];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errno(err, "make a pipe");
	auto_fd readable = fds[0];
	struct launch launch = {argv, {FD_NONE, FD_NONE, FD_NONE}, {FD_NONE, FD_NONE, fds[1]}};
	rc = launch_start(&launch, &pid, err);
	(void)close(fds[1]);
	if (rc < 0)
		return rc;
	(void)fd_read_all(readable, "the runtime's errors", &text, &ignored);
	rc = reap(pid, &status, err);
	if (rc < 0)
		return rc;
	return status == 0 ? 0 : runtime_error(&text, words[0], err);
}
