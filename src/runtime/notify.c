#include "runtime/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/scm/scm.h"

#define NOTIFY_MESSAGE_MAX        4096
#define NOTIFY_BARRIER_TIMEOUT_MS 30000

int notify_prepare(int dir_fd, struct err *err)
{
	if (mkdirat(dir_fd, NOTIFY_FOLDER, 0755) < 0 && errno != EEXIST)
		return err_errno(err, "make the folder of the notification socket");
	/* Whatever the caller's umask: any user of the container may reach the socket. */
	if (fchmodat(dir_fd, NOTIFY_FOLDER, 0755, 0) < 0)
		return err_errno(err, "open the folder of the notification socket to all");
	return 0;
}

void notify_forget(int dir_fd)
{
	(void)unlinkat(dir_fd, NOTIFY_FOLDER "/" NOTIFY_NAME, 0);
	(void)unlinkat(dir_fd, NOTIFY_FOLDER, AT_REMOVEDIR);
}

int notify_listen(int dir_fd, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	auto_fd folder =
		openat(dir_fd, NOTIFY_FOLDER, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (folder < 0)
		return errno == ENOENT ? FD_NONE : err_errno(err, "open the notification folder");
	auto_fd sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0)
		return err_errno(err, "make the notification socket");
	(void)unlinkat(folder, NOTIFY_NAME, 0); /* of a start that was killed */
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" NOTIFY_NAME,
		       folder);
	if (bind(sock, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return err_errno(err, "bind the notification socket");
	if (fchmodat(folder, NOTIFY_NAME, 0777, 0) < 0)
		return err_errno(err, "open the notification socket to all");
	return fd_take(&sock);
}

bool notify_is_ready(const char *message, size_t n)
{
	static const char ready[] = "READY=1";
	const size_t len = sizeof(ready) - 1;

	for (size_t at = 0; at + len <= n; at++) {
		if (memcmp(message + at, ready, len) == 0 &&
		    (at + len == n || message[at + len] == '\n'))
			return true;
		while (at < n && message[at] != '\n')
			at++;
	}
	return false;
}

int notify_receive(int listener, struct err *err)
{
	char message[NOTIFY_MESSAGE_MAX];
	ssize_t got = recv(listener, message, sizeof(message), MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got < 0)
		return err_errno(err, "receive a notification of the container's");
	return notify_is_ready(message, (size_t)got);
}

static int notify_connect(const char *path, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@'))
		return err_set(err, ERR_INVALID, EINVAL, "NOTIFY_SOCKET '%.128s' is no address",
			       path);
	memcpy(address.sun_path, path, len);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	auto_fd sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (sock < 0 || connect(sock, (const struct sockaddr *)&address, size) < 0)
		return err_errno(err, "connect to NOTIFY_SOCKET '%s'", path);
	return fd_take(&sock);
}

/* The manager closes what comes with BARRIER=1 once it has read all that was sent before. */
static int notify_wait_until_read(int sock, struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(err, "make the barrier's pipe");
	auto_fd reading = ends[0];
	auto_fd writing = ends[1];
	int rc = scm_send_fd(sock, writing, "BARRIER=1", 9, err);
	fd_closep(&writing);
	if (rc < 0)
		return rc;
	struct pollfd fd = {.fd = reading, .events = POLLIN};
	(void)poll(&fd, 1, NOTIFY_BARRIER_TIMEOUT_MS); /* an older manager knows no barrier */
	return 0;
}

int notify_tell(const char *address, pid_t pid, struct err *err)
{
	char main_pid[32];
	auto_fd sock = notify_connect(address, err);

	if (sock < 0)
		return sock;
	int len = snprintf(main_pid, sizeof(main_pid), "MAINPID=%d\n", (int)pid);
	if (send(sock, "READY=1\n", 8, MSG_NOSIGNAL) < 0 ||
	    send(sock, main_pid, (size_t)len, MSG_NOSIGNAL) < 0)
		return err_errno(err, "tell NOTIFY_SOCKET '%s' that the container is ready",
				 address);
	return notify_wait_until_read(sock, err);
}

int notify_forward(int listener, const char *address, pid_t pid, int pidfd, struct err *err)
{
	for (;;) {
		struct pollfd fds[] = {{.fd = listener, .events = POLLIN},
				       {.fd = pidfd, .events = POLLIN}};
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return err_errno(err, "wait for the container to be ready");
		int rc = fds[0].revents != 0 ? notify_receive(listener, err) : 0;
		if (rc < 0)
			return rc;
		if (rc > 0)
			return notify_tell(address, pid, err);
		if (fds[0].revents == 0 && fds[1].revents != 0)
			return 0; /* it ended and never was */
	}
}
