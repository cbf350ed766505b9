/* Writes the pid file, which engines wait for. */
#include "runtime/pid_file.h"
#include "runtime/steps/steps.h"

int step_pid_announce(struct start *start, struct err *err)
{
	const char *path = start->options->pid_file;

	return path != NULL ? pid_file_write(path, start->pid, err) : 0;
}
