/* Attaches config.json's mounts, in order, beneath the container's root. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/limits.h"
#include "base/path.h"
#include "kern/mount/mount.h"
#include "runtime/steps/mount_util.h"
#include "runtime/steps/steps.h"

bool mount_row_is_bind(const struct oci_mount *mount)
{
	for (size_t i = 0; i < mount->options.count; i++)
		if (strcmp(mount->options.items[i], "bind") == 0 ||
		    strcmp(mount->options.items[i], "rbind") == 0)
			return true;
	return false;
}

int mount_row_options(const struct start *start, size_t i, char *data,
		      struct mount_options *ret_options, struct err *err)
{
	const struct oci_mount *mount = &start->config->mounts.items[i];
	int rc = mount_options_parse(mount->options.items, mount->options.count, data,
				     MOUNT_DATA_MAX, ret_options, err);

	if (rc < 0)
		return err_wrap(err, rc, "mounts[%zu].options", i);
	/* The option makes a bind, says the specification; there is no filesystem of this name. */
	if (mount->type != NULL && strcmp(mount->type, "bind") == 0 && !ret_options->bind &&
	    !ret_options->remount)
		return err_set(
			err, ERR_INVALID, ENODEV,
			"mounts[%zu].type: 'bind' is no filesystem: add the option 'bind' or "
			"'rbind'",
			i);
	if (ret_options->copy_symlink && (ret_options->src_nofollow || ret_options->dest_nofollow))
		return err_set(err, ERR_INVALID, 0,
			       "mounts[%zu].options: copy-symlink makes no mount that src-nofollow "
			       "or dest-nofollow could concern",
			       i);
	if (ret_options->tmpcopyup &&
	    (ret_options->bind || mount->type == NULL || strcmp(mount->type, "tmpfs") != 0))
		return err_set(err, ERR_INVALID, 0,
			       "mounts[%zu].options: tmpcopyup is for type tmpfs alone", i);
	/* The kernel ignores a bind's data: what was asked for would silently not be so. */
	if (ret_options->bind && data[0] != '\0')
		return err_set(err, ERR_INVALID, 0,
			       "mounts[%zu].options: '%.128s': not known, and a bind mount has no "
			       "filesystem of its own to take it",
			       i, data);
	return 0;
}

static int mount_change(struct start *start, size_t i, const struct mount_options *options,
			struct err *err)
{
	const struct oci_mount *mount = &start->config->mounts.items[i];

	if (start->mount_fds[i] >= 0)
		return err_set(err, ERR_UNSUPPORTED, EINVAL,
			       "idmap: a remount cannot change who owns the files of a mount");
	auto_fd target = path_open_in_root(start->root_fd, mount->destination, O_PATH, err);

	if (target < 0)
		return target;
	int rc = mount_remount(target, options, err);
	if (rc == -EINVAL)
		return err_wrap(err, rc, "remount: is a mount there?");
	return rc;
}

/* What is mounted over the root itself would never be seen. */
static bool mount_is_on_root(const struct oci_mount *mount)
{
	char path[PATH_LENGTH_MAX];

	return path_clean(mount->destination, path, sizeof(path)) == 1;
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
		rc = mount_change(start, i, &options, err);
	else if (mount_is_on_root(mount))
		rc = err_set(err, ERR_INVALID, EBUSY,
			     "the container's root is mounted already; it is root.path");
	else if (options.bind)
		rc = mount_bind(start, i, &options, err);
	else if (mount->type == NULL)
		rc = err_set(err, ERR_INVALID, 0, "mounts[%zu].type: missing, and no bind", i);
	else if (strcmp(mount->type, "cgroup") == 0)
		rc = mount_cgroup(start, i, &options, err);
	else
		rc = mount_filesystem(start, i, &options, data, err);
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
