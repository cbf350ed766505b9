#include "runtime/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/process.h"
#include "kern/caps/caps.h"
#include "kern/proc/procfs.h"

#define HELPER_PATH       "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin" /* for an empty PATH */
#define HELPER_STDERR_MAX 200
#define NUMBER_MAX        12 /* "4294967295" and the NUL */

/* One of the two maps. */
struct userns_map {
	const char *what;   /* "uid" */
	const char *field;  /* "linux.uidMappings" */
	const char *helper; /* "newuidmap" */
	const char *ranges; /* "/etc/subuid" */
	const struct ns_id_map *map;
	size_t count;
	uint32_t own; /* the caller's id */
	bool may;     /* the caller has the capability to give any id */
};

/* An ordinary user may map one id, its own. */
static bool userns_is_own(const struct userns_map *map)
{
	return map->count == 1 && map->map[0].count == 1 && map->map[0].outside == map->own;
}

static bool userns_needs_helper(const struct userns_map *map)
{
	return !map->may && !userns_is_own(map);
}

/* Finds the helper in the folders of PATH. */
static int userns_find(const struct userns_map *map, char *const *envp, char *path, size_t size,
		       struct err *err)
{
	const char *folders = HELPER_PATH;

	for (size_t i = 0; envp != NULL && envp[i] != NULL; i++)
		if (strncmp(envp[i], "PATH=", 5) == 0 && envp[i][5] != '\0')
			folders = envp[i] + 5;
	for (const char *at = folders; *at != '\0'; at += *at == ':') {
		size_t len = strcspn(at, ":");
		int all = snprintf(path, size, "%.*s/%s", (int)len, at, map->helper);
		at += len;
		/* A relative folder would make the program depend on where one stands. */
		if (all > 0 && (size_t)all < size && path[0] == '/' && access(path, X_OK) == 0)
			return 0;
	}
	return err_set(
		err, ERR_DENIED, ENOENT,
		"%s: mapping more than one's own id takes %s, which is not installed (Debian: "
		"apt-get install uidmap)",
		map->field, map->helper);
}

/* What the helper said, on one line. */
static void userns_read_words(int fd, char *text, size_t size)
{
	ssize_t got = pread(fd, text, size - 1, 0);

	text[got > 0 ? got : 0] = '\0';
	for (char *at = text; *at != '\0'; at++)
		if (*at == '\n')
			*at = at[1] == '\0' ? '\0' : ' ';
}

static int userns_helper_failed(const struct userns_map *map, const struct process_exit *exit,
				int output, struct err *err)
{
	char words[HELPER_STDERR_MAX];

	userns_read_words(output, words, sizeof(words));
	return err_set(err, ERR_DENIED, EPERM,
		       "%s: %s ended with status %d: %s (the ids must be the user's in %s: "
		       "usermod --add-sub%ss FIRST-LAST USER)",
		       map->field, map->helper, process_exit_status(exit), words, map->ranges,
		       map->what);
}

/* HELPER PID INSIDE OUTSIDE COUNT... */
static int userns_run(const struct userns_map *map, const char *path, pid_t pid, struct err *err)
{
	size_t numbers = 1 + 3 * map->count;
	char(*text)[NUMBER_MAX] = calloc(numbers, sizeof(*text));
	const char **argv = calloc(numbers + 2, sizeof(*argv));
	auto_fd output = memfd_create("idmap", MFD_CLOEXEC);
	struct process_exit exit = {0};
	int rc = 0;

	if (text == NULL || argv == NULL || output < 0) {
		rc = err_set(err, ERR_SYSTEM, ENOMEM, "%s: prepare %s", map->field, map->helper);
	} else {
		const struct process_fd fds[] = {{output, 1}, {output, 2}};
		const struct process_spec spec = {
			.path = path, .argv = argv, .fds = fds, .fd_count = 2};
		argv[0] = map->helper;
		(void)snprintf(text[0], NUMBER_MAX, "%d", pid);
		for (size_t i = 0; i < map->count; i++) {
			const uint32_t line[3] = {map->map[i].inside, map->map[i].outside,
						  map->map[i].count};
			for (size_t k = 0; k < 3; k++)
				(void)snprintf(text[1 + 3 * i + k], NUMBER_MAX, "%u", line[k]);
		}
		for (size_t i = 0; i < numbers; i++)
			argv[i + 1] = text[i];
		rc = process_run(&spec, &exit, err);
		if (rc < 0)
			rc = err_wrap(err, rc, "%s", map->field);
		else if (exit.code != 0 || exit.signal != 0)
			rc = userns_helper_failed(map, &exit, output, err);
	}
	free(text);
	free(argv);
	return rc;
}

static int userns_help(const struct userns_map *map, pid_t pid, char *const *envp, struct err *err)
{
	char path[4096];
	int rc = userns_find(map, envp, path, sizeof(path), err);

	return rc < 0 ? rc : userns_run(map, path, pid, err);
}

static int userns_write_self(const struct userns_map *map, pid_t pid, struct err *err)
{
	auto_fd proc = procfs_open_by(PROCFS_HOST, err);
	int rc = proc < 0 ? proc : 0;

	/* Whoever may give no group but its own may not shed the others it has. */
	if (rc == 0 && !map->may && map->what[0] == 'g')
		rc = ns_deny_setgroups(proc, pid, err);
	if (rc == 0)
		rc = ns_write_map(proc, pid, map->map, map->count, map->what, err);
	return rc < 0 ? err_wrap(err, rc, "%s", map->field) : 0;
}

int userns_write(const struct ns_maps *maps, pid_t pid, char *const *envp, struct err *err)
{
	struct caps_sets own = {.effective = UINT64_MAX};
	int rc = geteuid() == 0 ? 0 : caps_read(&own, err);
	struct userns_map both[2] = {
		{"gid", "linux.gidMappings", "newgidmap", "/etc/subgid", maps->gids,
		 maps->gid_count, getegid(), (own.effective >> CAP_SETGID & 1) != 0},
		{"uid", "linux.uidMappings", "newuidmap", "/etc/subuid", maps->uids,
		 maps->uid_count, geteuid(), (own.effective >> CAP_SETUID & 1) != 0},
	};

	for (size_t i = 0; rc == 0 && i < 2; i++) {
		rc = ns_check_map(both[i].map, both[i].count, both[i].what, err);
		if (rc < 0)
			rc = err_wrap(err, rc, "%s", both[i].field);
	}
	for (size_t i = 0; rc == 0 && i < 2; i++)
		rc = userns_needs_helper(&both[i]) ? userns_help(&both[i], pid, envp, err)
						   : userns_write_self(&both[i], pid, err);
	return rc;
}
