/*
 * client.h - calls over a D-Bus bus: connect, call, wait for signals.
 *
 * Purpose    One connection, one call at a time, blocking with a time-out. Nothing is cached and
 *            nothing runs in the background.
 * Ownership  dbus_open() fills a struct that dbus_close() frees; a closed one may be closed again. A
 *            message that was received is valid until the next one is.
 * Units      Times are milliseconds.
 * Errors     An error reply keeps the sender's words. Its kind: ERR_NOT_FOUND for a unit, object or
 *            service that is not there, ERR_CONFLICT for one that exists already, ERR_DENIED for
 *            policy, ERR_UNSUPPORTED for a method or property that is not known, else ERR_SYSTEM.
 *            ETIMEDOUT when nothing comes.
 */
#ifndef CORTEN_KERN_DBUS_CLIENT_H
#define CORTEN_KERN_DBUS_CLIENT_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fd.h"
#include "kern/dbus/message.h"

#define DBUS_ADDRESS_MAX 1024

struct dbus {
	int fd;
	uint32_t serial;
	struct buf in;
	size_t consumed; /* bytes of `in` that the last message took */
};

#define DBUS_CLOSED ((struct dbus){.fd = FD_NONE})

/*
 * The first entry of a list of addresses that is a unix socket with a path or an abstract name:
 * "unix:path=/run/user/1000/bus,guid=...;...". ERR_INVALID when there is none.
 */
int dbus_address_parse(const char *address, struct sockaddr_un *ret_socket, socklen_t *ret_bytes,
		       struct err *err);

/* Connects, says who we are by the socket's credentials, and greets the bus. */
int dbus_open(const char *address, unsigned timeout_ms, struct dbus *ret_bus, struct err *err);
void dbus_close(struct dbus *bus);

/* Sends a call (`type` and `serial` are filled in) and waits for what is answered. */
int dbus_call(struct dbus *bus, const struct dbus_message *call, unsigned timeout_ms,
	      struct dbus_message *ret_reply, struct err *err);

/* The next message, whatever it is. deadline_ms: of dbus_now_ms(). */
int dbus_next(struct dbus *bus, uint64_t deadline_ms, struct dbus_message *ret_message,
	      struct err *err);

uint64_t dbus_now_ms(void);

#endif
