/* Mounts the container's root over "/" of its own mount namespace, and enters it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/path.h"
#include "kern/mount/mount.h"
#include "kern/mount/options.h"
#include "runtime/steps/mount_util.h"
#include "runtime/steps/steps.h"

#define KIND(flags) ((flags) & ~(uint32_t)MS_REC)

int step_root_propagation(const struct start *start, uint32_t *ret_flags, struct err *err)
{
	const char *name = start->config->linux->rootfs_propagation;

	*ret_flags = 0;
	if (name == NULL || name[0] == '\0')
		return 0;
	*ret_flags = mount_propagation_of(name);
	if (*ret_flags == 0)
		return err_set(err, ERR_INVALID, 0,
			       "linux.rootfsPropagation: '%s' is no propagation", name);
	return 0;
}

int step_outer_propagation(const struct start *start, uint32_t *ret_flags, struct err *err)
{
	uint32_t flags = 0;
	int rc = step_root_propagation(start, &flags, err);

	*ret_flags = flags;
	/* What is unbindable could not be cloned for the container. */
	if (flags == (MS_UNBINDABLE | MS_REC))
		*ret_flags = MS_PRIVATE | MS_REC;
	else if (KIND(flags) != MS_SHARED && flags != (MS_PRIVATE | MS_REC))
		*ret_flags = MS_SLAVE | MS_REC;
	return rc;
}

/*
 * Nothing mounted in here may reach the host: its mounts are taken as slaves, unless the
 * configuration wants another relation for volumes; "/" itself, which gets covered, is private.
 */
static int root_separate(struct start *start, int slash, struct err *err)
{
	uint32_t flags = 0;
	int rc = step_outer_propagation(start, &flags, err);

	if (rc < 0)
		return rc;
	rc = mount_set_attr(slash, 0, 0, KIND(flags), (flags & MS_REC) != 0, err);
	return rc < 0 ? rc : mount_set_attr(slash, 0, 0, MS_PRIVATE, false, err);
}

static int root_tree(struct start *start, struct err *err)
{
	const char *path = start->config->root->path;

	if (start->root_fd >= 0)
		return 0; /* handed over, or cloned on the host's side */
	start->root_fd = mount_tree_clone(start->bundle_fd, path, MOUNT_TREE_RECURSIVE, err);
	return start->root_fd < 0 ? err_wrap(err, start->root_fd, "root.path '%s'", path) : 0;
}

/* Even a container whose mounts are shared has a root of its own (and pivot_root needs one). */
static int root_own(struct start *start, struct err *err)
{
	uint32_t flags = 0;
	int rc = step_root_propagation(start, &flags, err);

	if (rc < 0 || flags == 0 || KIND(flags) == MS_SLAVE)
		return rc;
	return mount_set_attr(start->root_fd, 0, 0, MS_PRIVATE, false, err);
}

static bool root_has_early_hooks(const struct start *start)
{
	const struct oci_hooks *hooks = start->config->hooks;

	return hooks != NULL && (hooks->prestart.count > 0 || hooks->create_runtime.count > 0 ||
				 hooks->create_container.count > 0);
}

/*
 * Where the root is attached: over "/", or, for hooks before the pivot, which know it by its path, at
 * root.path, if that can be reached, and if no mount is shared: the host would see the root on it.
 * FD_NONE: over "/".
 */
static int root_place(const struct start *start, struct err *err)
{
	uint32_t flags = 0;
	int rc = step_root_propagation(start, &flags, err);

	if (rc < 0)
		return rc;
	bool apart = flags == 0 || ((flags & MS_REC) != 0 && (flags & MS_SHARED) == 0);
	if (apart && root_has_early_hooks(start) && start->bundle_fd >= 0 &&
	    start->options->rootfs_fd < 0) {
		int fd = openat(start->bundle_fd, start->config->root->path,
				O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	return FD_NONE;
}

int step_bundle_reopen(struct start *start, struct err *err)
{
	fd_closep(&start->bundle_fd);
	start->bundle_fd = openat(AT_FDCWD, start->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return start->bundle_fd < 0 ? err_errno(err, "open the bundle '%s'", start->bundle) : 0;
}

static bool root_is_relative(const char *path)
{
	return path != NULL && path[0] != '/';
}

/* Most bundles name all their sources by absolute paths, for which the bundle's folder does not count. */
static bool root_needs_bundle(const struct start *start)
{
	bool needed = root_is_relative(start->config->root->path);

	for (size_t i = 0; !needed && i < start->config->mounts.count; i++)
		needed = mount_row_is_bind(&start->config->mounts.items[i]) &&
			 root_is_relative(start->config->mounts.items[i].source);
	return needed;
}

int step_root_mount(struct start *start, struct err *err)
{
	struct err absent;
	struct stat st;

	(void)umask(0); /* modes are meant as they are given */
	int rc = root_needs_bundle(start) ? step_bundle_reopen(start, &absent) : 0;
	if (rc < 0 && !step_has_userns(start)) {
		*err = absent;
		return rc;
	}
	auto_fd slash = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (slash < 0)
		return err_errno(err, "open '/'");
	rc = root_separate(start, slash, err);
	if (rc == 0)
		rc = root_tree(start, err);
	if (rc < 0)
		return rc;
	if (fstat(start->root_fd, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(err, ERR_INVALID, ENOTDIR, "root.path '%s'",
			       start->config->root->path);
	auto_fd place = root_place(start, err);
	if (place < 0 && place != FD_NONE)
		return place;
	rc = mount_attach(start->root_fd, place >= 0 ? place : slash, err);
	/* Only now: without mount_setattr, not every kernel changes what is not attached. */
	if (rc == 0)
		rc = root_own(start, err);
	if (rc == 0 && start->root_nodev)
		rc = mount_set_attr(start->root_fd, MOUNT_ATTR_NODEV, 0, 0, false, err);
	return rc < 0 ? err_wrap(err, rc, "attach the container's root") : 0;
}

int step_root_enter(struct start *start, struct err *err)
{
	uint32_t flags = 0;
	int rc = start->options->no_pivot ? mount_move_root(start->root_fd, err)
					  : mount_pivot(start->root_fd, err);

	if (rc == 0)
		rc = step_root_propagation(start, &flags, err);
	/* Slave and private it is already; what single mounts asked for stays. */
	if (rc < 0 || flags == 0 || KIND(flags) == MS_SLAVE || KIND(flags) == MS_PRIVATE)
		return rc;
	return mount_set_attr(start->root_fd, 0, 0, KIND(flags), (flags & MS_REC) != 0, err);
}
