#include "runtime/command/create_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

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
	int rootfs_fd;
	int rc = preserve_check(values->preserve_fds, err);

	if (rc == 0)
		rc = rootfs_fd_parse(values->rootfs_fd, &rootfs_fd, err);
	if (rc < 0)
		return rc;
	*ret_options = (struct start_options){
		.root = globals->root,
		.id = id,
		.bundle = values->bundle,
		.console_socket = values->console_socket,
		.pid_file = values->pid_file,
		.preserve_fds = values->preserve_fds,
		.rootfs_fd = rootfs_fd,
		.clamp_rlimits = values->clamp_rlimits,
		.no_pivot = values->no_pivot,
		.argv = globals->argv,
		.envp = globals->envp,
		.warn = globals->warn,
		.warn_context = globals->warn_context,
	};
	return 0;
}
