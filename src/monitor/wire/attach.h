/*
 * attach.h - what a monitor and its clients say to each other.
 *
 * Purpose    One protocol on the monitor's `attach.sock` and on the socketpair that the engine
 *            inherits to it. Both are SOCK_SEQPACKET: a packet is a message, so none is ever
 *            half read, and none needs a buffer beyond ATTACH_MESSAGE_MAX.
 * Format     A header of four bytes (type, three zeros), then the body in the machine's byte order.
 * Ownership  A parsed message points into the buffer that it was read into.
 * Errors     ERR_INVALID for a message that is short, long, or unknown. A monitor drops a client
 *            that sends one; a client ends the session.
 *
 * A session: the client says HELLO; then each side sends what it has. The client leaves by closing
 * (a client that leaves an interactive container with the detach keys says DETACH before). The
 * monitor ends with EXITED, or with FAILED, and closes.
 *
 * Output that is in the log but could not be shown to a slow client is told with LOST. A PACED
 * client holds the container's output back instead, until the stall timeout; then it is treated as
 * the others until it has caught up.
 */
#ifndef CORTEN_MONITOR_WIRE_ATTACH_H
#define CORTEN_MONITOR_WIRE_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define ATTACH_VERSION     1
#define ATTACH_DATA_MAX    16384
#define ATTACH_MESSAGE_MAX (ATTACH_DATA_MAX + 4)

enum attach_type {
	/* from the client */
	ATTACH_HELLO = 1,   /* hello; the first message, once */
	ATTACH_STDIN,       /* bytes, at least one */
	ATTACH_STDIN_CLOSE, /* no more of them; nothing to a tty */
	ATTACH_RESIZE,      /* size */
	ATTACH_SIGNAL,      /* number: to the container's init */
	ATTACH_DETACH,      /* about to close; stdin stays open even with stdinOnce */
	ATTACH_CLEANED, /* after EXITED or FAILED, from who promised: exit_command is not needed */
	/* from the monitor */
	ATTACH_STARTED = 32, /* number: pid of the container's init. At once to who comes later */
	ATTACH_FAILED,       /* failed: the container did not start */
	ATTACH_STDOUT,       /* bytes; of a tty, all output */
	ATTACH_STDERR,       /* bytes */
	ATTACH_LOST,         /* number: bytes of output that this client has missed */
	ATTACH_EXITED,       /* exited */
	ATTACH_ERROR,        /* failed: a request was refused; the session goes on */
};

enum attach_flag {
	ATTACH_WANT_STDIN = 1, /* will send STDIN */
	ATTACH_WANT_STDOUT = 2,
	ATTACH_WANT_STDERR = 4,
	ATTACH_PACED = 8,       /* a foreground client: rather slow the container than lose bytes */
	ATTACH_WILL_CLEAN = 16, /* removes the container itself after its end, then says CLEANED */
};
#define ATTACH_FLAGS 31

struct attach_message {
	enum attach_type type;
	struct {
		uint16_t version;
		uint16_t flags; /* enum attach_flag */
		/*
		 * The terminal's size, 0 to leave it alone. It takes effect once the container runs;
		 * who wants it from its first moment also writes process.consoleSize to config.json.
		 */
		uint16_t rows;
		uint16_t columns;
	} hello;
	struct {
		const void *data;
		size_t size; /* up to ATTACH_DATA_MAX */
	} bytes;
	struct {
		uint16_t rows;
		uint16_t columns;
	} size;
	uint64_t number;
	struct {
		uint32_t exit_code; /* for the client to exit with: 125, 126, 127 */
		struct err err;
	} failed;
	struct {
		uint32_t exit_code; /* 128 + signal when killed */
		uint32_t signal;
		bool oom;
		int64_t time_ns;
	} exited;
};

/* Reads one message. Only the member that belongs to its type is meaningful. */
int attach_decode(const void *data, size_t size, struct attach_message *ret_message,
		  struct err *err);

/* Writes one message; returns its size, or 0 when the bytes are too many. */
size_t attach_encode(const struct attach_message *message, uint8_t out[ATTACH_MESSAGE_MAX]);

/* Sends one, without SIGPIPE. Returns 0 or -errno; -EAGAIN on a full non-blocking socket. */
int attach_send(int fd, const struct attach_message *message);

/*
 * Receives one into buffer (ATTACH_MESSAGE_MAX bytes), which bytes.data points into. Returns 1, 0
 * when the other side has closed, or negative; -EAGAIN on a non-blocking socket without a message.
 */
int attach_receive(int fd, uint8_t *buffer, struct attach_message *ret_message, struct err *err);

/* A pair for --launch-fd, both ends close-on-exec. */
int attach_pair(int ret_fds[2], struct err *err);

/* The monitor's side: listens at `name` beneath dirfd, mode 0600. Returns the descriptor. */
int attach_listen_at(int dirfd, const char *name, struct err *err);

/*
 * Accepts one client (close-on-exec, non-blocking). Who is neither root nor the monitor's own user
 * is refused with ERR_DENIED. -EAGAIN when there is none.
 */
int attach_accept(int listener, struct err *err);

/* The client's side. ERR_NOT_FOUND: no socket, or nobody behind it: the monitor is gone. */
int attach_connect_at(int dirfd, const char *name, struct err *err);

#endif
