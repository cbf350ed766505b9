/* Filesystems of the container's own: proc, tmpfs, overlay and whatever else the kernel has. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "base/path.h"
#include "kern/idmap/idmap.h"
#include "kern/lsm/lsm.h"
#include "kern/mount/mount.h"
#include "runtime/steps/mount_util.h"
#include "runtime/steps/steps.h"

static bool fs_is(const struct oci_mount *mount, const char *type)
{
	return strcmp(mount->type, type) == 0;
}

/* procfs and sysfs go on a real folder alone: a link there would hide them (CVE-2023-27561). */
static int fs_open_plain(struct start *start, const struct oci_mount *mount, struct err *err)
{
	struct err why = {0};
	int fd = path_open_in_root(start->root_fd, mount->destination,
				   O_PATH | O_NOFOLLOW | O_DIRECTORY, &why);

	if (fd == -ENOENT)
		return path_make_in_root(start->root_fd, mount->destination, PATH_DIR, 0755, err);
	if (fd == -ENOTDIR)
		return err_set(err, ERR_DENIED, ENOTDIR,
			       "'%s' in the image is not a folder: %s is only mounted on one",
			       mount->destination, mount->type);
	if (fd < 0)
		*err = why;
	return fd;
}

static int fs_open_target(struct start *start, const struct oci_mount *mount, struct err *err)
{
	if (fs_is(mount, "proc") || fs_is(mount, "sysfs"))
		return fs_open_plain(start, mount, err);
	return path_make_in_root(start->root_fd, mount->destination, PATH_DIR, 0755, err);
}

/* A folder that is there lends a tmpfs its mode, unless the options give one. */
static int fs_inherit_mode(struct start *start, const struct oci_mount *mount, char *data,
			   struct err *err)
{
	struct stat st;
	struct err why = {0};
	size_t used = strlen(data);

	if (strncmp(data, "mode=", 5) == 0 || strstr(data, ",mode=") != NULL)
		return 0;
	auto_fd fd =
		path_open_in_root(start->root_fd, mount->destination, O_PATH | O_DIRECTORY, &why);
	/* What is wrong with a target is said when it is made. */
	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	int len = snprintf(data + used, MOUNT_DATA_MAX - used, "%smode=%04o", used > 0 ? "," : "",
			   st.st_mode & 07777);
	if (len < 0 || (size_t)len >= MOUNT_DATA_MAX - used)
		return err_set(err, ERR_INVALID, E2BIG, "options over %d bytes", MOUNT_DATA_MAX);
	return 0;
}

static const char *fs_label(const struct start *start)
{
	const char *label = start->config->linux->mount_label;

	return label != NULL && label[0] != '\0' ? label : NULL;
}

/*
 * Every filesystem made for the container gets linux.mountLabel as its context, but for those whose
 * files have labels by the policy (proc, sysfs), and mqueue, which has no such option.
 */
static int fs_add_label(const struct start *start, const struct oci_mount *mount, char *data,
			struct err *err)
{
	const char *label = fs_label(start);
	size_t used = strlen(data);

	if (label == NULL || fs_is(mount, "proc") || fs_is(mount, "sysfs") ||
	    fs_is(mount, "mqueue"))
		return 0;
	int len = snprintf(data + used, MOUNT_DATA_MAX - used, "%scontext=\"%s\"",
			   used > 0 ? "," : "", label);
	if (len < 0 || (size_t)len >= MOUNT_DATA_MAX - used)
		return err_set(err, ERR_INVALID, E2BIG, "options over %d bytes", MOUNT_DATA_MAX);
	return 0;
}

/* mqueue's label is an attribute of its root. */
static int fs_label_root(const struct start *start, int tree, struct err *err)
{
	auto_fd root = openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return err_errno(err, "open the queues' folder");
	return lsm_selinux_set_file(root, fs_label(start), err);
}

/* tmpcopyup: what the image has there fills the tmpfs before it covers it. */
static int fs_fill(int tree, int target, struct err *err)
{
	auto_fd from = openat(target, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (from < 0)
		return err_errno(err, "open the folder that is copied up");
	return mount_copy_up(from, tree, err);
}

static const char *fs_source(const struct oci_mount *mount)
{
	return mount->source != NULL ? mount->source : mount->type;
}

/*
 * Whether others still have to write there: devices to /dev, targets of later mounts to a tmpfs.
 * Such a mount becomes read-only when paths are protected.
 */
static bool fs_is_late(const struct oci_mount *mount, const struct mount_options *options)
{
	char path[PATH_LENGTH_MAX];

	if ((options->attr_set & MOUNT_ATTR_RDONLY) == 0)
		return false;
	return fs_is(mount, "tmpfs") || (path_clean(mount->destination, path, sizeof(path)) > 0 &&
					 strcmp(path, "/dev") == 0);
}

int mount_filesystem(struct start *start, size_t i, struct mount_options *options, char *data,
		     struct err *err)
{
	const struct oci_mount *mount = &start->config->mounts.items[i];
	bool late = fs_is_late(mount, options);
	bool labelled_later = fs_label(start) != NULL && fs_is(mount, "mqueue");
	int rc = fs_is(mount, "tmpfs") ? fs_inherit_mode(start, mount, data, err) : 0;

	if (rc == 0)
		rc = fs_add_label(start, mount, data, err);
	if (rc < 0)
		return rc;
	auto_fd target = fs_open_target(start, mount, err);
	if (target < 0)
		return target;
	if (!late && !labelled_later && !options->tmpcopyup && start->mount_fds[i] < 0 &&
	    mount_fs_attach(mount->type, fs_source(mount), options, target) == 0)
		return 0;
	if (late)
		options->attr_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	auto_fd userns = fd_take(&start->mount_fds[i]);
	struct err why = {0};
	auto_fd tree = mount_fs_create_with(mount->type, fs_source(mount), options, &why);
	if (tree < 0) {
		*err = why;
		return tree == -EPERM ? mount_instead(start, i, target, options, err) : tree;
	}
	if (userns >= 0)
		rc = idmap_set(tree, userns, false, err);
	if (rc == 0 && options->tmpcopyup)
		rc = fs_fill(tree, target, err);
	if (rc == 0 && labelled_later)
		rc = fs_label_root(start, tree, err);
	if (rc == 0)
		rc = mount_attach_with(tree, target, options, err);
	if (rc == 0 && late)
		start->mount_fds[i] = fd_take(&tree);
	return rc;
}
