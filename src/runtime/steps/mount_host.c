/* The host's own kernel filesystems: bound where no new one can be had, and what must not be writable in them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>

#include "base/limits.h"
#include "base/path.h"
#include "kern/mount/mount.h"
#include "runtime/steps/mount_util.h"
#include "runtime/steps/steps.h"

bool mount_is_of_sysfs(const char *source)
{
	static const char *const tops[] = {"/sys", "/sys/fs", "/sys/fs/cgroup"};
	char clean[PATH_LENGTH_MAX];

	if (source == NULL || path_clean(source, clean, sizeof(clean)) < 0)
		return false;
	for (size_t i = 0; i < sizeof(tops) / sizeof(tops[0]); i++)
		if (strcmp(clean, tops[i]) == 0)
			return true;
	return strncmp(clean, "/sys/fs/cgroup/", strlen("/sys/fs/cgroup/")) == 0;
}

/* Covers a folder of an attached tree, if it is there, with an empty one. */
static int mount_hide(int tree, const char *name, struct err *err)
{
	struct err absent;
	auto_fd target = path_open_in_root(tree, name, O_PATH | O_DIRECTORY, &absent);

	if (target < 0)
		return 0;
	auto_fd empty = mount_fs_create(
		"tmpfs", "tmpfs", "mode=755,size=4k,nr_inodes=2", 0,
		MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, err);
	return empty < 0 ? empty : mount_attach(empty, target, err);
}

int mount_protect_cgroups(int tree, struct err *err)
{
	static const char *const places[] = {"fs/cgroup", "cgroup"};
	struct err why;
	int rc = mount_set_attr(tree, MOUNT_ATTR_RDONLY, 0, 0, true, &why);

	if (rc == 0)
		return 0;
	/* Before Linux 5.12 one mount after the other: those that hold cgroups are hidden. */
	rc = why.kind == ERR_UNSUPPORTED
		     ? mount_set_attr(tree, MOUNT_ATTR_RDONLY, 0, 0, false, &why)
		     : rc;
	for (size_t i = 0; rc == 0 && i < sizeof(places) / sizeof(places[0]); i++)
		rc = mount_hide(tree, places[i], &why);
	if (rc < 0)
		*err = why;
	return rc < 0 ? err_wrap(err, rc, "protect the host's cgroups") : 0;
}

static bool mount_has_namespace(const struct start *start, enum oci_namespace_type kind)
{
	const struct oci_namespace *namespace = oci_config_namespace(start->config, kind);

	return namespace != NULL && (namespace->path == NULL || namespace->path[0] == '\0');
}

/* Why the kernel refuses, and what helps. */
static const char *mount_remedy(const struct start *start, const char *type)
{
	if (strcmp(type, "sysfs") == 0)
		return "it takes a network namespace of the container's own, or the option ro, "
		       "with "
		       "which the host's /sys stands in";
	if (strcmp(type, "mqueue") == 0)
		return "it takes an IPC namespace of the container's own";
	if (strcmp(type, "proc") != 0)
		return NULL;
	if (!mount_has_namespace(start, OCI_NS_PID))
		return "it takes a PID namespace of the container's own";
	return "parts of the /proc here are covered, as in a container: it takes an uncovered one "
	       "(Podman: --security-opt unmask=ALL, Docker: --security-opt systempaths=unconfined)";
}

int mount_instead(struct start *start, size_t i, int target, const struct mount_options *options,
		  struct err *err)
{
	const char *type = start->config->mounts.items[i].type;

	/* Only who owns the network namespace may make its sysfs. */
	if (strcmp(type, "sysfs") != 0 || (options->attr_set & MOUNT_ATTR_RDONLY) == 0) {
		const char *remedy = mount_remedy(start, type);
		return remedy != NULL ? err_wrap(err, -EPERM, "%s", remedy) : -EPERM;
	}
	auto_fd tree =
		mount_tree_clone(AT_FDCWD, "/sys", MOUNT_TREE_RECURSIVE | MOUNT_TREE_NOFOLLOW, err);
	if (tree < 0)
		return tree;
	struct mount_options bind = {
		.bind = true, .recursive = true, .attr_set = options->attr_set};
	int rc = mount_attach_with(tree, target, &bind, err);
	if (rc == 0)
		rc = mount_protect_cgroups(tree, err);
	if (rc == 0)
		start_warn(start,
			   "mounts[%zu]: the kernel refuses a new sysfs here: the host's /sys is "
			   "bound, read-only",
			   i);
	return rc;
}
