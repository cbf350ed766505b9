/*
 * clients.h - who is attached to a container, and what each has yet to be shown.
 *
 * Purpose    Output goes to every client that wants it, without a queue of the monitor's own: a
 *            message is taken by the client's socket at once, or it is counted as lost. A paced
 *            client is asked before: clients_ready().
 * Ownership  The table owns its sockets.
 * Units      Times are milliseconds of CLOCK_MONOTONIC.
 */
#ifndef CORTEN_MONITOR_CLIENTS_H
#define CORTEN_MONITOR_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "monitor/wire/attach.h"

#define CLIENTS_MAX 32

struct client {
	int fd;
	uint16_t flags;     /* enum attach_flag; 0 before HELLO */
	bool greeted;       /* has said HELLO */
	bool slow;          /* paced, but has stalled for too long */
	int64_t stalled_ms; /* since when it has held output back, 0 when it does not */
	uint64_t lost_bytes;
};

struct clients {
	struct client list[CLIENTS_MAX];
	size_t count;
};

/* Takes fd over; closes it when the table is full. NULL then. */
struct client *clients_add(struct clients *clients, int fd);

/* Closes the client's socket. Pointers into the list are void afterwards. */
void clients_remove(struct clients *clients, struct client *client);

void clients_done(struct clients *clients);

/*
 * Whether every paced client that wants `flag` (ATTACH_WANT_STDOUT or _STDERR) can take a message
 * now. One that has stalled for timeout_ms is counted out.
 */
bool clients_ready(struct clients *clients, unsigned flag, int64_t now_ms, unsigned timeout_ms);

/* When clients_ready() may change by the passing of time alone; -1: never. */
int64_t clients_deadline(const struct clients *clients, unsigned timeout_ms);

/* Shows output to all that want it. type: ATTACH_STDOUT or ATTACH_STDERR. */
void clients_output(struct clients *clients, enum attach_type type, const char *data, size_t size);

/* Sends to one. Returns 0 or -errno. What it has lost is told first. */
int clients_send(struct client *client, const struct attach_message *message);

/* Sends to all that have said HELLO, waiting up to timeout_ms in all for those that pace or clean. */
void clients_tell_all(struct clients *clients, const struct attach_message *message,
		      unsigned timeout_ms);

#endif
