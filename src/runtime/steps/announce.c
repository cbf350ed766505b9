/* Hands the pidfd over and writes the pid file, which engines wait for. */
#include "runtime/pid_file.h"
#include "runtime/steps/steps.h"

int step_pid_announce(struct start *start, struct err *err)
{
	const struct start_options *options = start->options;
	int rc = 0;

	if (options->pidfd_socket != NULL)
		rc = pidfd_socket_send(options->pidfd_socket, start->pidfd, "standard", err);
	if (rc == 0 && options->pid_file != NULL)
		rc = pid_file_write(options->pid_file, start->pid, err);
	return rc;
}
