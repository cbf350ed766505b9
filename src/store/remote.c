#include "store/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/process.h"
#include "kern/uapi.h"
#include "store/wire.h"
#include "store/wire_push.h"

#define OPTIONS_MAX 64
#define ARGS_MAX    (OPTIONS_MAX + 2 * WIRE_MOUNTS_MAX + 4)

void remote_done(struct remote *remote)
{
	struct process_exit ignored_exit;
	struct err ignored;

	fd_closep(&remote->socket_fd);
	fd_closep(&remote->records_fd);
	if (remote->pidfd >= 0) {
		(void)uapi_pidfd_send_signal(remote->pidfd, SIGKILL, NULL, 0);
		(void)process_wait(remote->pidfd, &ignored_exit, &ignored);
	}
	fd_closep(&remote->pidfd);
}

static int make_argv(const struct remote_start *request, const char *argv[ARGS_MAX + 1],
		     struct err *err)
{
	size_t count = 0;

	if (request->options.count > OPTIONS_MAX || request->from.count > WIRE_MOUNTS_MAX)
		return err_set(err, ERR_INVALID, E2BIG, "too many options for corten-remote");
	argv[count++] = "corten-remote";
	argv[count++] = request->verb;
	for (size_t i = 0; i < request->options.count; i++)
		argv[count++] = request->options.items[i];
	for (size_t i = 0; i < request->from.count; i++) {
		argv[count++] = "--from";
		argv[count++] = request->from.items[i];
	}
	argv[count++] = request->reference;
	argv[count] = NULL;
	return 0;
}

/* A pipe that holds the password; a pipe takes a page at least before it has to be read. */
static int make_secret(const char *password, int *ret_reader, struct err *err)
{
	int ends[2];

	if (password == NULL)
		return 0;
	if (strlen(password) > 4096)
		return err_set(err, ERR_INVALID, 0, "the password is longer than 4096 bytes");
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(err, "make a pipe");
	auto_fd writer = ends[1];
	*ret_reader = ends[0];
	int rc = fd_write_all(writer, password, strlen(password));
	return rc < 0 ? err_set(err, ERR_SYSTEM, -rc, "pass a password on") : 0;
}

int remote_start(const struct remote_start *request, struct remote *remote, struct err *err)
{
	const char *argv[ARGS_MAX + 1];
	int pair[2], ends[2];
	auto_fd secret = FD_NONE;

	int rc = make_argv(request, argv, err);
	if (rc == 0)
		rc = make_secret(request->password, &secret, err);
	if (rc < 0)
		return rc;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(err, "make a pair of sockets");
	remote->socket_fd = pair[0];
	auto_fd theirs = pair[1];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(err, "make a pipe");
	remote->records_fd = ends[0];
	auto_fd writer = ends[1];
	const struct process_fd fds[] = {{theirs, WIRE_REMOTE_SOCKET},
					 {writer, WIRE_REMOTE_RECORDS},
					 {secret, WIRE_REMOTE_SECRET}};
	const struct process_spec spec = {.path = request->program,
					  .argv = argv,
					  .fds = fds,
					  .fd_count = secret >= 0 ? 3 : 2};
	return process_spawn(&spec, &remote->pidfd, err);
}

int remote_prefer(const struct remote *remote, int rc, struct err *err)
{
	struct pollfd reader = {.fd = remote->records_fd, .events = POLLIN};
	struct wire_record record;

	if (poll(&reader, 1, 0) != 1 || (reader.revents & POLLIN) == 0 ||
	    fd_read_full(remote->records_fd, &record, sizeof(record)) != sizeof(record) ||
	    record.type != WIRE_ERROR)
		return rc;
	err_sanitize(&record.err);
	if (record.err.kind == ERR_NONE)
		return rc;
	*err = record.err;
	return err->sys > 0 ? -err->sys : -EIO;
}
