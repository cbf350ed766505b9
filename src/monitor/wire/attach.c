#include "monitor/wire/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"

#define HEADER_SIZE 4

enum body_form {
	BODY_UNKNOWN,
	BODY_NONE,
	BODY_BYTES,
	BODY_HELLO,
	BODY_SIZE,
	BODY_NUMBER,
	BODY_FAILED,
	BODY_EXITED
};

static const struct {
	uint8_t form; /* enum body_form */
	uint16_t size;
} bodies[] = {
	[ATTACH_HELLO] = {BODY_HELLO, 8},      [ATTACH_STDIN] = {BODY_BYTES, 0},
	[ATTACH_STDIN_CLOSE] = {BODY_NONE, 0}, [ATTACH_RESIZE] = {BODY_SIZE, 4},
	[ATTACH_SIGNAL] = {BODY_NUMBER, 8},    [ATTACH_DETACH] = {BODY_NONE, 0},
	[ATTACH_CLEANED] = {BODY_NONE, 0},     [ATTACH_STARTED] = {BODY_NUMBER, 8},
	[ATTACH_FAILED] = {BODY_FAILED, 0},    [ATTACH_STDOUT] = {BODY_BYTES, 0},
	[ATTACH_STDERR] = {BODY_BYTES, 0},     [ATTACH_LOST] = {BODY_NUMBER, 8},
	[ATTACH_EXITED] = {BODY_EXITED, 20},   [ATTACH_ERROR] = {BODY_FAILED, 0},
};

#define BODY_COUNT (sizeof(bodies) / sizeof(bodies[0]))

/* exit code, kind, errno, cut; then the text */
#define FAILED_HEAD 16

static uint16_t get_u16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static uint32_t get_u32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static void put_u32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void put_u16s(uint8_t *at, uint16_t first, uint16_t second)
{
	memcpy(at, &first, sizeof(first));
	memcpy(at + 2, &second, sizeof(second));
}

static int decode_failed(const uint8_t *body, size_t size, struct attach_message *message,
			 struct err *err)
{
	struct err *inner = &message->failed.err;

	if (size < FAILED_HEAD || size - FAILED_HEAD > sizeof(inner->text))
		return err_set(err, ERR_INVALID, EBADMSG,
			       "attach message %d: %zu bytes do not hold an error", message->type,
			       size);
	memset(inner, 0, sizeof(*inner));
	message->failed.exit_code = get_u32(body);
	uint32_t kind = get_u32(body + 4), sys = get_u32(body + 8);
	inner->kind = kind > ERR_SYSTEM ? ERR_SYSTEM : (enum err_kind)kind;
	inner->sys = sys > 4095 ? 0 : (int)sys;
	inner->cut = get_u32(body + 12) != 0;
	inner->used = (uint16_t)(size - FAILED_HEAD);
	memcpy(inner->text, body + FAILED_HEAD, inner->used);
	err_sanitize(inner);
	return 0;
}

static int decode_body(const uint8_t *body, size_t size, struct attach_message *message,
		       struct err *err)
{
	switch (bodies[message->type].form) {
	case BODY_BYTES:
		if (size == 0 || size > ATTACH_DATA_MAX)
			return err_set(err, ERR_INVALID, EBADMSG,
				       "attach message %d: %zu bytes of data", message->type, size);
		message->bytes.data = body;
		message->bytes.size = size;
		return 0;
	case BODY_FAILED:
		return decode_failed(body, size, message, err);
	default:
		break;
	}
	if (size != bodies[message->type].size)
		return err_set(err, ERR_INVALID, EBADMSG, "attach message %d: %zu bytes, not %d",
			       message->type, size, bodies[message->type].size);
	switch (bodies[message->type].form) {
	case BODY_HELLO:
		message->hello.version = get_u16(body);
		message->hello.flags = get_u16(body + 2);
		message->hello.rows = get_u16(body + 4);
		message->hello.columns = get_u16(body + 6);
		if (message->hello.version != ATTACH_VERSION)
			return err_set(err, ERR_UNSUPPORTED, EPROTONOSUPPORT,
				       "attach protocol version %d, not %d: client and monitor are "
				       "of different releases",
				       message->hello.version, ATTACH_VERSION);
		if ((message->hello.flags & ~ATTACH_FLAGS) != 0)
			return err_set(err, ERR_INVALID, EBADMSG, "attach hello: unknown flags %#x",
				       message->hello.flags);
		break;
	case BODY_SIZE:
		message->size.rows = get_u16(body);
		message->size.columns = get_u16(body + 2);
		break;
	case BODY_NUMBER:
		memcpy(&message->number, body, sizeof(message->number));
		break;
	case BODY_EXITED:
		message->exited.exit_code = get_u32(body);
		message->exited.signal = get_u32(body + 4);
		message->exited.oom = get_u32(body + 8) != 0;
		memcpy(&message->exited.time_ns, body + 12, sizeof(message->exited.time_ns));
		break;
	default:
		break;
	}
	return 0;
}

int attach_decode(const void *data, size_t size, struct attach_message *ret_message,
		  struct err *err)
{
	const uint8_t *at = data;

	if (size < HEADER_SIZE || size > ATTACH_MESSAGE_MAX)
		return err_set(err, ERR_INVALID, EBADMSG, "attach message of %zu bytes", size);
	if (at[0] >= BODY_COUNT || bodies[at[0]].form == BODY_UNKNOWN || at[1] != 0 || at[2] != 0 ||
	    at[3] != 0)
		return err_set(err, ERR_INVALID, EBADMSG,
			       "attach message of unknown type %02x%02x%02x%02x", at[0], at[1],
			       at[2], at[3]);
	ret_message->type = (enum attach_type)at[0];
	return decode_body(at + HEADER_SIZE, size - HEADER_SIZE, ret_message, err);
}

static size_t encode_failed(const struct attach_message *message, uint8_t *body)
{
	const struct err *inner = &message->failed.err;
	size_t used = inner->used > sizeof(inner->text) ? sizeof(inner->text) : inner->used;

	put_u32(body, message->failed.exit_code);
	put_u32(body + 4, (uint32_t)inner->kind);
	put_u32(body + 8, (uint32_t)inner->sys);
	put_u32(body + 12, inner->cut);
	memcpy(body + FAILED_HEAD, inner->text, used);
	return FAILED_HEAD + used;
}

/* Everything but bytes. Returns the size of the body. */
static size_t encode_body(const struct attach_message *message, uint8_t *body)
{
	switch (bodies[message->type].form) {
	case BODY_HELLO:
		put_u16s(body, message->hello.version, message->hello.flags);
		put_u16s(body + 4, message->hello.rows, message->hello.columns);
		break;
	case BODY_SIZE:
		put_u16s(body, message->size.rows, message->size.columns);
		break;
	case BODY_NUMBER:
		memcpy(body, &message->number, sizeof(message->number));
		break;
	case BODY_FAILED:
		return encode_failed(message, body);
	case BODY_EXITED:
		put_u32(body, message->exited.exit_code);
		put_u32(body + 4, message->exited.signal);
		put_u32(body + 8, message->exited.oom);
		memcpy(body + 12, &message->exited.time_ns, sizeof(message->exited.time_ns));
		break;
	default:
		break;
	}
	return bodies[message->type].size;
}

size_t attach_encode(const struct attach_message *message, uint8_t out[ATTACH_MESSAGE_MAX])
{
	memset(out, 0, HEADER_SIZE);
	out[0] = (uint8_t)message->type;
	if (bodies[message->type].form != BODY_BYTES)
		return HEADER_SIZE + encode_body(message, out + HEADER_SIZE);
	if (message->bytes.size == 0 || message->bytes.size > ATTACH_DATA_MAX)
		return 0;
	memcpy(out + HEADER_SIZE, message->bytes.data, message->bytes.size);
	return HEADER_SIZE + message->bytes.size;
}

int attach_send(int fd, const struct attach_message *message)
{
	uint8_t head[HEADER_SIZE + FAILED_HEAD + sizeof(message->failed.err.text)] = {
		(uint8_t)message->type};
	struct iovec parts[2] = {{.iov_base = head, .iov_len = HEADER_SIZE}};
	struct msghdr packet = {.msg_iov = parts, .msg_iovlen = 1};

	if (bodies[message->type].form == BODY_BYTES) {
		if (message->bytes.size == 0 || message->bytes.size > ATTACH_DATA_MAX)
			return -EMSGSIZE;
		/* sendmsg() does not write to it */
		memcpy(&parts[1].iov_base, &message->bytes.data, sizeof(parts[1].iov_base));
		parts[1].iov_len = message->bytes.size;
		packet.msg_iovlen = 2;
	} else {
		parts[0].iov_len += encode_body(message, head + HEADER_SIZE);
	}
	for (;;) {
		if (sendmsg(fd, &packet, MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

int attach_receive(int fd, uint8_t *buffer, struct attach_message *ret_message, struct err *err)
{
	struct iovec part = {.iov_base = buffer, .iov_len = ATTACH_MESSAGE_MAX};
	struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t got;

	do {
		got = recvmsg(fd, &packet, MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got == 0 || (got < 0 && errno == ECONNRESET))
		return 0;
	if (got < 0)
		return err_errno(err, "receive an attach message");
	if ((packet.msg_flags & MSG_TRUNC) != 0)
		return err_set(err, ERR_INVALID, EMSGSIZE,
			       "attach message larger than the %d bytes allowed",
			       ATTACH_MESSAGE_MAX);
	int rc = attach_decode(buffer, (size_t)got, ret_message, err);
	return rc < 0 ? rc : 1;
}

int attach_pair(int ret_fds[2], struct err *err)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) < 0)
		return err_errno(err, "make a pair of sockets for the monitor");
	return 0;
}

/* A socket's path may have 107 bytes; through the folder's descriptor it is short. */
static int socket_address(int dirfd, const char *name, struct sockaddr_un *ret_address,
			  struct err *err)
{
	memset(ret_address, 0, sizeof(*ret_address));
	ret_address->sun_family = AF_UNIX;
	int len = snprintf(ret_address->sun_path, sizeof(ret_address->sun_path),
			   "/proc/self/fd/%d/%s", dirfd, name);
	if (len < 0 || (size_t)len >= sizeof(ret_address->sun_path))
		return err_set(err, ERR_INVALID, ENAMETOOLONG, "socket name '%s'", name);
	return 0;
}

int attach_listen_at(int dirfd, const char *name, struct err *err)
{
	struct sockaddr_un address;
	int rc = socket_address(dirfd, name, &address, err);

	if (rc < 0)
		return rc;
	auto_fd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(err, "make the socket '%s'", name);
	if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		return err_errno(err, "remove the old socket '%s'", name);
	/* Nobody can connect before listen(), so the mode is right in time. */
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    fchmodat(dirfd, name, 0600, 0) < 0 || listen(fd, 8) < 0)
		return err_errno(err, "listen at '%s'", name);
	return fd_take(&fd);
}

int attach_accept(int listener, struct err *err)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	auto_fd fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return err_errno(err, "accept a client");
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return err_errno(err, "ask who the client is");
	if (peer.uid != 0 && peer.uid != geteuid())
		return err_set(err, ERR_DENIED, EACCES, "client of user %u, not %u or root",
			       peer.uid, geteuid());
	return fd_take(&fd);
}

int attach_connect_at(int dirfd, const char *name, struct err *err)
{
	struct sockaddr_un address;
	int rc = socket_address(dirfd, name, &address, err);

	if (rc < 0)
		return rc;
	auto_fd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno(err, "make a socket");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd_take(&fd);
	if (errno == ENOENT || errno == ECONNREFUSED)
		return err_set(err, ERR_NOT_FOUND, errno,
			       "connect to '%s': the container's monitor is gone", name);
	return err_errno(err, "connect to '%s'", name);
}
