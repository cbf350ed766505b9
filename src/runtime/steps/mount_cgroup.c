/* What "type": "cgroup" becomes: cgroup2 on a v2 host; else a tmpfs with a mount per hierarchy. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "kern/cgroup/limits.h"
#include "kern/mount/mount.h"
#include "runtime/steps/mount_util.h"
#include "runtime/steps/steps.h"

#define MOUNT_SAFE ((uint64_t)MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

static bool mount_has_cgroup_namespace(const struct start *start)
{
	return oci_config_namespace(start->config, OCI_NS_CGROUP) != NULL;
}

static uint64_t mount_read_only(const struct mount_options *options)
{
	return options->attr_set & MOUNT_ATTR_RDONLY;
}

/*
 * A cgroup that is the runtime's user's own, or the runtime's, would be written by whoever shares that
 * user's id in the container (CVE-2023-25809).
 */
static uint64_t mount_protection(const struct start *start, const struct mount_options *options)
{
	if (mount_read_only(options) != 0 || start->cgroup_dir_count == 0)
		return MOUNT_ATTR_RDONLY;
	if (mount_has_cgroup_namespace(start))
		return 0;
	return step_has_userns(start) || geteuid() != 0 || cgroup_in_user_namespace()
		       ? MOUNT_ATTR_RDONLY
		       : 0;
}

/*
 * A clone out of the host's own mounts, by path: descriptors from before the clone belong to another
 * mount namespace. Without mount_setattr (before 5.12) its flags can only be set once it is attached.
 */
static int mount_host_tree(const char *dir, uint64_t attr, struct err *err)
{
	struct err why = {0};
	char path[sizeof(CGROUP_ROOT) + CGROUP_PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", CGROUP_ROOT, dir);
	auto_fd tree = mount_tree_clone(AT_FDCWD, path, MOUNT_TREE_RECURSIVE, err);
	if (tree < 0)
		return tree;
	int rc = mount_set_attr(tree, attr, 0, 0, true, &why);
	if (rc < 0 && why.kind != ERR_UNSUPPORTED) {
		*err = why;
		return rc;
	}
	return fd_take(&tree);
}

/* The filesystem's type, and the options that select the hierarchy. */
static const char *mount_hierarchy_type(const struct start *start, size_t i, char *options,
					size_t size)
{
	const struct cgroup_hierarchy *hierarchy = &start->cgroup_host.hierarchies[i];
	const char *name = cgroup_host_text(&start->cgroup_host, hierarchy->name_at);
	bool named = (hierarchy->controllers & (1U << CGROUP_SYSTEMD)) != 0;

	options[0] = '\0';
	if (hierarchy->v2)
		return "cgroup2";
	(void)snprintf(options, size, "%s%s", named ? "none,name=" : "", name);
	return "cgroup";
}

static int mount_new_hierarchy(struct start *start, size_t i, uint64_t attr, struct err *err)
{
	char options[128];
	const char *type = mount_hierarchy_type(start, i, options, sizeof(options));

	return mount_fs_create(type, "cgroup", options, 0, attr, err);
}

/*
 * The container's own cgroup as the root of the hierarchy: by its cgroup namespace; where there is
 * none, or it belongs to another user namespace, by a bind.
 */
static int mount_hierarchy(struct start *start, size_t i, uint64_t attr, struct err *err)
{
	const char *dir = cgroup_dir(&start->cgroup, i);
	struct err why = {0};

	if (mount_has_cgroup_namespace(start)) {
		int tree = mount_new_hierarchy(start, i, attr, &why);
		bool refused = tree == -EPERM || tree == -EBUSY;
		if (tree >= 0)
			return tree;
		if (!refused || dir[0] == '\0') {
			*err = why;
			return tree;
		}
	}
	return mount_host_tree(dir, attr, err);
}

/* "cpu,cpuacct" is also found under each of its names. */
static int mount_v1_links(const char *name, int base, struct err *err)
{
	char names[128];

	(void)snprintf(names, sizeof(names), "%s", name);
	for (char *at = strchr(names, ',') != NULL ? names : NULL; at != NULL;) {
		char *comma = strchr(at, ',');
		if (comma != NULL)
			*comma = '\0';
		if (symlinkat(name, base, at) < 0 && errno != EEXIST)
			return err_errno(err, "link '%s' to '%s'", at, name);
		at = comma != NULL ? comma + 1 : NULL;
	}
	return 0;
}

static int mount_v1_tree(struct start *start, size_t i, int base,
			 const struct mount_options *options, const char *name, struct err *err)
{
	auto_fd tree = mount_hierarchy(start, i, MOUNT_SAFE, err);
	if (tree < 0)
		return err_wrap(err, tree, "cgroup hierarchy '%s'", name);
	int rc = mount_attach_name(tree, base, name, err);
	if (rc == 0 && !mount_has_cgroup_namespace(start)) /* see mount_host_tree() */
		rc = mount_set_attr(tree, MOUNT_SAFE, 0, 0, false, err);
	return rc < 0 ? rc : mount_set_propagation(tree, options, err);
}

/* base, which is new and this process's alone, is the working folder. */
static int mount_v1_one(struct start *start, size_t i, int base,
			const struct mount_options *options, struct err *err)
{
	const struct cgroup_hierarchy *hierarchy = &start->cgroup_host.hierarchies[i];
	const char *name = cgroup_host_text(&start->cgroup_host, hierarchy->name_at);
	char data[128];
	int rc = -EOPNOTSUPP;

	if (mkdirat(base, name, 0755) < 0)
		return err_errno(err, "make the folder of cgroup hierarchy '%s'", name);
	if (mount_has_cgroup_namespace(start) && options->propagation_count == 0) {
		const char *type = mount_hierarchy_type(start, i, data, sizeof(data));
		rc = mount_fs_attach_name(type, "cgroup", data, MOUNT_SAFE, name);
	}
	if (rc < 0) /* it explains */
		rc = mount_v1_tree(start, i, base, options, name, err);
	return rc < 0 ? rc : mount_v1_links(name, base, err);
}

/* Without mount_setattr (before 5.12) one by one. */
static int mount_v1_protect(struct start *start, int base, struct err *err)
{
	struct err why = {0};
	int rc = mount_set_attr(base, MOUNT_ATTR_RDONLY, 0, 0, true, &why);

	if (rc == 0)
		return 0;
	rc = mount_set_attr(base, MOUNT_ATTR_RDONLY, 0, 0, false, err);
	for (size_t i = 0; rc == 0 && i < start->cgroup_host.count; i++) {
		const char *name = cgroup_host_text(&start->cgroup_host,
						    start->cgroup_host.hierarchies[i].name_at);
		if (cgroup_dir(&start->cgroup, i)[0] == '\0')
			continue;
		auto_fd fd = openat(base, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		rc = fd < 0 ? err_errno(err, "open cgroup hierarchy '%s'", name)
			    : mount_set_attr(fd, MOUNT_ATTR_RDONLY, 0, 0, false, err);
	}
	return rc;
}

static int mount_v1_all(struct start *start, int target, const struct mount_options *options,
			struct err *err)
{
	auto_fd base = mount_fs_create("tmpfs", "tmpfs", "mode=755", 0, MOUNT_SAFE, err);

	if (base < 0)
		return base;
	int rc = mount_attach(base, target, err);
	if (rc == 0 && fchdir(base) < 0)
		rc = err_errno(err, "enter the folder of the cgroup hierarchies");
	for (size_t i = 0; rc == 0 && i < start->cgroup_host.count; i++)
		if (cgroup_dir(&start->cgroup, i)[0] != '\0')
			rc = mount_v1_one(start, i, base, options, err);
	if (rc == 0)
		rc = mount_set_propagation(base, options, err);
	if (rc == 0 && mount_protection(start, options) != 0)
		rc = mount_v1_protect(start, base, err);
	return rc;
}

int mount_cgroup(struct start *start, size_t i, const struct mount_options *options,
		 struct err *err)
{
	const struct oci_mount *mount = &start->config->mounts.items[i];
	if (start->mount_fds[i] >= 0)
		return err_set(err, ERR_UNSUPPORTED, EINVAL,
			       "control groups have no mapped owners");
	auto_fd target = path_make_in_root(start->root_fd, mount->destination, PATH_DIR, 0755, err);

	if (target < 0)
		return target;
	/* Of a container in nobody's cgroup there is nothing to show without a namespace. */
	bool empty = start->cgroup_host.count == 0 ||
		     (start->cgroup_dir_count == 0 && !mount_has_cgroup_namespace(start));
	if (empty || start->cgroup_host.mode != CGROUP_MODE_V2)
		return mount_v1_all(start, target, options, err);
	struct mount_options protected = *options;
	protected.bind =
		!mount_has_cgroup_namespace(start); /* a clone's flags are still to be set */
	protected.attr_set |= mount_protection(start, options);
	/*
	 * Version 2 without a cgroup namespace: the host's tree, in which the paths of /proc/self/cgroup
	 * are found. Not a new mount: from the host's cgroup namespace that would change the options of
	 * the host's own (nsdelegate).
	 */
	auto_fd tree = mount_has_cgroup_namespace(start)
			       ? mount_hierarchy(start, 0, protected.attr_set, err)
			       : mount_host_tree("", protected.attr_set, err);
	if (tree < 0)
		return tree;
	return mount_attach_with(tree, target, &protected, err);
}
