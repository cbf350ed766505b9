#include "runtime/command/globals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fd.h"
#include "base/limits.h"

static const char *const level_names[] = {"error", "warning", "info", "debug"};
static const char *const rootless_names[] = {"auto", "true", "false"};
static const char *const manager_names[] = {"cgroupfs", "systemd", "disabled"};

static int globals_find(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}
#define FIND(names, name) globals_find(names, sizeof(names) / sizeof((names)[0]), name)

static int globals_open_log(const struct command_globals *globals)
{
	if (globals->log == NULL)
		return FD_NONE;
	return openat(AT_FDCWD, globals->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

static enum log_level globals_level(const struct command_globals *globals)
{
	int level = globals->log_level != NULL ? FIND(level_names, globals->log_level) : -1;

	if (globals->debug)
		return LOG_LEVEL_DEBUG;
	return level >= 0 ? (enum log_level)level : LOG_LEVEL_WARNING;
}

static void globals_write(const struct command_globals *globals, int fd, enum log_level level,
			  const char *text)
{
	struct log log = {.fd = fd >= 0 ? fd : STDERR_FILENO, .level = globals_level(globals)};

	if (globals->log_format != NULL && strcmp(globals->log_format, "json") == 0)
		log.format = LOG_FORMAT_JSON;
	log_write(&log, level, "%s", text);
}

void globals_log(const struct command_globals *globals, enum log_level level, const char *text)
{
	if (level > globals_level(globals))
		return;
	auto_fd fd = globals_open_log(globals);
	/* Errors have their own line on standard error. */
	if (fd >= 0 || level != LOG_LEVEL_ERROR)
		globals_write(globals, fd, level, text);
}

void globals_warn(void *context, const char *text)
{
	globals_log(context, LOG_LEVEL_WARNING, text);
}

void globals_debug(void *context, const char *text)
{
	struct command_globals *globals = context;

	/* Inside the container its own root would answer to the path: the descriptor is kept. */
	if (globals->debug_fd < 0)
		globals->debug_fd = globals_open_log(globals);
	globals_write(globals, globals->debug_fd, LOG_LEVEL_DEBUG, text);
}

bool globals_is_user_namespace(const char *uid_map)
{
	static const unsigned long host[] = {0, 0, 4294967295UL}; /* inside, outside, count */
	const char *at = uid_map;

	for (size_t i = 0; i < sizeof(host) / sizeof(host[0]); i++) {
		char *end = NULL;
		if (strtoul(at, &end, 10) != host[i] || end == at)
			return true;
		at = end;
	}
	return false;
}

/* root of the host keeps to /run, whatever its session says; root of a user namespace is some user. */
static bool globals_use_session_folder(void)
{
	BUF_AUTO(map, 65536);
	struct err ignored;
	const char *user = getenv("USER");

	if (geteuid() != 0)
		return true;
	if (fd_read_file_at(AT_FDCWD, "/proc/self/uid_map", &map, &ignored) < 0 || map.len == 0)
		return false;
	return globals_is_user_namespace(map.data) && (user == NULL || strcmp(user, "root") != 0);
}

/*
 * The sticky bit keeps a session's clean-up off the folder (XDG Base Directory Specification).
 */
static int globals_default_root(struct command_globals *globals, struct err *err)
{
	const char *session = getenv("XDG_RUNTIME_DIR");
	char *path = globals->session_root;
	size_t size = sizeof(globals->session_root);

	globals->root = COMMAND_DEFAULT_ROOT;
	if (session == NULL || session[0] == '\0' || !globals_use_session_folder())
		return 0;
	int len = snprintf(path, size, "%s/corten-runtime", session);
	if (len < 0 || (size_t)len >= size)
		return err_set(err, ERR_INVALID, ENAMETOOLONG, "XDG_RUNTIME_DIR '%.64s...'",
			       session);
	if (mkdirat(AT_FDCWD, path, 0700) < 0 && errno != EEXIST)
		return err_errno(err,
				 "make the state folder '%s' (of XDG_RUNTIME_DIR; or give --root)",
				 path);
	if (fchmodat(AT_FDCWD, path, 01700, 0) < 0)
		return err_errno(err, "keep the state folder '%s' from being cleaned up", path);
	globals->root = path;
	return 0;
}

static int globals_check_cgroups(struct command_globals *globals, struct err *err)
{
	const char *given = globals->cgroup_manager;

	if (given == NULL)
		given = globals->systemd_cgroup ? "systemd" : "cgroupfs";
	if (globals->systemd_cgroup && strcmp(given, "systemd") != 0)
		return err_set(err, ERR_INVALID, 0,
			       "--systemd-cgroup contradicts --cgroup-manager %s", given);
	globals->cgroup_manager = given;
	if (FIND(manager_names, given) >= 0)
		return 0;
	return err_set(err, ERR_INVALID, 0,
		       "--cgroup-manager '%s' is none of cgroupfs, systemd, disabled", given);
}

int globals_check(struct command_globals *globals, struct err *err)
{
	enum log_format format;
	auto_fd log = globals_open_log(globals);
	int rc = 0;

	if (globals->log != NULL && log < 0) {
		rc = err_errno(err, "open --log '%s'", globals->log);
		globals->log = NULL;
		return rc;
	}
	if (globals->log_format != NULL && log_format_parse(globals->log_format, &format, err) < 0)
		return err_set(err, ERR_INVALID, 0, "--log-format '%s' is neither text nor json",
			       globals->log_format);
	if (globals->log_level != NULL && FIND(level_names, globals->log_level) < 0)
		return err_set(err, ERR_INVALID, 0,
			       "--log-level '%s' is none of error, warning, info and debug",
			       globals->log_level);
	if (globals->rootless != NULL && FIND(rootless_names, globals->rootless) < 0)
		return err_set(err, ERR_INVALID, 0,
			       "--rootless '%s' is none of true, false and auto",
			       globals->rootless);
	rc = globals_check_cgroups(globals, err);
	if (rc < 0)
		return rc;
	globals->debug = globals_level(globals) == LOG_LEVEL_DEBUG;
	globals->root_given = globals->root != NULL && globals->root[0] != '\0';
	return globals->root_given ? 0 : globals_default_root(globals, err);
}
