#include "kern/proc/sysctl.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "kern/proc/procfs.h"
#include "kern/uapi.h"

#define SYSCTL_PATH_MAX 256

/* By path; one that ends with "/" stands for all beneath it. */
static const struct {
	const char *path;
	uint64_t namespace;
	const char *name;
} sysctl_rows[] = {
	{"sys/fs/mqueue/", CLONE_NEWIPC, "ipc"},
	{"sys/kernel/domainname", CLONE_NEWUTS, "uts"},
	{"sys/kernel/msgmax", CLONE_NEWIPC, "ipc"},
	{"sys/kernel/msgmnb", CLONE_NEWIPC, "ipc"},
	{"sys/kernel/msgmni", CLONE_NEWIPC, "ipc"},
	{"sys/kernel/sem", CLONE_NEWIPC, "ipc"},
	{"sys/kernel/shm_rmid_forced", CLONE_NEWIPC, "ipc"},
	{"sys/kernel/shmall", CLONE_NEWIPC, "ipc"},
	{"sys/kernel/shmmax", CLONE_NEWIPC, "ipc"},
	{"sys/kernel/shmmni", CLONE_NEWIPC, "ipc"},
	{"sys/net/", CLONE_NEWNET, "network"},
	{"sys/user/", CLONE_NEWUSER, "user"},
};

static bool sysctl_component_is_plain(const char *name, size_t len)
{
	return len > 0 && !(len == 1 && name[0] == '.') &&
	       !(len == 2 && memcmp(name, "..", 2) == 0);
}

int sysctl_path(const char *name, char *buf, size_t size, struct err *err)
{
	size_t len = strlen(name);
	bool dots = name[strcspn(name, "./")] == '.';

	if (len + 5 > size || len + 5 > SYSCTL_PATH_MAX)
		return err_set(err, ERR_INVALID, ENAMETOOLONG, "sysctl '%.64s...': too long a name",
			       name);
	(void)snprintf(buf, size, "sys/%s", name);
	for (char *at = buf + 4; dots && *at != '\0'; at++)
		if (*at == '.' || *at == '/')
			*at = *at == '.' ? '/' : '.';
	for (const char *at = buf + 4;; at++) {
		size_t part = strcspn(at, "/");
		if (!sysctl_component_is_plain(at, part))
			return err_set(err, ERR_INVALID, EINVAL, "sysctl '%s' is not a name", name);
		at += part;
		if (*at == '\0')
			return 0;
	}
}

int sysctl_check_allowed(const char *name, uint64_t namespaces, struct err *err)
{
	char path[SYSCTL_PATH_MAX];
	int rc = sysctl_path(name, path, sizeof(path), err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < sizeof(sysctl_rows) / sizeof(sysctl_rows[0]); i++) {
		const char *row = sysctl_rows[i].path;
		size_t len = strlen(row);
		bool beneath = row[len - 1] == '/';
		if (strncmp(path, row, beneath ? len : len + 1) != 0)
			continue;
		if (namespaces & sysctl_rows[i].namespace)
			return 0;
		return err_set(err, ERR_INVALID, EINVAL,
			       "sysctl '%s' is not allowed in the host's %s namespace: give the "
			       "container its own",
			       name, sysctl_rows[i].name);
	}
	if (strcmp(path, "sys/kernel/hostname") == 0)
		return err_set(err, ERR_INVALID, EINVAL,
			       "sysctl '%s' conflicts with the configuration's hostname: set that",
			       name);
	return err_set(
		err, ERR_INVALID, EINVAL,
		"sysctl '%s' is not in a separate kernel namespace: it would change the host",
		name);
}

int sysctl_write(int procfd, const char *name, const char *value, struct err *err)
{
	char path[SYSCTL_PATH_MAX];
	int rc = sysctl_path(name, path, sizeof(path), err);

	if (rc == 0)
		rc = procfs_write_at(procfd, path, value, err);
	return rc < 0 ? err_wrap(err, rc, "sysctl '%.64s'", name) : 0;
}
