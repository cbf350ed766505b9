#include "monitor/spawn.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/process.h"

void spawn_args_add(struct spawn_args *args, const char *arg)
{
	if (args->count == SPAWN_ARGS_MAX) {
		args->full = true;
		return;
	}
	args->items[args->count++] = arg;
	args->items[args->count] = NULL;
}

void spawn_args_add_all(struct spawn_args *args, const json_strings *list)
{
	for (size_t i = 0; i < list->count; i++)
		spawn_args_add(args, list->items[i]);
}

static int args_check(const struct spawn_args *args, struct err *err)
{
	if (args->full)
		return err_set(err, ERR_INVALID, E2BIG, "execute '%s': more than %d arguments",
			       args->items[0], SPAWN_ARGS_MAX);
	return 0;
}

/* posix_spawn() and execv() take char *const *, and change nothing. */
static char *const *args_vector(const struct spawn_args *args, char *out[SPAWN_ARGS_MAX + 1])
{
	memcpy(out, args->items, sizeof(args->items));
	return out;
}

static int spawn_attributes(posix_spawnattr_t *attributes)
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

int spawn_start(const struct spawn_args *args, const int stdio[3], int keep_fd, pid_t *ret_pid,
		struct err *err)
{
	char *vector[SPAWN_ARGS_MAX + 1];
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int rc = args_check(args, err);

	if (rc < 0)
		return rc;
	rc = posix_spawn_file_actions_init(&actions);
	if (rc != 0)
		return err_set(err, ERR_SYSTEM, rc, "execute '%s'", args->items[0]);
	rc = posix_spawnattr_init(&attributes);
	for (int i = 0; rc == 0 && i < 3; i++)
		rc = posix_spawn_file_actions_adddup2(&actions, stdio[i], i);
	/* dup2 onto itself takes close-on-exec off. */
	if (rc == 0 && keep_fd >= 0)
		rc = posix_spawn_file_actions_adddup2(&actions, keep_fd, keep_fd);
	if (rc == 0)
		rc = spawn_attributes(&attributes);
	if (rc == 0)
		rc = posix_spawn(ret_pid, args->items[0], &actions, &attributes,
				 args_vector(args, vector), environ);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (rc != 0)
		return err_set(err, err_kind_of(rc), rc, "execute '%s'", args->items[0]);
	return 0;
}

int spawn_become(const struct spawn_args *args, struct err *err)
{
	char *vector[SPAWN_ARGS_MAX + 1];
	sigset_t none;
	int rc = args_check(args, err);

	if (rc < 0)
		return rc;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	process_reset_signals(UINT64_MAX);
	(void)execv(args->items[0], args_vector(args, vector));
	return err_errno(err, "execute '%s'", args->items[0]);
}
