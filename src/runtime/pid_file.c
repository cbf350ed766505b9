#include "runtime/pid_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/limits.h"
#include "kern/scm/scm.h"
#include "kern/tty/tty.h"

int pid_file_write(const char *path, pid_t pid, struct err *err)
{
	char folder[PATH_LENGTH_MAX], number[16];
	const char *slash = strrchr(path, '/');
	size_t len = slash != NULL ? (size_t)(slash - path) + 1 : 0;
	int digits = snprintf(number, sizeof(number), "%d", (int)pid);

	if (len >= sizeof(folder))
		return err_set(err, ERR_INVALID, 0, "--pid-file '%s': the path is too long", path);
	(void)snprintf(folder, sizeof(folder), "%.*s", (int)len, len > 0 ? path : ".");
	auto_fd dir = openat(AT_FDCWD, len > 0 ? folder : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_errno(err, "open the folder of --pid-file '%s'", path);
	int rc = fd_replace_file_at(dir, path + len, number, (size_t)digits, 0644, err);
	return rc < 0 ? err_wrap(err, rc, "--pid-file '%s'", path) : 0;
}

int pidfd_socket_send(const char *path, int pidfd, const char *kind, struct err *err)
{
	auto_fd sock = tty_connect_socket(path, err);
	int rc = sock < 0 ? sock : scm_send_fd(sock, pidfd, kind, strlen(kind), err);

	return rc < 0 ? err_wrap(err, rc, "--pidfd-socket '%s'", path) : 0;
}
