#include "kern/dbus/client.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "base/str.h"

#define BUS_NAME        "org.freedesktop.DBus"
#define GREETING_MAX    512 /* bytes of one line of the handshake */
#define READ_BYTES      4096
#define GREETING_NEEDED "OK"

uint64_t dbus_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- addresses --- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Copies a value up to ',' or ';', undoing %xx. Returns its length, or -1. */
static int unescape(const char *text, char *buf, size_t size)
{
	size_t used = 0;

	for (; *text != '\0' && *text != ',' && *text != ';'; text++) {
		char c = *text;
		if (c == '%') {
			int high = hex_digit(text[1]);
			int low = high < 0 ? -1 : hex_digit(text[2]);
			if (low < 0 || high * 16 + low == 0)
				return -1;
			c = (char)(high * 16 + low);
			text += 2;
		}
		if (used + 1 >= size)
			return -1;
		buf[used++] = c;
	}
	buf[used] = '\0';
	return (int)used;
}

/* One entry, "unix:path=/x,guid=y". Whether it names a socket. */
static bool parse_entry(const char *entry, struct sockaddr_un *socket_, socklen_t *ret_bytes)
{
	const char *at = str_after(entry, "unix:");

	while (at != NULL && *at != '\0' && *at != ';') {
		const char *path = str_after(at, "path=");
		const char *abstract = str_after(at, "abstract=");
		size_t skip = abstract != NULL ? 1 : 0;
		int len = -1;
		if (path != NULL || abstract != NULL)
			len = unescape(path != NULL ? path : abstract, socket_->sun_path + skip,
				       sizeof(socket_->sun_path) - skip);
		if (len > 0) {
			if (skip > 0)
				socket_->sun_path[0] = '\0';
			*ret_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + skip +
						 (size_t)len + (skip > 0 ? 0 : 1));
			return true;
		}
		at += strcspn(at, ",;");
		at += *at == ',';
	}
	return false;
}

int dbus_address_parse(const char *address, struct sockaddr_un *ret_socket, socklen_t *ret_bytes,
		       struct err *err)
{
	if (strlen(address) >= DBUS_ADDRESS_MAX)
		return err_set(err, ERR_INVALID, ENAMETOOLONG, "the D-Bus address is too long");
	memset(ret_socket, 0, sizeof(*ret_socket));
	ret_socket->sun_family = AF_UNIX;
	for (const char *at = address;;) {
		if (parse_entry(at, ret_socket, ret_bytes))
			return 0;
		at = strchr(at, ';');
		if (at == NULL)
			return err_set(err, ERR_INVALID, 0,
				       "the D-Bus address '%.200s' names no unix socket", address);
		at++;
	}
}

/* --- bytes --- */

static int wait_for(const struct dbus *bus, short events, uint64_t deadline_ms, struct err *err)
{
	for (;;) {
		uint64_t now = dbus_now_ms();
		struct pollfd ready = {.fd = bus->fd, .events = events};
		int got = now >= deadline_ms ? 0 : poll(&ready, 1, (int)(deadline_ms - now));
		if (got > 0)
			return 0;
		if (got == 0)
			return err_set(err, ERR_SYSTEM, ETIMEDOUT, "the bus does not answer");
		if (errno != EINTR)
			return err_errno(err, "wait for the bus");
	}
}

static int send_all(struct dbus *bus, const void *data, size_t size, uint64_t deadline_ms,
		    struct err *err)
{
	const char *at = data;

	while (size > 0) {
		ssize_t sent = send(bus->fd, at, size, MSG_NOSIGNAL);
		if (sent < 0 && errno == EAGAIN) {
			int rc = wait_for(bus, POLLOUT, deadline_ms, err);
			if (rc < 0)
				return rc;
			continue;
		}
		if (sent < 0 && errno != EINTR)
			return err_errno(err, "send to the bus");
		if (sent > 0) {
			at += sent;
			size -= (size_t)sent;
		}
	}
	return 0;
}

/* Appends what has come, at least one byte. */
static int receive_some(struct dbus *bus, uint64_t deadline_ms, struct err *err)
{
	for (;;) {
		char *to = buf_reserve(&bus->in, READ_BYTES);
		if (to == NULL)
			return buf_check(&bus->in, "a message of the bus", err);
		ssize_t got = recv(bus->fd, to, READ_BYTES, 0);
		if (got > 0) {
			bus->in.len += (size_t)got;
			return 0;
		}
		if (got == 0)
			return err_set(err, ERR_SYSTEM, EPIPE, "the bus closed the connection");
		if (errno == EAGAIN) {
			int rc = wait_for(bus, POLLIN, deadline_ms, err);
			if (rc < 0)
				return rc;
		} else if (errno != EINTR) {
			return err_errno(err, "receive from the bus");
		}
	}
}

/* Drops the first bytes of what was received. */
static void consume(struct dbus *bus, size_t bytes)
{
	if (bytes == 0)
		return;
	memmove(bus->in.data, bus->in.data + bytes, bus->in.len - bytes);
	bus->in.len -= bytes;
}

int dbus_next(struct dbus *bus, uint64_t deadline_ms, struct dbus_message *ret_message,
	      struct err *err)
{
	size_t length = DBUS_HEADER_FIXED_BYTES;

	consume(bus, bus->consumed);
	bus->consumed = 0;
	while (bus->in.len < length) {
		int rc = receive_some(bus, deadline_ms, err);
		if (rc < 0)
			return rc;
		if (bus->in.len < DBUS_HEADER_FIXED_BYTES)
			continue;
		rc = dbus_message_length((const uint8_t *)bus->in.data, &length, err);
		if (rc < 0)
			return rc;
	}
	int rc = dbus_message_length((const uint8_t *)bus->in.data, &length, err);
	if (rc < 0)
		return rc;
	while (bus->in.len < length) {
		rc = receive_some(bus, deadline_ms, err);
		if (rc < 0)
			return rc;
	}
	bus->consumed = length;
	return dbus_message_parse((const uint8_t *)bus->in.data, length, ret_message, err);
}

/* --- the handshake --- */

static int read_line(struct dbus *bus, uint64_t deadline_ms, char *line, size_t size,
		     struct err *err)
{
	for (;;) {
		char *end = bus->in.len == 0 ? NULL : memchr(bus->in.data, '\n', bus->in.len);
		size_t len = end == NULL ? 0 : (size_t)(end - bus->in.data);
		if (end == NULL ? bus->in.len >= size : len >= size)
			return err_set(err, ERR_INVALID, EPROTO, "the bus greets with no end");
		if (end != NULL) {
			memcpy(line, bus->in.data, len);
			line[len] = '\0';
			if (len > 0 && line[len - 1] == '\r')
				line[len - 1] = '\0';
			consume(bus, len + 1);
			return 0;
		}
		int rc = receive_some(bus, deadline_ms, err);
		if (rc < 0)
			return rc;
	}
}

/*
 * EXTERNAL without a name: the bus then takes whom the kernel says is at the other end, which is right
 * inside a user namespace, too, where the own number for oneself is another than the bus's.
 */
static int authenticate(struct dbus *bus, uint64_t deadline_ms, struct err *err)
{
	static const char hello[] = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
	char line[GREETING_MAX];
	int rc = send_all(bus, hello, sizeof(hello) - 1, deadline_ms, err);

	if (rc == 0)
		rc = read_line(bus, deadline_ms, line, sizeof(line), err);
	if (rc == 0 && strcmp(line, "DATA") == 0)
		rc = read_line(bus, deadline_ms, line, sizeof(line), err);
	if (rc < 0)
		return rc;
	if (!str_starts_with(line, GREETING_NEEDED))
		return err_set(err, ERR_DENIED, EACCES, "the bus does not let us in: '%.100s'",
			       line);
	return 0;
}

static int greet(struct dbus *bus, unsigned timeout_ms, struct err *err)
{
	struct dbus_message reply;
	const struct dbus_message hello = {
		.path = "/org/freedesktop/DBus",
		.interface = BUS_NAME,
		.member = "Hello",
		.destination = BUS_NAME,
	};

	return dbus_call(bus, &hello, timeout_ms, &reply, err);
}

int dbus_open(const char *address, unsigned timeout_ms, struct dbus *ret_bus, struct err *err)
{
	struct sockaddr_un where;
	socklen_t bytes;
	int rc = dbus_address_parse(address, &where, &bytes, err);

	*ret_bus = DBUS_CLOSED;
	if (rc < 0)
		return rc;
	ret_bus->in = BUF_INIT(DBUS_MESSAGE_BYTES_MAX + READ_BYTES);
	ret_bus->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (ret_bus->fd < 0)
		return err_errno(err, "make a socket");
	if (connect(ret_bus->fd, (const struct sockaddr *)&where, bytes) < 0)
		rc = err_errno(err, "connect");
	if (rc == 0)
		rc = authenticate(ret_bus, dbus_now_ms() + timeout_ms, err);
	if (rc == 0)
		rc = greet(ret_bus, timeout_ms, err);
	if (rc < 0)
		dbus_close(ret_bus);
	return rc < 0 ? err_wrap(err, rc, "the D-Bus bus at '%.200s'", address) : 0;
}

void dbus_close(struct dbus *bus)
{
	fd_closep(&bus->fd);
	buf_done(&bus->in);
}

/* --- calls --- */

static const struct {
	const char *name;
	enum err_kind kind;
	int sys;
} error_kinds[] = {
	{"org.freedesktop.systemd1.NoSuchUnit", ERR_NOT_FOUND, ENOENT},
	{"org.freedesktop.systemd1.UnitExists", ERR_CONFLICT, EEXIST},
	{"org.freedesktop.DBus.Error.ServiceUnknown", ERR_NOT_FOUND, ENOENT},
	{"org.freedesktop.DBus.Error.NameHasNoOwner", ERR_NOT_FOUND, ENOENT},
	{"org.freedesktop.DBus.Error.UnknownObject", ERR_NOT_FOUND, ENOENT},
	{"org.freedesktop.DBus.Error.AccessDenied", ERR_DENIED, EACCES},
	{"org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", ERR_DENIED, EACCES},
	{"org.freedesktop.DBus.Error.UnknownMethod", ERR_UNSUPPORTED, 0},
	{"org.freedesktop.DBus.Error.UnknownProperty", ERR_UNSUPPORTED, 0},
	{"org.freedesktop.DBus.Error.PropertyReadOnly", ERR_UNSUPPORTED, 0},
	{"org.freedesktop.DBus.Error.InvalidArgs", ERR_INVALID, 0},
	{"org.freedesktop.DBus.Error.Timeout", ERR_SYSTEM, ETIMEDOUT},
	{"org.freedesktop.DBus.Error.NoReply", ERR_SYSTEM, ETIMEDOUT},
};

static int explain_error(const struct dbus_message *reply, struct err *err)
{
	enum err_kind kind = ERR_SYSTEM;
	struct dbus_reader body = dbus_body(reply);
	const char *text = reply->signature[0] == 's' ? dbus_get_string(&body) : "";
	int sys = 0;

	for (size_t i = 0; i < sizeof(error_kinds) / sizeof(error_kinds[0]); i++)
		if (strcmp(error_kinds[i].name, reply->error_name) == 0) {
			kind = error_kinds[i].kind;
			sys = error_kinds[i].sys;
		}
	/* The text says it all; errno's would only repeat it. */
	(void)err_set(err, kind, 0, "%.200s (%.100s)", text[0] != '\0' ? text : "refused",
		      reply->error_name);
	return sys != 0 ? -sys : -EIO;
}

int dbus_call(struct dbus *bus, const struct dbus_message *call, unsigned timeout_ms,
	      struct dbus_message *ret_reply, struct err *err)
{
	BUF_AUTO(out, DBUS_MESSAGE_BYTES_MAX);
	uint64_t deadline_ms = dbus_now_ms() + timeout_ms;
	struct dbus_message message = *call;

	message.type = DBUS_CALL;
	message.serial = ++bus->serial;
	dbus_put_message(&out, &message);
	int rc = buf_check(&out, "a message for the bus", err);
	if (rc == 0)
		rc = send_all(bus, out.data, out.len, deadline_ms, err);
	while (rc == 0) {
		rc = dbus_next(bus, deadline_ms, ret_reply, err);
		if (rc == 0 && ret_reply->reply_serial == message.serial &&
		    (ret_reply->type == DBUS_RETURN || ret_reply->type == DBUS_ERROR))
			break;
	}
	if (rc == 0 && ret_reply->type == DBUS_ERROR)
		rc = explain_error(ret_reply, err);
	return rc < 0 ? err_wrap(err, rc, "%s", call->member) : 0;
}
