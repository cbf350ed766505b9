/* The working folder, and the payload's executable as the container's own PATH finds it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "kern/exec/exec.h"
#include "runtime/environment.h"
#include "runtime/steps/steps.h"

int step_cwd_make(struct start *start, struct err *err)
{
	if (strcmp(start->config->process->cwd, "/") == 0)
		return 0; /* the root itself */
	auto_fd cwd =
		path_make_in_root(start->root_fd, start->config->process->cwd, PATH_DIR, 0755, err);

	return cwd < 0 ? err_wrap(err, cwd, "process.cwd") : 0;
}

int step_payload_find(struct start *start, struct err *err)
{
	struct oci_process *process = start->config->process;
	int rc = 0;

	if (strcmp(process->cwd, "/") != 0) /* entering the root left the process there */
		rc = environment_enter_cwd(start->root_fd, process->cwd, err);

	if (rc == 0)
		rc = environment_add_home(start->root_fd, process, &start->container.arena, err);
	if (rc == 0)
		rc = exec_find(start->root_fd, process->args.items[0],
			       environment_get(&process->env, "PATH"), process->cwd, start->path,
			       sizeof(start->path), err);
	return rc;
}
