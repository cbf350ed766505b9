/* The seccomp program: from the cache when the profile's text is known, compiled otherwise. */
#include "runtime/filter.h"
#include "runtime/steps/steps.h"

int step_seccomp_prepare(struct start *start, struct err *err)
{
	const struct oci_hooks *hooks = start->config->hooks;
	int rc = filter_prepare(&start->config->linux->seccomp, start->container.root_fd,
				&start->container.arena, &start->filter, err);

	if (rc < 0 || start->filter.listener_path == NULL)
		return rc;
	/* Each of the hooks would be a process with a listener of its own, of which no agent is told. */
	if (hooks != NULL && hooks->start_container.count > 0)
		return err_set(
			err, ERR_UNSUPPORTED, 0,
			"linux.seccomp: SCMP_ACT_NOTIFY together with startContainer hooks is "
			"not supported; use createContainer hooks");
	return 0;
}
