#include "runtime/command/create_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/preserve.h"

/* "N" of an open descriptor, which gets close-on-exec. */
static int rootfs_fd_parse(const char *text, int *ret_fd, struct err *err)
{
	char *end = NULL;

	*ret_fd = FD_NONE;
	if (text == NULL)
		return 0;
	long number = strtol(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || number > 1 << 20 ||
	    fcntl((int)number, F_SETFD, FD_CLOEXEC) < 0)
		return err_set(err, ERR_INVALID, 0, "--rootfs-fd '%s' is no open descriptor", text);
	*ret_fd = (int)number;
	return 0;
}

int create_options_convert(const struct command_globals *globals,
			   const struct create_values *values, const char *id,
			   struct start_options *ret_options, struct err *err)
{
	const char *notify = getenv("NOTIFY_SOCKET");
	const char *listen_pid = getenv("LISTEN_PID");
	uint32_t listen_fds;
	int rootfs_fd;
	int rc = preserve_count_listeners(listen_pid, getenv("LISTEN_FDS"),
					  listen_pid != NULL ? getpid() : 0, &listen_fds, err);

	if (rc == 0 && values->preserve_fds > PRESERVE_FDS_MAX)
		rc = preserve_check(values->preserve_fds, err);
	if (rc == 0)
		rc = preserve_check(values->preserve_fds + listen_fds, err);
	if (rc == 0)
		rc = rootfs_fd_parse(values->rootfs_fd, &rootfs_fd, err);
	if (rc < 0)
		return rc;
	*ret_options = (struct start_options){
		.root = globals->root,
		.id = id,
		.bundle = values->bundle,
		.console_socket = values->console_socket,
		.config = values->config,
		.pid_file = values->pid_file,
		.pidfd_socket = values->pidfd_socket,
		.notify_socket = notify != NULL && notify[0] != '\0' ? notify : NULL,
		.preserve_fds = values->preserve_fds + listen_fds,
		.listen_fds = listen_fds,
		.rootfs_fd = rootfs_fd,
		.needs_cgroup =
			globals->rootless != NULL && strcmp(globals->rootless, "false") == 0,
		.clamp_rlimits = values->clamp_rlimits || globals->clamp_rlimits,
		.cgroups = strcmp(globals->cgroup_manager, "systemd") == 0 ? START_CGROUP_SYSTEMD
			   : strcmp(globals->cgroup_manager, "disabled") == 0
				   ? START_CGROUP_DISABLED
				   : START_CGROUPFS,
		.no_pivot = values->no_pivot,
		.no_new_keyring = values->no_new_keyring,
		.argv = globals->argv,
		.envp = globals->envp,
		.warn = globals->warn,
		.step = globals->step,
		.log_context = globals->log_context,
	};
	return 0;
}
