/* Read-only and masked paths, and the root made read-only: after all that writes to it. */
#include <fcntl.h>
#include <linux/mount.h>

#include "base/path.h"
#include "kern/mount/mount.h"
#include "runtime/steps/steps.h"

static int paths_mask(struct start *start, struct err *err)
{
	const json_strings *masked = &start->config->linux->masked_paths;
	struct mount_mask mask;

	if (masked->count == 0)
		return 0;
	auto_fd null = openat(AT_FDCWD, "/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (null < 0)
		return err_errno(err, "open the host's '/dev/null'");
	int rc = mount_mask_open(null, &mask, err);
	if (rc < 0)
		return rc;
	mask.label = start->config->linux->mount_label;
	for (size_t i = 0; rc == 0 && i < masked->count; i++)
		rc = mount_mask_at(&mask, start->root_fd, masked->items[i], err);
	mount_mask_close(&mask);
	return rc;
}

/* Mounts that devices, links and the targets of other mounts had to be made in. */
static int paths_close_mounts(struct start *start, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < start->config->mounts.count; i++) {
		if (start->mount_fds[i] < 0)
			continue;
		rc = mount_set_attr(start->mount_fds[i], MOUNT_ATTR_RDONLY, 0, 0, false, err);
		fd_closep(&start->mount_fds[i]);
		if (rc < 0)
			return err_wrap(err, rc, "make '%s' read-only",
					start->config->mounts.items[i].destination);
	}
	return rc;
}

int step_paths_protect(struct start *start, struct err *err)
{
	const json_strings *readonly = &start->config->linux->readonly_paths;
	int rc = paths_close_mounts(start, err);

	for (size_t i = 0; rc == 0 && i < readonly->count; i++)
		rc = mount_readonly_at(start->root_fd, readonly->items[i], err);
	if (rc == 0)
		rc = paths_mask(start, err);
	if (rc == 0 && start->config->root->readonly)
		rc = mount_set_attr(start->root_fd, MOUNT_ATTR_RDONLY, 0, 0, false, err);
	return rc;
}
