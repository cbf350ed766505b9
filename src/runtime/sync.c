#include "runtime/sync.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"

int sync_pair(int ret_fds[2], struct err *err)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) < 0)
		return err_errno(err, "make the socket pair between runtime and container");
	return 0;
}

static int sync_send_message(int fd, const struct sync_message *message, struct err *err)
{
	for (;;) {
		ssize_t sent = send(fd, message, sizeof(*message), MSG_NOSIGNAL);
		if (sent == (ssize_t)sizeof(*message))
			return 0;
		if (sent < 0 && errno == EINTR)
			continue;
		return err_errno(err, "send to the other side of the start");
	}
}

int sync_send(int fd, enum sync_type type, const struct err *about, struct err *err)
{
	struct sync_message message;

	memset(&message, 0, sizeof(message)); /* padding too: nothing of our stack leaves */
	message.type = type;
	if (about != NULL)
		message.err = *about;
	return sync_send_message(fd, &message, err);
}

int sync_write(int fd, enum sync_type type, const struct err *about, struct err *err)
{
	struct sync_message message;

	memset(&message, 0, sizeof(message));
	message.type = type;
	if (about != NULL)
		message.err = *about;
	int rc = fd_write_all(fd, &message, sizeof(message));
	if (rc < 0) {
		errno = -rc;
		return err_errno(err, "write to the other side of the start");
	}
	return 0;
}

int sync_read(int fd, struct sync_message *ret_message, struct err *err)
{
	ssize_t got = fd_read_full(fd, ret_message, sizeof(*ret_message));

	if (got == 0)
		return -EPIPE;
	if (got < 0 || sync_check(ret_message, (uint64_t)got) < 0)
		return err_set(err, ERR_SYSTEM, EPROTO,
			       "a malformed message of %zd bytes during the start", got);
	return 0;
}

int sync_send_child(int fd, int32_t pid, struct err *err)
{
	struct sync_message message;

	memset(&message, 0, sizeof(message));
	message.type = SYNC_CHILD;
	message.pid = pid;
	return sync_send_message(fd, &message, err);
}

static bool sync_is_announcement(const struct stage_result *result)
{
	return result->step == STAGE_STEP_EXEC && result->sys == 0;
}

static int sync_killed(struct err *err)
{
	return err_set(err, ERR_SYSTEM, EPIPE,
		       "the process ended before it executed its program: it was killed, or out of "
		       "memory");
}

int sync_read_exec(int fd, struct stage_result *ret_result, struct err *err)
{
	bool executes = false;

	for (;;) {
		ssize_t got = fd_read_full(fd, ret_result, sizeof(*ret_result));
		if (got == 0)
			return executes ? 0 : sync_killed(err);
		if (got != (ssize_t)sizeof(*ret_result))
			return err_set(err, ERR_SYSTEM, EPROTO,
				       "a malformed message of %zd bytes from the stage", got);
		if (!sync_is_announcement(ret_result))
			return 1;
		executes = true;
	}
}

int sync_check(struct sync_message *message, uint64_t size)
{
	if (size == sizeof(struct stage_result)) {
		memcpy(&message->result, message, sizeof(message->result));
		message->type = sync_is_announcement(&message->result) ? SYNC_EXECUTES : SYNC_STAGE;
		return 0;
	}
	if (size != sizeof(*message) || message->type < SYNC_NAMESPACES ||
	    message->type > SYNC_HOOKED || message->type == SYNC_STAGE)
		return -EPROTO;
	err_sanitize(&message->err);
	return 0;
}

int sync_receive(int fd, struct sync_message *ret_message, struct err *err)
{
	for (;;) {
		ssize_t got = recv(fd, ret_message, sizeof(*ret_message), MSG_TRUNC);
		/* A peer that ends with a message unread resets the pair once; what it sent is still there. */
		if (got < 0 && (errno == EINTR || errno == ECONNRESET))
			continue;
		if (got < 0)
			return err_errno(err, "receive from the other side of the start");
		if (got == 0)
			return err_set(err, ERR_SYSTEM, EPIPE,
				       "the container's first process ended before it was set up");
		if (sync_check(ret_message, (uint64_t)got) < 0)
			return err_set(err, ERR_SYSTEM, EPROTO,
				       "a malformed message of %zd bytes during the start", got);
		return 0;
	}
}

int sync_failure(const struct sync_message *message, struct err *err)
{
	*err = message->err;
	return err->sys > 0 ? -err->sys : -EIO;
}

int sync_await(int fd, enum sync_type type, void (*warn)(void *context, const char *text),
	       void *context, struct err *err)
{
	struct sync_message message;

	for (;;) {
		int rc = sync_receive(fd, &message, err);
		if (rc < 0)
			return rc;
		if (message.type == type)
			return 0;
		if (message.type == SYNC_FAILED)
			return sync_failure(&message, err);
		if (message.type != SYNC_WARNING)
			return err_set(err, ERR_SYSTEM, EPROTO,
				       "an unexpected message (%u) during the start", message.type);
		warn(context, message.err.text);
	}
}

int sync_await_exec(int fd, bool executes, struct sync_message *ret_message,
		    void (*warn)(void *context, const char *text), void *context, struct err *err)
{
	struct err end;

	for (;;) {
		int rc = sync_receive(fd, ret_message, &end);
		if (rc == -EPIPE)
			return executes ? 0 : sync_killed(err);
		if (rc < 0)
			*err = end;
		if (rc < 0)
			return rc;
		switch (ret_message->type) {
		case SYNC_STAGE:
			return 1;
		case SYNC_EXECUTES:
			executes = true;
			break;
		case SYNC_FAILED:
			return sync_failure(ret_message, err);
		case SYNC_WARNING:
			warn(context, ret_message->err.text);
			break;
		default:
			return err_set(err, ERR_SYSTEM, EPROTO,
				       "an unexpected message (%u) during the start",
				       ret_message->type);
		}
	}
}
