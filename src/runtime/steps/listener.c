/* Passes the seccomp program's listener on to its agent, before anybody is told that the container is there. */
#include <errno.h>
#include <fcntl.h>

#include "base/fd.h"
#include "runtime/listener.h"
#include "runtime/steps/steps.h"
#include "runtime/sync.h"

/* Why the process of a container that was to wait for `start` is gone. */
static int listener_explain(struct start *start, int result_fd, struct err *err)
{
	struct sync_message message;
	struct stage_result result;
	struct err ignored;

	if (sync_receive(start->sync_fds[0], &message, &ignored) == 0 &&
	    message.type == SYNC_FAILED) {
		*err = message.err;
		return err->sys > 0 ? -err->sys : -EIO;
	}
	if (sync_read_exec(result_fd, &result, &ignored) > 0)
		return start_explain_result(&result, FD_NONE, start->config->process, err);
	return err_set(err, ERR_SYSTEM, EPIPE,
		       "the container's first process ended before its seccomp program was loaded");
}

int step_listener_forward(struct start *start, struct err *err)
{
	struct oci_state state = container_state(&start->container, OCI_STATUS_CREATING);
	auto_fd result_fd = FD_NONE;

	if (start->filter.listener_path == NULL)
		return 0;
	/* Held, so that what the stage wrote outlives it. */
	if (start->options->wait_for_start) {
		result_fd = openat(start->container.dir_fd, "result.fifo",
				   O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
		if (result_fd < 0)
			return err_errno(err, "open the FIFO of the first process");
	}
	int rc = listener_forward(start->listener_fds[0], &start->filter, &state, start->pid, err);
	fd_closep(&start->listener_fds[0]);
	if (rc == 0 && start->options->wait_for_start)
		rc = listener_explain(start, result_fd, err);
	return rc < 0 ? rc : 0; /* of a `run` that failed, start_await() hears */
}
