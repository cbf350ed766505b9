/* Hooks of the start: the runtime's, then the container's inside its namespaces, before the pivot. */
#include <errno.h>
#include <unistd.h>

#include "runtime/hooks.h"
#include "runtime/steps/steps.h"
#include "runtime/sync.h"

static bool hooks_has_host(const struct start *start)
{
	const struct oci_hooks *hooks = start->config->hooks;

	return hooks != NULL && hooks->prestart.count + hooks->create_runtime.count > 0;
}

/* Waits until the first process has mounted all, runs the host's hooks, lets it go on. */
int step_hooks_host(struct start *start, struct err *err)
{
	const struct oci_hooks *hooks = start->config->hooks;
	struct oci_state state = container_state(&start->container, OCI_STATUS_CREATING);

	if (!hooks_has_host(start))
		return 0;
	int rc = sync_await(start->sync_fds[0], SYNC_MOUNTED, start->options->warn,
			    start->options->log_context, err);
	if (rc < 0)
		return rc;
	rc = hooks_run(&hooks->prestart, "prestart", &state, start->bundle, start->pidfd, err);
	if (rc == 0)
		rc = hooks_run(&hooks->create_runtime, "createRuntime", &state, start->bundle,
			       start->pidfd, err);
	return rc < 0 ? rc : sync_send(start->sync_fds[0], SYNC_GO, NULL, err);
}

int step_hooks_await(struct start *start, struct err *err)
{
	struct sync_message message;

	if (!hooks_has_host(start))
		return 0;
	int rc = sync_send(start->sync_fds[1], SYNC_MOUNTED, NULL, err);
	return rc < 0 ? rc : sync_receive(start->sync_fds[1], &message, err);
}

int step_hooks_container(struct start *start, struct err *err)
{
	const struct oci_hooks *hooks = start->config->hooks;

	if (hooks == NULL || hooks->create_container.count == 0)
		return 0;
	/* Inside, the host's number of this process is not known; the record has it, written before. */
	struct oci_state state = container_state(&start->container, OCI_STATUS_CREATING);
	state.pid = getpid();
	return hooks_run(&hooks->create_container, "createContainer", &state, start->bundle,
			 FD_NONE, err);
}
