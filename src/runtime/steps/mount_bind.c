/* Bind mounts: a clone of the source's tree, attached on a target of the same kind. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/path.h"
#include "kern/mount/mount.h"
#include "runtime/steps/mount_util.h"

int mount_source_open(struct start *start, size_t i, struct err *err)
{
	const struct oci_mount *mount = &start->config->mounts.items[i];
	struct mount_options options;
	char data[MOUNT_DATA_MAX];
	unsigned int flags = 0;
	int rc = mount_row_options(start, i, data, &options, err);

	if (rc < 0)
		return rc;
	if (!options.bind || options.remount)
		return FD_NONE;
	if (mount->source == NULL)
		return err_set(err, ERR_INVALID, 0, "mounts[%zu].source: missing for a bind", i);
	if (options.recursive)
		flags |= MOUNT_TREE_RECURSIVE;
	if (options.src_nofollow || options.copy_symlink)
		flags |= MOUNT_TREE_NOFOLLOW;
	int fd = mount_tree_clone(start->bundle_fd, mount->source, flags, err);
	return fd < 0 ? err_wrap(err, fd, "mounts[%zu]: bind '%s' on '%s'", i, mount->source,
				 mount->destination)
		      : fd;
}

/* Splits a destination; *ret_name points into path. */
static int bind_parent(const struct start *start, const char *destination, char *path, size_t size,
		       const char **ret_name, struct err *err)
{
	int len = path_clean(destination, path, size);

	if (len <= 1)
		return err_set(err, ERR_INVALID, len < 0 ? ENAMETOOLONG : EBUSY,
			       "no link can be made at '%s'", destination);
	char *slash = strrchr(path, '/');
	*slash = '\0';
	*ret_name = slash + 1;
	return path_make_in_root(start->root_fd, path, PATH_DIR, 0755, err);
}

/* copy-symlink: the link behind source is made anew in the container; the same one may be there. */
static int bind_copy_link(const struct start *start, const char *destination, int source,
			  struct err *err)
{
	char path[PATH_LENGTH_MAX], wanted[PATH_LENGTH_MAX], found[PATH_LENGTH_MAX];
	const char *name = NULL;
	ssize_t len = readlinkat(source, "", wanted, sizeof(wanted) - 1);

	if (len < 0)
		return err_errno(err, "read the link that is copied");
	wanted[len] = '\0';
	auto_fd parent = bind_parent(start, destination, path, sizeof(path), &name, err);
	if (parent < 0)
		return parent;
	if (symlinkat(wanted, parent, name) == 0)
		return 0;
	if (errno != EEXIST)
		return err_errno(err, "make the link '%s'", destination);
	len = readlinkat(parent, name, found, sizeof(found) - 1);
	found[len < 0 ? 0 : len] = '\0';
	if (strcmp(found, wanted) == 0)
		return 0;
	errno = EEXIST;
	return err_errno(err, "make the link '%s' to '%.128s': something else is there",
			 destination, wanted);
}

static int bind_target(const struct start *start, const struct oci_mount *mount, bool is_folder,
		       bool nofollow, struct err *err)
{
	if (nofollow) {
		struct err why = {0};
		int fd = path_open_in_root(start->root_fd, mount->destination, O_PATH | O_NOFOLLOW,
					   &why);
		if (fd >= 0)
			return fd;
		if (fd != -ENOENT) {
			*err = why;
			return fd;
		}
	}
	return path_make_in_root(start->root_fd, mount->destination,
				 is_folder ? PATH_DIR : PATH_FILE, is_folder ? 0755 : 0644, err);
}

int mount_bind(struct start *start, size_t i, const struct mount_options *options, struct err *err)
{
	const struct oci_mount *mount = &start->config->mounts.items[i];
	auto_fd tree = fd_take(&start->mount_fds[i]);
	struct stat st;

	if (tree < 0)
		tree = mount_source_open(start, i, err);
	if (tree < 0)
		return tree;
	if (fstat(tree, &st) < 0)
		return err_errno(err, "look at the source");
	if (options->copy_symlink && S_ISLNK(st.st_mode))
		return bind_copy_link(start, mount->destination, tree, err);
	auto_fd target =
		bind_target(start, mount, S_ISDIR(st.st_mode), options->dest_nofollow, err);
	if (target < 0)
		return target;
	int rc = mount_attach_with(tree, target, options, err);
	if (rc == 0 && options->recursive && (options->attr_set & MOUNT_ATTR_RDONLY) &&
	    mount_is_of_sysfs(mount->source))
		rc = mount_protect_cgroups(tree, err);
	return rc;
}
