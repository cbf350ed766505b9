/* Hooks of the start: the runtime's before the root is entered, the container's inside its namespaces. */
#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include "runtime/hooks.h"
#include "runtime/steps/steps.h"
#include "runtime/sync.h"

/* Waits until the first process has its namespaces, runs what the host is to do, lets it go on. */
int step_hooks_host(struct start *start, struct err *err)
{
	const struct oci_hooks *hooks = start->config->hooks;
	struct oci_state state = container_state(&start->container, OCI_STATUS_CREATING);
	bool has_hooks = hooks != NULL && hooks->prestart.count + hooks->create_runtime.count > 0;

	if (!has_hooks && !(start->new_namespaces & CLONE_NEWUSER))
		return 0;
	int rc = sync_await(start->sync_fds[0], SYNC_NAMESPACES, start->options->warn,
			    start->options->warn_context, err);
	if (rc < 0)
		return rc;
	if (has_hooks)
		rc = hooks_run(&hooks->prestart, "prestart", &state, start->bundle, err);
	if (rc == 0 && has_hooks)
		rc = hooks_run(&hooks->create_runtime, "createRuntime", &state, start->bundle, err);
	return rc < 0 ? rc : sync_send(start->sync_fds[0], SYNC_GO, NULL, err);
}

int step_hooks_container(struct start *start, struct err *err)
{
	const struct oci_hooks *hooks = start->config->hooks;

	if (hooks == NULL || hooks->create_container.count == 0)
		return 0;
	/* Inside, the host's number of this process is not known; the record has it, written before. */
	struct oci_state state = container_state(&start->container, OCI_STATUS_CREATING);
	state.pid = getpid();
	return hooks_run(&hooks->create_container, "createContainer", &state, start->bundle, err);
}
