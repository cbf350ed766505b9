/*
 * stdio.h - the monitor's ends of a container's stdin, stdout and stderr, or of its terminal.
 *
 * Ownership  The struct owns all of its descriptors and the pending input.
 * Memory     Input that the container does not take yet is held back at the clients, but for one
 *            message.
 */
#ifndef CORTEN_MONITOR_STDIO_H
#define CORTEN_MONITOR_STDIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { STDIO_IN, STDIO_OUT, STDIO_ERR, STDIO_COUNT };

struct stdio {
	int ours[STDIO_COUNT];   /* FD_NONE where there is none; a terminal is STDIO_OUT alone */
	int theirs[STDIO_COUNT]; /* for the runtime's start; later a terminal's slave, held open */
	int console_listener;    /* where the runtime sends the terminal's master */
	bool tty;
	uint16_t rows; /* a size asked for before the terminal is there; 0: none */
	uint16_t columns;
	char *pending; /* input not yet taken */
	size_t pending_size;
	size_t pending_at;
	bool close_after; /* stdin is closed when nothing is pending */
};

void stdio_init(struct stdio *stdio, bool tty);

/*
 * Makes pipes (stdin is /dev/null unless with_input), or for a terminal the console socket `name`
 * beneath state_fd.
 */
int stdio_open(struct stdio *stdio, bool with_input, int state_fd, const char *name,
	       struct err *err);

/* After the runtime's start: closes the container's ends and takes the terminal over. */
int stdio_started(struct stdio *stdio, struct err *err);

/* Before the container's end: stream `which` has reached its end. A terminal may be opened again. */
void stdio_hung_up(struct stdio *stdio, int which);

/* After the container's end: a terminal now ends when its last user is gone. */
void stdio_let_go(struct stdio *stdio);

void stdio_close(struct stdio *stdio);

/* The descriptor that input goes to, FD_NONE when stdin is closed. */
int stdio_input_fd(const struct stdio *stdio);

/* Takes input; only while stdio_has_room(). -EPIPE when stdin is closed. */
int stdio_input(struct stdio *stdio, const void *data, size_t size);

static inline bool stdio_has_room(const struct stdio *stdio)
{
	return stdio->pending_size == stdio->pending_at;
}

/* Writes pending input after POLLOUT. */
void stdio_push(struct stdio *stdio);

/* Closes stdin once all input is taken. A terminal stays open. */
void stdio_end_input(struct stdio *stdio);

/* Sets the terminal's size, now or when it comes. -ENOTTY without one. */
int stdio_resize(struct stdio *stdio, uint16_t rows, uint16_t columns);

#endif
