#include "monitor/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/scm/scm.h"
#include "kern/tty/tty.h"

static int set_nonblocking(int fd, struct err *err)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return err_errno(err, "make a container's stdio non-blocking");
	return 0;
}

/* The pipe's flag is set on our end alone: the container's must block as anybody's does. */
static int pipe_open(struct stdio *stdio, int which, struct err *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errno(err, "make a pipe for the container's stdio");
	stdio->ours[which] = fds[which == STDIO_IN ? 1 : 0];
	stdio->theirs[which] = fds[which == STDIO_IN ? 0 : 1];
	return set_nonblocking(stdio->ours[which], err);
}

static int null_open(int *ret_fd, struct err *err)
{
	*ret_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	return *ret_fd < 0 ? err_errno(err, "open '/dev/null'") : 0;
}

/* The runtime connects by the folder's path; binding through the descriptor allows any length here. */
static int console_listen(int state_fd, const char *name, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	auto_fd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_errno(err, "make the console socket");
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", state_fd,
		       name);
	(void)unlinkat(state_fd, name, 0);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    fchmodat(state_fd, name, 0600, 0) < 0 || listen(fd, 1) < 0)
		return err_errno(err, "listen at '%s'", name);
	return fd_take(&fd);
}

void stdio_init(struct stdio *stdio, bool tty)
{
	memset(stdio, 0, sizeof(*stdio));
	stdio->tty = tty;
	stdio->console_listener = FD_NONE;
	for (int i = 0; i < STDIO_COUNT; i++) {
		stdio->ours[i] = FD_NONE;
		stdio->theirs[i] = FD_NONE;
	}
}

int stdio_open(struct stdio *stdio, bool with_input, int state_fd, const char *name,
	       struct err *err)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < STDIO_COUNT; i++) {
		if (stdio->tty || (i == STDIO_IN && !with_input))
			rc = null_open(&stdio->theirs[i], err);
		else
			rc = pipe_open(stdio, i, err);
	}
	if (rc == 0 && stdio->tty) {
		stdio->console_listener = console_listen(state_fd, name, err);
		rc = stdio->console_listener < 0 ? stdio->console_listener : 0;
	}
	if (rc < 0)
		stdio_close(stdio);
	return rc;
}

/*
 * A terminal that nobody has open reads as hung up again and again. One slave of our own keeps it
 * quiet until the container's end.
 */
static void terminal_hold(struct stdio *stdio)
{
	fd_closep(&stdio->theirs[STDIO_OUT]);
	stdio->theirs[STDIO_OUT] =
		ioctl(stdio->ours[STDIO_OUT], TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

void stdio_hung_up(struct stdio *stdio, int which)
{
	if (stdio->tty)
		terminal_hold(stdio);
	if (!stdio->tty || stdio->theirs[STDIO_OUT] < 0)
		fd_closep(&stdio->ours[which]);
}

void stdio_let_go(struct stdio *stdio)
{
	fd_closep(&stdio->theirs[STDIO_OUT]);
}

static int terminal_take(struct stdio *stdio, struct err *err)
{
	char name[256];
	auto_fd connection = accept4(stdio->console_listener, NULL, NULL, SOCK_CLOEXEC);

	if (connection < 0)
		return err_errno(err, "the runtime sent no terminal");
	/* The message's data names the terminal; it is of no use here. */
	stdio->ours[STDIO_OUT] = scm_receive_fd(connection, name, sizeof(name), NULL, err);
	if (stdio->ours[STDIO_OUT] < 0)
		return err_wrap(err, stdio->ours[STDIO_OUT], "receive the container's terminal");
	terminal_hold(stdio);
	if (stdio->rows > 0)
		(void)stdio_resize(stdio, stdio->rows, stdio->columns);
	return set_nonblocking(stdio->ours[STDIO_OUT], err);
}

int stdio_started(struct stdio *stdio, struct err *err)
{
	int rc = 0;

	for (int i = 0; i < STDIO_COUNT; i++)
		fd_closep(&stdio->theirs[i]);
	if (stdio->tty)
		rc = terminal_take(stdio, err);
	fd_closep(&stdio->console_listener);
	return rc;
}

void stdio_close(struct stdio *stdio)
{
	for (int i = 0; i < STDIO_COUNT; i++) {
		fd_closep(&stdio->ours[i]);
		fd_closep(&stdio->theirs[i]);
	}
	fd_closep(&stdio->console_listener);
	free(stdio->pending);
	stdio->pending = NULL;
	stdio->pending_size = 0;
	stdio->pending_at = 0;
}

int stdio_input_fd(const struct stdio *stdio)
{
	return stdio->ours[stdio->tty ? STDIO_OUT : STDIO_IN];
}

/* Input that nobody will read is thrown away. */
static void input_drop(struct stdio *stdio)
{
	free(stdio->pending);
	stdio->pending = NULL;
	stdio->pending_size = 0;
	stdio->pending_at = 0;
	if (stdio->close_after)
		fd_closep(&stdio->ours[STDIO_IN]);
}

int stdio_input(struct stdio *stdio, const void *data, size_t size)
{
	int fd = stdio_input_fd(stdio);

	if (fd < 0 || stdio->close_after)
		return -EPIPE;
	ssize_t done = write(fd, data, size);
	if (done < 0 && errno != EAGAIN && errno != EINTR) {
		int saved = errno;
		if (!stdio->tty)
			fd_closep(&stdio->ours[STDIO_IN]);
		return -saved;
	}
	if (done < 0)
		done = 0;
	if ((size_t)done == size)
		return 0;
	stdio->pending = malloc(size - (size_t)done);
	if (stdio->pending == NULL)
		return -ENOMEM;
	stdio->pending_size = size - (size_t)done;
	stdio->pending_at = 0;
	memcpy(stdio->pending, (const char *)data + done, stdio->pending_size);
	return 0;
}

void stdio_push(struct stdio *stdio)
{
	int fd = stdio_input_fd(stdio);

	if (stdio_has_room(stdio))
		return;
	ssize_t done = fd < 0 ? -1
			      : write(fd, stdio->pending + stdio->pending_at,
				      stdio->pending_size - stdio->pending_at);
	if (done < 0 && fd >= 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (done > 0)
		stdio->pending_at += (size_t)done;
	if (done < 0) {
		stdio->close_after = !stdio->tty;
		input_drop(stdio);
	} else if (stdio_has_room(stdio)) {
		input_drop(stdio);
	}
}

void stdio_end_input(struct stdio *stdio)
{
	if (stdio->tty)
		return;
	stdio->close_after = true;
	if (stdio_has_room(stdio))
		fd_closep(&stdio->ours[STDIO_IN]);
}

int stdio_resize(struct stdio *stdio, uint16_t rows, uint16_t columns)
{
	struct err ignored;

	if (!stdio->tty)
		return -ENOTTY;
	stdio->rows = rows;
	stdio->columns = columns;
	if (stdio->ours[STDIO_OUT] < 0)
		return 0;
	return tty_set_size(stdio->ours[STDIO_OUT], rows, columns, &ignored);
}
