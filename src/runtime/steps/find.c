/* The working folder, and the payload's executable as the container's own PATH finds it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "kern/exec/exec.h"
#include "runtime/config.h"
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

/* As a service manager would have it; in a PID namespace of its own this is pid 1. */
static int find_pass_listeners(struct start *start, struct err *err)
{
	struct oci_process *process = start->config->process;
	char fds[32], pid[32];

	if (start->options->listen_fds == 0)
		return 0;
	(void)snprintf(fds, sizeof(fds), "LISTEN_FDS=%u", start->options->listen_fds);
	(void)snprintf(pid, sizeof(pid), "LISTEN_PID=%d", (int)getpid());
	int rc = environment_set(process, fds, &start->container.arena, err);
	return rc < 0 ? rc : environment_set(process, pid, &start->container.arena, err);
}

int step_payload_find(struct start *start, struct err *err)
{
	struct oci_process *process = start->config->process;
	int rc = 0;

	if (strcmp(process->cwd, "/") != 0) /* entering the root left the process there */
		rc = environment_enter_cwd(start->root_fd, process->cwd, err);

	if (rc < 0 || !config_has_process(start->config))
		return rc;
	rc = environment_add_home(start->root_fd, process, &start->container.arena, err);
	if (rc == 0)
		rc = find_pass_listeners(start, err);
	if (rc == 0)
		rc = exec_find(start->root_fd, process->args.items[0],
			       environment_get(&process->env, "PATH"), process->cwd, start->path,
			       sizeof(start->path), err);
	return rc;
}
