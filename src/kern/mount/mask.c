#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/path.h"
#include "kern/mount/mount.h"
#include "kern/uapi.h"

int mount_mask_open(int null_fd, struct mount_mask *ret_mask, struct err *err)
{
	struct stat st;

	if (fstat(null_fd, &st) < 0)
		return err_errno(err, "examine the null device");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return err_set(err, ERR_DENIED, EINVAL,
			       "mask paths: what stands for /dev/null is not the null device (type "
			       "%o, device %u:%u)",
			       st.st_mode & S_IFMT, major(st.st_rdev), minor(st.st_rdev));
	*ret_mask = (struct mount_mask){.null_fd = null_fd, .empty_fd = FD_NONE};
	return 0;
}

void mount_mask_close(struct mount_mask *mask)
{
	fd_closep(&mask->empty_fd);
}

/* The target of a mask or read-only path. FD_NONE: there is nothing to do. */
static int mask_target(int rootfd, const char *path, struct err *err)
{
	struct err why = {0};
	int fd = path_open_in_root(rootfd, path, O_PATH | O_CLOEXEC, &why);

	if (fd >= 0)
		return fd;
	if (why.sys == ENOENT || why.sys == ENOTDIR)
		return FD_NONE;
	*err = why;
	return fd;
}

/*
 * Puts the empty folder over target: the first one itself, then clones, since before Linux 6.15 only
 * attached mounts can be cloned.
 */
static int mask_with_empty(struct mount_mask *mask, int target, struct err *err)
{
	char data[512];

	if (mask->empty_fd >= 0) {
		auto_fd tree = mount_tree_clone(mask->empty_fd, "", 0, err);
		return tree < 0 ? tree : mount_attach(tree, target, err);
	}
	bool labelled = mask->label != NULL && mask->label[0] != '\0';
	int len = snprintf(data, sizeof(data), "mode=755,size=4k,nr_inodes=2%s%s%s",
			   labelled ? ",context=\"" : "", labelled ? mask->label : "",
			   labelled ? "\"" : "");
	if (len < 0 || (size_t)len >= sizeof(data))
		return err_set(err, ERR_INVALID, ENAMETOOLONG, "the masks' SELinux context");
	mask->empty_fd = mount_fs_create(
		"tmpfs", "tmpfs", data, 0,
		MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, err);
	return mask->empty_fd < 0 ? mask->empty_fd : mount_attach(mask->empty_fd, target, err);
}

static int mask_with_null(const struct mount_mask *mask, int target, struct err *err)
{
	auto_fd tree = mount_tree_clone(mask->null_fd, "", 0, err);

	return tree < 0 ? tree : mount_attach(tree, target, err);
}

int mount_mask_at(struct mount_mask *mask, int rootfd, const char *path, struct err *err)
{
	struct stat st;

	auto_fd target = mask_target(rootfd, path, err);
	if (target == FD_NONE)
		return 0;
	if (target < 0)
		return err_wrap(err, target, "mask '%s'", path);
	if (fstat(target, &st) < 0)
		return err_errno(err, "mask '%s'", path);

	int rc = S_ISDIR(st.st_mode) ? mask_with_empty(mask, target, err)
				     : mask_with_null(mask, target, err);
	return rc < 0 ? err_wrap(err, rc, "mask '%s'", path) : 0;
}

int mount_readonly_at(int rootfd, const char *path, struct err *err)
{
	auto_fd target = mask_target(rootfd, path, err);
	if (target == FD_NONE)
		return 0;
	if (target < 0)
		return err_wrap(err, target, "make '%s' read-only", path);

	/* A clone inherits the flags of its source, locked ones included. */
	auto_fd tree = mount_tree_clone(target, "", MOUNT_TREE_RECURSIVE, err);
	if (tree < 0)
		return err_wrap(err, tree, "make '%s' read-only", path);
	struct mount_options options = {.bind = true, .rec_attr_set = MOUNT_ATTR_RDONLY};
	struct err why = {0};
	int rc = mount_attach_with(tree, target, &options, &why);
	/* Without mount_setattr the mounts below stay as they are; the clone is attached by now. */
	if (rc < 0 && why.kind == ERR_UNSUPPORTED)
		rc = mount_set_attr_by_remount(tree, MOUNT_ATTR_RDONLY, 0, 0, false, &why);
	if (rc < 0)
		*err = why;
	return rc < 0 ? err_wrap(err, rc, "make '%s' read-only", path) : 0;
}
