#include "kern/tty/tty.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "kern/mount/mount.h"
#include "kern/scm/scm.h"
#include "kern/uapi.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

/* Fails unless fd lies on devpts. */
static int tty_check_devpts(int fd, const char *what, struct stat *ret_st, struct err *err)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0 || fstat(fd, ret_st) < 0)
		return err_errno(err, "examine %s", what);
	if ((uint64_t)fs.f_type != DEVPTS_SUPER_MAGIC)
		return err_set(err, ERR_DENIED, ENOTTY, "%s is not on devpts", what);
	return 0;
}

int tty_open_pair(int devpts_fd, int *ret_master, int *ret_slave, struct err *err)
{
	struct stat root, st;
	int unlocked = 0;

	int rc = tty_check_devpts(devpts_fd, "/dev/pts", &root, err);
	if (rc < 0)
		return rc;
	auto_fd master = openat(devpts_fd, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	if (master < 0)
		return err_errno(err, "open ptmx of devpts");
	rc = tty_check_devpts(master, "ptmx", &st, err);
	if (rc < 0)
		return rc;
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2) || st.st_dev != root.st_dev)
		return err_set(err, ERR_DENIED, ENOTTY, "ptmx is not the terminal multiplexer");
	if (ioctl(master, TIOCSPTLCK, &unlocked) < 0)
		return err_errno(err, "unlock a terminal");
	auto_fd slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return err_errno(err, "open a terminal's slave");
	*ret_master = fd_take(&master);
	*ret_slave = fd_take(&slave);
	return 0;
}

int tty_slave_number(int master, struct err *err)
{
	unsigned int number;

	if (syscall(SYS_ioctl, master, TIOCGPTN, &number) < 0)
		return err_errno(err, "ask for a terminal's number");
	return (int)number;
}

int tty_mount_console(int slave, int target_fd, struct err *err)
{
	struct stat st;

	int rc = tty_check_devpts(slave, "the console", &st, err);
	if (rc < 0)
		return rc;
	if (!S_ISCHR(st.st_mode))
		return err_set(err, ERR_DENIED, ENOTTY, "the console is not a terminal");
	auto_fd tree = mount_tree_clone(slave, "", 0, err);
	if (tree < 0)
		return err_wrap(err, tree, "mount the console");
	rc = mount_attach(tree, target_fd, err);
	return rc < 0 ? err_wrap(err, rc, "mount the console") : 0;
}

int tty_connect_socket(const char *path, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	auto_fd held = FD_NONE;

	if (len < sizeof(address.sun_path)) {
		(void)memcpy(address.sun_path, path, len + 1);
	} else {
		held = open(path, O_PATH | O_CLOEXEC);
		if (held < 0)
			return err_errno(err, "open socket '%s'", path);
		(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d",
			       held);
	}
	auto_fd sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return err_errno(err, "make a socket");
	if (connect(sock, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return err_errno(err, "connect to socket '%s'", path);
	return fd_take(&sock);
}

int tty_send_master(int sock, int master, const char *name, struct err *err)
{
	int rc = scm_send_fd(sock, master, name, strlen(name), err);

	return rc < 0 ? err_wrap(err, rc, "hand over the terminal") : 0;
}

int tty_set_size(int fd, uint16_t rows, uint16_t columns, struct err *err)
{
	struct winsize size = {.ws_row = rows, .ws_col = columns};

	if (ioctl(fd, TIOCSWINSZ, &size) < 0)
		return err_errno(err, "set a terminal's size to %ux%u", columns, rows);
	return 0;
}

int tty_get_size(int fd, uint16_t *ret_rows, uint16_t *ret_columns, struct err *err)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) < 0)
		return err_errno(err, "ask for a terminal's size");
	*ret_rows = size.ws_row;
	*ret_columns = size.ws_col;
	return 0;
}

int tty_set_raw(int fd, struct termios *ret_saved, struct err *err)
{
	struct termios state, saved;

	if (tcgetattr(fd, &saved) < 0)
		return err_errno(err, "read a terminal's state");
	state = saved;
	cfmakeraw(&state);
	if (tcsetattr(fd, TCSANOW, &state) < 0)
		return err_errno(err, "set a terminal to raw mode");
	*ret_saved = saved;
	return 0;
}

int tty_restore(int fd, const struct termios *saved, struct err *err)
{
	if (tcsetattr(fd, TCSANOW, saved) < 0)
		return err_errno(err, "restore a terminal's state");
	return 0;
}

int tty_make_controlling(int fd, struct err *err)
{
	if (getsid(0) != getpid() && setsid() < 0)
		return err_errno(err, "start a session");
	if (ioctl(fd, TIOCSCTTY, 0) < 0)
		return err_errno(err, "take a controlling terminal");
	return 0;
}
