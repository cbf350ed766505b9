/*
 * With a user namespace, bind sources and the root may lie behind folders that its root cannot
 * enter: their trees are cloned on the host's side and attached inside.
 */
#include <errno.h>

#include "kern/mount/mount.h"
#include "runtime/steps/mount_util.h"
#include "runtime/steps/steps.h"

int step_sources_open(struct start *start, struct err *err)
{
	const struct oci_config *config = start->config;

	start->mount_source_fds =
		arena_alloc(&start->container.arena, (config->mounts.count + 1) * sizeof(int));
	if (start->mount_source_fds == NULL)
		return err_set(err, ERR_INVALID, ENOMEM, "mounts: more than memory is allowed for");
	for (size_t i = 0; i < config->mounts.count; i++)
		start->mount_source_fds[i] = FD_NONE;
	start->root_fd = start->options->rootfs_fd;
	if (!step_has_userns(start))
		return 0;
	if (start->root_fd < 0)
		start->root_fd = mount_tree_clone(start->bundle_fd, config->root->path,
						  MOUNT_TREE_RECURSIVE, err);
	if (start->root_fd < 0)
		return err_wrap(err, start->root_fd, "root.path '%s'", config->root->path);
	for (size_t i = 0; i < config->mounts.count; i++) {
		int fd = mount_source_open(start, i, err);
		if (fd < 0 && fd != FD_NONE)
			return fd;
		start->mount_source_fds[i] = fd;
	}
	return 0;
}
