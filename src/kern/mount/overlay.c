#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "kern/mount/fsconfig.h"
#include "kern/mount/internal.h"
#include "kern/mount/mount.h"
#include "kern/uapi.h"

#define OVERLAY_PAGE_BYTES 4096 /* mount(2) takes one page of options */

static int overlay_check(const struct mount_overlay *overlay, struct err *err)
{
	if (overlay->lower_count == 0 || overlay->lower_count > MOUNT_OVERLAY_LOWER_MAX)
		return err_set(err, ERR_INVALID, EINVAL,
			       "overlay with %zu layers: 1 to %d are possible",
			       overlay->lower_count, MOUNT_OVERLAY_LOWER_MAX);
	if (overlay->data_count >= overlay->lower_count)
		return err_set(err, ERR_INVALID, EINVAL,
			       "overlay without a layer but data-only ones");
	if ((overlay->upper_fd < 0) != (overlay->work_fd < 0))
		return err_set(err, ERR_INVALID, EINVAL,
			       "overlay: an upper folder and a work folder need each other");
	return 0;
}

/* By descriptor (Linux 6.13), else by the descriptor's path. */
static int overlay_set_folder(int fs, const char *key, int fd, struct err *err)
{
	char path[32];

	if (uapi_fsconfig(fs, UAPI_FSCONFIG_SET_FD, key, NULL, fd) == 0)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return fsconfig_set(fs, key, path, err);
}

/*
 * Whether layers can be given one by one. The interface before Linux 6.5 takes any word at first,
 * so a nonsense one tells; 6.5 and 6.6 know the words but not "lowerdir+".
 */
static bool overlay_takes_layers(int fs, int lower)
{
	struct err ignored;

	if (uapi_fsconfig(fs, UAPI_FSCONFIG_SET_FD, "lowerdir+", NULL, lower) == 0)
		return true;
	if (uapi_fsconfig(fs, UAPI_FSCONFIG_SET_FLAG, "corten-no-such-option", NULL, 0) == 0)
		return false;
	return overlay_set_folder(fs, "lowerdir+", lower, &ignored) == 0;
}

static int overlay_set_all(int fs, const struct mount_overlay *overlay, struct err *err)
{
	size_t normal = overlay->lower_count - overlay->data_count;
	int rc = 0;

	/* The first one is set already. */
	for (size_t i = 1; rc == 0 && i < overlay->lower_count; i++) {
		rc = overlay_set_folder(fs, i < normal ? "lowerdir+" : "datadir+",
					overlay->lower_fds[i], err);
		if (rc < 0)
			(void)err_wrap(err, rc, "layer %zu of %zu", i + 1, overlay->lower_count);
	}
	if (rc == 0 && overlay->upper_fd >= 0)
		rc = overlay_set_folder(fs, "upperdir", overlay->upper_fd, err);
	if (rc == 0 && overlay->upper_fd >= 0)
		rc = overlay_set_folder(fs, "workdir", overlay->work_fd, err);
	if (rc == 0 && overlay->options != NULL)
		rc = fsconfig_set_list(fs, overlay->options, err);
	return rc < 0 ? err_wrap(err, rc, "overlay") : 0;
}

int mount_overlay_create(const struct mount_overlay *overlay, struct err *err)
{
	int rc = overlay_check(overlay, err);
	if (rc < 0)
		return rc;
	auto_fd fs = fsconfig_open("overlay", err);
	if (fs < 0)
		return fs;
	if (!overlay_takes_layers(fs, overlay->lower_fds[0]))
		return mount_overlay_create_by_child(overlay, err);
	rc = fsconfig_set(fs, "source", "overlay", err);
	if (rc == 0)
		rc = overlay_set_all(fs, overlay, err);
	if (rc < 0)
		return rc;
	return fsconfig_mount(fs, "overlay", overlay->attr, err);
}

/*
 * Puts fd's folder, as the child's own mount namespace has it, in fd's place: overlay takes no
 * folder of another namespace. The path is only a hint; what it leads to must be the same folder.
 */
static int overlay_reopen(int fd, char *path, size_t size, struct err *err)
{
	char link[32];
	struct stat before, after;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t len = readlink(link, path, size - 1);
	if (len < 0 || (size_t)len == size - 1)
		return err_errno(err, "find a layer's path");
	path[len] = '\0';
	auto_fd again = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (again < 0 || fstat(fd, &before) < 0 || fstat(again, &after) < 0)
		return err_errno(err, "open layer '%s' again", path);
	if (before.st_dev != after.st_dev || before.st_ino != after.st_ino)
		return err_set(err, ERR_UNSUPPORTED, ESTALE,
			       "layer '%s' is not reachable by its path, as this kernel needs",
			       path);
	if (dup3(again, fd, O_CLOEXEC) < 0)
		return err_errno(err, "replace a descriptor");
	return 0;
}

static int overlay_reopen_all(const struct mount_overlay *overlay, char *ret_path, size_t size,
			      struct err *err)
{
	char path[PATH_MAX];
	int rc = 0;

	/* Lowest first, so that the topmost layer's path is what remains. */
	if (overlay->upper_fd >= 0)
		rc = overlay_reopen(overlay->upper_fd, path, sizeof(path), err);
	if (rc == 0 && overlay->upper_fd >= 0)
		rc = overlay_reopen(overlay->work_fd, path, sizeof(path), err);
	for (size_t i = overlay->lower_count; rc == 0 && i-- > 0;)
		rc = overlay_reopen(overlay->lower_fds[i], ret_path, size, err);
	return rc;
}

/*
 * Options with the descriptors' numbers as paths, relative to /proc/self/fd: 500 layers fit one
 * page.
 */
static int overlay_write_options(const struct mount_overlay *overlay, char *text, size_t size,
				 struct err *err)
{
	size_t used = (size_t)snprintf(text, size,
				       "%s%slowerdir=", overlay->options ? overlay->options : "",
				       overlay->options && overlay->options[0] ? "," : "");
	size_t normal = overlay->lower_count - overlay->data_count;

	for (size_t i = 0; used < size && i < overlay->lower_count; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%d",
					 i == 0       ? ""
					 : i < normal ? ":"
						      : "::",
					 overlay->lower_fds[i]);
	if (used < size && overlay->upper_fd >= 0)
		used += (size_t)snprintf(text + used, size - used, ",upperdir=%d,workdir=%d",
					 overlay->upper_fd, overlay->work_fd);
	if (used >= size)
		return err_set(err, ERR_INVALID, E2BIG, "overlay: options over %zu bytes", size);
	return 0;
}

/* In the child, in a mount namespace of its own. Returns the detached mount. */
static int overlay_mount_privately(const void *what, struct err *err)
{
	const struct mount_overlay *overlay = what;
	char options[OVERLAY_PAGE_BYTES];
	char target[PATH_MAX];

	int rc = overlay_reopen_all(overlay, target, sizeof(target), err);
	if (rc == 0)
		rc = overlay_write_options(overlay, options, sizeof(options), err);
	if (rc < 0)
		return rc;
	if (chdir("/proc/self/fd") < 0)
		return err_errno(err, "enter /proc/self/fd");
	if (mount("overlay", target, "overlay", 0, options) < 0)
		return err_errno(err, "mount an overlay of %zu layers", overlay->lower_count);
	auto_fd tree = mount_tree_clone(AT_FDCWD, target, 0, err);
	if (tree < 0)
		return tree;
	return fd_take(&tree);
}

int mount_overlay_create_by_child(const struct mount_overlay *overlay, struct err *err)
{
	int rc = overlay_check(overlay, err);

	if (rc < 0)
		return rc;
	auto_fd tree = mount_make_in_child(overlay_mount_privately, overlay, err);
	if (tree < 0)
		return err_wrap(err, tree, "overlay");
	rc = mount_set_attr(tree, overlay->attr, 0, 0, false, err);
	return rc < 0 ? rc : fd_take(&tree);
}
