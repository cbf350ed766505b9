/* Adds the first process to the record, and writes the pid file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "runtime/container.h"
#include "runtime/pid_file.h"
#include "runtime/steps/steps.h"

int step_record_save(struct start *start, struct err *err)
{
	return start->options->pid_file != NULL
		       ? pid_file_write(start->options->pid_file, start->pid, err)
		       : 0;
}
