#include "kern/mount/mount.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "kern/mount/internal.h"
#include "kern/uapi.h"

#define ATTR_ALL                                                                                  \
	((uint64_t)MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | \
	 MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW)

int mount_tree_clone(int dirfd, const char *path, unsigned int flags, struct err *err)
{
	unsigned int how = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;

	if (flags & MOUNT_TREE_RECURSIVE)
		how |= AT_RECURSIVE;
	if (flags & MOUNT_TREE_NOFOLLOW)
		how |= AT_SYMLINK_NOFOLLOW;
	if (path[0] == '\0')
		how |= AT_EMPTY_PATH;
	int tree = uapi_open_tree(dirfd, path, how);
	if (tree < 0 && errno == EINVAL)
		return err_errno(err,
				 "clone the mount at '%s': it is unbindable, of another mount "
				 "namespace, or locked together with mounts below it",
				 path);
	if (tree < 0)
		return err_errno(err, "clone the mount at '%s'", path);
	return tree;
}

int mount_attach(int treefd, int targetfd, struct err *err)
{
	if (uapi_move_mount(treefd, "", targetfd, "",
			    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_errno(err, "attach a mount");
	return 0;
}

int mount_attach_name(int treefd, int dirfd, const char *name, struct err *err)
{
	if (uapi_move_mount(treefd, "", dirfd, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_errno(err, "attach a mount on '%s'", name);
	return 0;
}

/* The atime mode is a field, not bits: it is replaced whole. */
static void attr_complete(uint64_t *set, uint64_t *clear)
{
	if ((*set | *clear) & MOUNT_ATTR__ATIME)
		*clear |= MOUNT_ATTR__ATIME;
	*clear &= ~*set | MOUNT_ATTR__ATIME;
}

static int attr_failed(struct err *err)
{
	if (errno == EPERM)
		return err_errno(err, "change a mount's flags: they may be locked by the more "
				      "privileged namespace that the mount comes from");
	return err_errno(err, "change a mount's flags");
}

/*
 * Whether the last failure means that there is no mount_setattr. An old seccomp policy answers EPERM to any
 * call that it does not know; the kernel, to arguments of no size, EINVAL before all else.
 */
static bool attr_is_missing(void)
{
	int why = errno;

	if (why != EPERM)
		return why == ENOSYS;
	bool missing =
		syscall(SYS_mount_setattr, -1, "", 0U, NULL, (size_t)0) < 0 && errno == EPERM;
	errno = why;
	return missing;
}

int mount_set_attr(int treefd, uint64_t set, uint64_t clear, uint64_t propagation, bool recursive,
		   struct err *err)
{
	uint64_t all_clear = clear;

	attr_complete(&set, &all_clear);
	struct uapi_mount_attr attr = {
		.attr_set = set, .attr_clr = all_clear, .propagation = propagation};
	if (set == 0 && all_clear == 0 && propagation == 0)
		return 0;
	if (uapi_mount_setattr(treefd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr) ==
	    0)
		return 0;
	if (attr_is_missing())
		return mount_set_attr_by_remount(treefd, set, clear, propagation, recursive, err);
	return attr_failed(err);
}

static void fd_path(int fd, char *path, size_t size)
{
	(void)snprintf(path, size, "/proc/self/fd/%d", fd);
}

#ifndef ST_NOSYMFOLLOW
#define ST_NOSYMFOLLOW 0x2000 /* statfs(2), since 5.10 */
#endif

/* statfs(2) flags, attributes and mount(2) flags of the same meaning. */
static const struct {
	unsigned long st;
	uint64_t attr;
	unsigned long ms;
} attr_rows[] = {
	{0x0001, MOUNT_ATTR_RDONLY, MS_RDONLY},
	{0x0002, MOUNT_ATTR_NOSUID, MS_NOSUID},
	{0x0004, MOUNT_ATTR_NODEV, MS_NODEV},
	{0x0008, MOUNT_ATTR_NOEXEC, MS_NOEXEC},
	{0x0400, MOUNT_ATTR_NOATIME, MS_NOATIME},
	{0x0800, MOUNT_ATTR_NODIRATIME, MS_NODIRATIME},
	{ST_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW},
};
#define ATTR_ROWS    (sizeof(attr_rows) / sizeof(attr_rows[0]))
#define ST_RELATIME_ 0x1000UL

static uint64_t attr_of_statfs(unsigned long flags)
{
	uint64_t attr = 0;

	for (size_t i = 0; i < ATTR_ROWS; i++)
		if (flags & attr_rows[i].st)
			attr |= attr_rows[i].attr;
	if (!(attr & MOUNT_ATTR_NOATIME) && !(flags & ST_RELATIME_))
		attr |= MOUNT_ATTR_STRICTATIME;
	return attr;
}

unsigned long mount_attr_to_ms(uint64_t attr)
{
	unsigned long ms = 0;

	for (size_t i = 0; i < ATTR_ROWS; i++)
		if (attr & attr_rows[i].attr)
			ms |= attr_rows[i].ms;
	if ((attr & MOUNT_ATTR__ATIME) == 0)
		ms |= MS_RELATIME;
	if (attr & MOUNT_ATTR_STRICTATIME)
		ms |= MS_STRICTATIME;
	return ms;
}

int mount_set_attr_by_remount(int treefd, uint64_t set, uint64_t clear, uint64_t propagation,
			      bool recursive, struct err *err)
{
	char path[32];
	struct statfs fs;

	fd_path(treefd, path, sizeof(path));
	attr_complete(&set, &clear);
	if ((set | clear) != 0) {
		if (recursive || ((set | clear) & ~ATTR_ALL))
			return err_set(err, ERR_UNSUPPORTED, ENOSYS,
				       "recursive mount flags need Linux 5.12");
		if (fstatfs(treefd, &fs) < 0)
			return err_errno(err, "read a mount's flags");
		uint64_t attr = (attr_of_statfs((unsigned long)fs.f_flags) & ~clear) | set;
		if (mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | mount_attr_to_ms(attr), NULL) <
		    0) {
			if (errno == EINVAL)
				return err_set(
					err, ERR_UNSUPPORTED, ENOSYS,
					"changing a detached mount's flags needs Linux 5.12");
			return attr_failed(err);
		}
	}
	if (propagation == 0)
		return 0;
	if (mount(NULL, path, NULL, (unsigned long)propagation | (recursive ? MS_REC : 0), NULL) <
	    0)
		return err_errno(err, "change a mount's propagation");
	return 0;
}

static int attach_set_attrs(int treefd, const struct mount_options *options, struct err *err)
{
	/* A new filesystem got its own attributes from fsmount. */
	uint64_t set = options->bind ? options->attr_set : 0;
	uint64_t clear = options->bind ? options->attr_clear : 0;
	int rc = mount_set_attr(treefd, set, clear, 0, false, err);

	if (rc < 0)
		return rc;
	return mount_set_attr(treefd, options->rec_attr_set, options->rec_attr_clear, 0, true, err);
}

int mount_set_propagation(int treefd, const struct mount_options *options, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < options->propagation_count; i++) {
		uint32_t flags = options->propagation[i];
		rc = mount_set_attr(treefd, 0, 0, flags & ~(uint32_t)MS_REC, (flags & MS_REC) != 0,
				    err);
	}
	return rc;
}

int mount_attach_with(int treefd, int targetfd, const struct mount_options *options,
		      struct err *err)
{
	struct err early = {0};
	int rc = attach_set_attrs(treefd, options, &early);
	bool late = rc < 0 && early.kind == ERR_UNSUPPORTED;

	if (rc < 0 && !late) {
		*err = early;
		return rc;
	}
	rc = mount_attach(treefd, targetfd, err);
	if (rc == 0 && late)
		rc = attach_set_attrs(treefd, options, err);
	return rc < 0 ? rc : mount_set_propagation(treefd, options, err);
}

int mount_detach(int fd, struct err *err)
{
	if (fchdir(fd) < 0 || umount2(".", MNT_DETACH) < 0)
		return err_errno(err, "unmount");
	return 0;
}

int mount_pivot(int rootfd, struct err *err)
{
	auto_fd old = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (old < 0)
		return err_errno(err, "open the old root");
	if (fchdir(rootfd) < 0)
		return err_errno(err, "enter the new root");
	/*
	 * Both on one place: the old root lands on top of the new one, no folder for it is needed.
	 */
	if (uapi_pivot_root(".", ".") < 0)
		return errno == EINVAL
			       ? err_errno(err,
					   "pivot to the new root: it must be a private mount, "
					   "and the old root not the initial ramfs (no pivot "
					   "then)")
			       : err_errno(err, "pivot to the new root");
	if (fchdir(old) < 0)
		return err_errno(err, "enter the old root");
	/* Slaves first, or the unmounts would travel to the host's mount namespace. */
	if (mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return err_errno(err, "cut the old root's mount propagation");
	if (umount2(".", MNT_DETACH) < 0)
		return err_errno(err, "detach the old root");
	if (chdir("/") < 0)
		return err_errno(err, "enter the new root");
	return 0;
}

int mount_move_root(int rootfd, struct err *err)
{
	if (fchdir(rootfd) < 0)
		return err_errno(err, "enter the new root");
	/* ELOOP: it was attached to "/", and lies there already. */
	if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 && errno != ELOOP)
		return err_errno(err, "move the new root over the old one");
	if (chroot(".") < 0 || chdir("/") < 0)
		return err_errno(err, "enter the moved root");
	return 0;
}
