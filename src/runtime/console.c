#include "runtime/console.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "kern/tty/tty.h"

int console_connect(const struct oci_process *process, const char *path, bool proxy,
		    int *ret_socket, int *ret_master_socket, struct err *err)
{
	int ends[2];

	if (!process->terminal)
		return path == NULL ? 0
				    : err_set(err, ERR_INVALID, 0,
					      "--console-socket is given, but process.terminal is "
					      "false");
	if (path != NULL) {
		*ret_socket = tty_connect_socket(path, err);
		return *ret_socket < 0 ? err_wrap(err, *ret_socket, "--console-socket '%s'", path)
				       : 0;
	}
	if (!proxy)
		return err_set(
			err, ERR_INVALID, 0,
			"process.terminal is true: a detached process needs --console-socket");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return err_errno(err, "make the socket pair for the terminal");
	*ret_master_socket = ends[0];
	*ret_socket = ends[1];
	return 0;
}

/* The slave is opened through the master and mounted by descriptor (CVE-2025-52565). */
static int console_mount(int root_fd, int slave, struct err *err)
{
	auto_fd target = path_make_in_root(root_fd, "/dev/console", PATH_FILE, 0620, err);

	return target < 0 ? target : tty_mount_console(slave, target, err);
}

static int console_use(int slave, struct err *err)
{
	int rc = tty_make_controlling(slave, err);

	for (int fd = 0; rc == 0 && fd < 3; fd++)
		if (dup3(slave, fd, 0) < 0)
			rc = err_errno(err, "make the terminal descriptor %d", fd);
	return rc;
}

static int console_prepare(const struct oci_process *process, int slave, bool proxy,
			   struct err *err)
{
	uint16_t rows, columns;
	struct err ignored;
	int rc = 0;

	/* The relay would set it too, but only after the process may have asked. */
	if (proxy && tty_get_size(STDIN_FILENO, &rows, &columns, &ignored) == 0)
		rc = tty_set_size(slave, rows, columns, err);
	else if (process->console_size != NULL)
		rc = tty_set_size(slave, (uint16_t)process->console_size->height,
				  (uint16_t)process->console_size->width, err);
	/* A user namespace may lack the id, and then may not. */
	if (rc == 0 && fchown(slave, process->user.uid, (gid_t)-1) < 0 && errno != EPERM &&
	    errno != EINVAL)
		rc = err_errno(err, "give the terminal to uid %u", process->user.uid);
	return rc;
}

int console_open(const struct oci_process *process, int root_fd, int socket, bool mount, bool proxy,
		 int *ret_slave, struct err *err)
{
	int master, slave;

	*ret_slave = FD_NONE;
	if (!process->terminal)
		return 0;
	auto_fd devpts = path_open_in_root(root_fd, "/dev/pts", O_PATH | O_DIRECTORY, err);
	if (devpts < 0)
		return err_wrap(err, devpts, "process.terminal needs a devpts on /dev/pts");
	int rc = tty_open_pair(devpts, &master, &slave, err);
	if (rc < 0)
		return rc;
	auto_fd owned_master = master;
	auto_fd owned_slave = slave;
	rc = console_prepare(process, slave, proxy, err);
	if (rc == 0 && mount)
		rc = console_mount(root_fd, slave, err);
	if (rc == 0)
		rc = tty_send_master(socket, master, "/dev/ptmx", err);
	if (rc == 0)
		*ret_slave = fd_take(&owned_slave);
	return rc;
}

int console_take(int slave, struct err *err)
{
	auto_fd owned = slave;

	if (owned >= 0)
		return console_use(owned, err);
	if (setsid() < 0)
		return err_errno(err, "start a session");
	return 0;
}

int console_attach(const struct oci_process *process, int root_fd, int socket, bool mount,
		   bool proxy, struct err *err)
{
	int slave;
	int rc = console_open(process, root_fd, socket, mount, proxy, &slave, err);

	return rc < 0 ? rc : console_take(slave, err);
}
