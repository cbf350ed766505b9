/* Attaches config.json's mounts, in order, beneath the container's root. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/stat.h>

#include "base/path.h"
#include "kern/mount/mount.h"
#include "runtime/steps/mount_util.h"
#include "runtime/steps/steps.h"

int mount_row_options(const struct start *start, size_t i, char *data,
		      struct mount_options *ret_options, struct err *err)
{
	const struct oci_mount *mount = &start->config->mounts.items[i];
	int rc = mount_options_parse(mount->options.items, mount->options.count, data,
				     MOUNT_DATA_MAX, ret_options, err);

	if (rc < 0)
		return err_wrap(err, rc, "mounts[%zu].options", i);
	if (mount->type != NULL && strcmp(mount->type, "bind") == 0 && !ret_options->bind)
		ret_options->bind = true;
	if (ret_options->idmap != MOUNT_IDMAP_NONE)
		return err_set(err, ERR_UNSUPPORTED, 0, "mounts[%zu].options: idmap: not built yet",
			       i);
	if (ret_options->copy_symlink || ret_options->src_nofollow || ret_options->dest_nofollow)
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "mounts[%zu].options: copy-symlink, src-nofollow and dest-nofollow: "
			       "not built yet",
			       i);
	return 0;
}

int mount_source_open(struct start *start, size_t i, struct err *err)
{
	const struct oci_mount *mount = &start->config->mounts.items[i];
	struct mount_options options;
	char data[MOUNT_DATA_MAX];
	int rc = mount_row_options(start, i, data, &options, err);

	if (rc < 0)
		return rc;
	if (!options.bind)
		return FD_NONE;
	if (mount->source == NULL)
		return err_set(err, ERR_INVALID, 0, "mounts[%zu].source: missing for a bind", i);
	int fd = mount_tree_clone(start->bundle_fd, mount->source,
				  options.recursive ? MOUNT_TREE_RECURSIVE : 0, err);
	return fd < 0 ? err_wrap(err, fd, "mounts[%zu]: bind '%s' on '%s'", i, mount->source,
				 mount->destination)
		      : fd;
}

static int mount_target_make(struct start *start, const struct oci_mount *mount, int source_fd,
			     struct err *err)
{
	enum path_kind kind = PATH_DIR;
	struct stat st;

	if (source_fd >= 0 && fstat(source_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		kind = PATH_FILE;
	return path_make_in_root(start->root_fd, mount->destination, kind,
				 kind == PATH_DIR ? 0755 : 0644, err);
}

static int mount_bind(struct start *start, size_t i, const struct mount_options *options,
		      struct err *err)
{
	const struct oci_mount *mount = &start->config->mounts.items[i];
	auto_fd tree = fd_take(&start->mount_source_fds[i]);

	if (tree < 0)
		tree = mount_source_open(start, i, err);
	if (tree < 0)
		return tree;
	auto_fd target = mount_target_make(start, mount, tree, err);
	if (target < 0)
		return target;
	return mount_attach_with(tree, target, options, err);
}

/* procfs and sysfs go on a real folder alone: a link there would hide them (CVE-2023-27561). */
static int mount_check_plain(struct start *start, const struct oci_mount *mount, struct err *err)
{
	struct stat st;
	auto_fd fd =
		path_open_in_root(start->root_fd, mount->destination, O_PATH | O_NOFOLLOW, err);

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(err, ERR_DENIED, ENOTDIR,
			       "'%s' in the image is not a folder: %s is only mounted on one",
			       mount->destination, mount->type);
	return 0;
}

static bool mount_is(const struct oci_mount *mount, const char *type)
{
	return mount->type != NULL && strcmp(mount->type, type) == 0;
}

/* tmpcopyup: what the image has there fills the tmpfs before it covers it. */
static int mount_fill(struct start *start, int tree, int target, struct err *err)
{
	auto_fd from = openat(target, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (from < 0)
		return err_errno(err, "open the folder that is copied up");
	(void)start;
	return mount_copy_up(from, tree, err);
}

static int mount_filesystem(struct start *start, size_t i, struct mount_options *options,
			    struct err *err)
{
	const struct oci_mount *mount = &start->config->mounts.items[i];
	bool read_only = (options->attr_set & MOUNT_ATTR_RDONLY) != 0;

	if (mount->type == NULL)
		return err_set(err, ERR_INVALID, 0, "mounts[%zu].type: missing, and no bind", i);
	if (mount_is(mount, "proc") || mount_is(mount, "sysfs")) {
		int rc = mount_check_plain(start, mount, err);
		if (rc < 0)
			return rc;
	}
	auto_fd target = mount_target_make(start, mount, FD_NONE, err);
	if (target < 0)
		return target;
	if (options->tmpcopyup)
		options->attr_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	auto_fd tree = mount_fs_create_with(
		mount->type, mount->source != NULL ? mount->source : mount->type, options, err);
	if (tree < 0)
		return tree;
	int rc = options->tmpcopyup ? mount_fill(start, tree, target, err) : 0;
	if (rc == 0 && options->tmpcopyup && read_only)
		rc = mount_set_attr(tree, MOUNT_ATTR_RDONLY, 0, 0, false, err);
	return rc < 0 ? rc : mount_attach_with(tree, target, options, err);
}

static int mount_remount(struct start *start, const struct oci_mount *mount,
			 const struct mount_options *options, struct err *err)
{
	auto_fd target = path_open_in_root(start->root_fd, mount->destination, O_PATH, err);

	if (target < 0)
		return target;
	return mount_set_attr(target, options->attr_set, options->attr_clear, 0, false, err);
}

static int mount_row(struct start *start, size_t i, struct err *err)
{
	const struct oci_mount *mount = &start->config->mounts.items[i];
	struct mount_options options;
	char data[MOUNT_DATA_MAX];
	int rc = mount_row_options(start, i, data, &options, err);

	if (rc < 0)
		return rc;
	if (options.remount)
		rc = mount_remount(start, mount, &options, err);
	else if (options.bind)
		rc = mount_bind(start, i, &options, err);
	else if (mount_is(mount, "cgroup"))
		rc = mount_cgroup(start, i, &options, err);
	else
		rc = mount_filesystem(start, i, &options, err);
	return rc < 0 ? err_wrap(err, rc, "mount '%s' on '%s'",
				 mount->source != NULL ? mount->source : "", mount->destination)
		      : 0;
}

int step_mounts_attach(struct start *start, struct err *err)
{
	for (size_t i = 0; i < start->config->mounts.count; i++) {
		int rc = mount_row(start, i, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}
