/*
 * Where others may look at the container's first process before it is the stage - in a PID
 * namespace that it shares, or while hooks of the image's own run - the runtime itself runs sealed.
 * It hides before anything is born of it: what enters a user namespace, new or a neighbour's, is
 * otherwise open to all who have rights over that, with the host's root and descriptors still in hand.
 */
#include <fcntl.h>

#include "runtime/seal.h"
#include "runtime/steps/steps.h"

static bool seal_is_needed(const struct start *start)
{
	const struct oci_namespace *pid = oci_config_namespace(start->config, OCI_NS_PID);
	const struct oci_hooks *hooks = start->config->hooks;

	return pid == NULL || (pid->path != NULL && pid->path[0] != '\0') ||
	       (hooks != NULL && hooks->start_container.count > 0);
}

int step_runtime_seal(struct start *start, struct err *err)
{
	int rootfs_fd = start->options->rootfs_fd;

	if (!seal_is_needed(start))
		return seal_hide_root(err);
	/* It passes through the re-execution, and then is ours alone again. */
	if (rootfs_fd >= 0 && fcntl(rootfs_fd, F_SETFD, 0) < 0)
		return err_errno(err, "hand over --rootfs-fd");
	int rc = seal_self(start->options->argv, start->options->envp, err);
	if (rc == 0 && rootfs_fd >= 0 && fcntl(rootfs_fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_errno(err, "hand over --rootfs-fd");
	return rc < 0 ? rc : seal_hide_root(err);
}
