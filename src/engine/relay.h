/*
 * relay.h - the standard streams of a process in a container, kept apart from the caller's own.
 *
 * Purpose    The process gets pipes, never a descriptor of the caller's: through /proc/self/fd it could
 *            open a file of the host anew, with other rights, or keep a terminal.
 * Ownership  relay_close() closes what is left of the pipes; the caller's 0, 1 and 2 stay open.
 * Signals    A reader that is gone raises SIGPIPE in the caller, who blocks it.
 */
#ifndef CORTEN_ENGINE_RELAY_H
#define CORTEN_ENGINE_RELAY_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define RELAY_STREAMS 3
#define RELAY_BYTES   65536

/* One direction. What has been read and not yet written lies in data[begin, end). */
struct relay_stream {
	int from;     /* FD_NONE once nothing more is read */
	int to;       /* FD_NONE once nothing more is written */
	int own;      /* the pipe's end among the two, non-blocking */
	int theirs;   /* the process's end, until relay_started() */
	bool bounded; /* no more than `left` bytes are read */
	size_t left;
	size_t begin, end;
	uint8_t data[RELAY_BYTES];
};

struct relay {
	struct relay_stream streams[RELAY_STREAMS];
};

/* Nothing to copy: what a relay is before relay_open() and after relay_close(). */
void relay_init(struct relay *relay);

/* Makes the pipes, which belong to the user uid. Without want_stdin there is none for the input. */
int relay_open(struct relay *relay, bool want_stdin, uid_t uid, struct err *err);

/* The process has its ends: closes them here. */
void relay_started(struct relay *relay);

/* What to poll for: fills RELAY_STREAMS entries, those with nothing to wait for with fd -1. */
void relay_poll(const struct relay *relay, struct pollfd *fds);

/* Copies what those entries allow. */
void relay_move(struct relay *relay, const struct pollfd *fds);

/*
 * The process has ended: its input is closed, and of its outputs only what is in the pipes now is still
 * copied; children that it left behind may keep them open and write on.
 */
void relay_ended(struct relay *relay);

/* Nothing is left to copy. */
bool relay_is_done(const struct relay *relay);

void relay_close(struct relay *relay);

#endif
