/*
 * sync.h - messages between the runtime and the container's first process.
 *
 * One fixed-size message per packet of a SOCK_SEQPACKET pair, or the stage's bare result; a packet of
 * another size is refused, so no length is ever taken from the other side (CVE-2021-43784). Once
 * the payload runs, the pair's inner end is gone.
 */
#ifndef CORTEN_RUNTIME_SYNC_H
#define CORTEN_RUNTIME_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "runtime/stage/plan.h"

enum sync_type {
	SYNC_NAMESPACES = 1, /* child: my namespaces exist; I wait for SYNC_GO */
	SYNC_READY,          /* child: all is set up, the stage waits for `start` */
	SYNC_WARNING,        /* child: text to log */
	SYNC_FAILED,         /* child: err says why; I exit */
	SYNC_GO,             /* parent: go on */
	SYNC_STAGE,          /* the stage failed: result says at what */
	SYNC_CHILD,          /* a helper: pid is the process that it made */
	SYNC_LOOPBACK, /* child: a socket in my network namespace follows, as one more packet */
	SYNC_DEVICES,  /* child: the nodes are made; I wait for SYNC_GO, and the rules */
	SYNC_MOUNTED,  /* child: all is mounted; I wait for SYNC_GO, and the runtime's hooks */
	SYNC_HOOKED,   /* child: the startContainer hooks have run */
	SYNC_EXECUTES, /* the stage is about to execute the payload */
};

struct sync_message {
	uint32_t type;
	int32_t pid;                /* SYNC_CHILD */
	struct stage_result result; /* SYNC_STAGE */
	struct err err;             /* SYNC_FAILED; SYNC_WARNING uses its text */
};

/* A connected pair, close-on-exec. */
int sync_pair(int ret_fds[2], struct err *err);

int sync_send(int fd, enum sync_type type, const struct err *about, struct err *err);

int sync_send_child(int fd, int32_t pid, struct err *err);

/* The same where there is no socket: through a FIFO or whatever else fd may be. */
int sync_write(int fd, enum sync_type type, const struct err *about, struct err *err);

/* Reads one message of sync_write() from a FIFO. Returns -EPIPE, err untouched, at the end. */
int sync_read(int fd, struct sync_message *ret_message, struct err *err);

/* Receives one message. ERR_SYSTEM (EPIPE) "ended before" when the other side is gone. */
int sync_receive(int fd, struct sync_message *ret_message, struct err *err);

/* The error that SYNC_FAILED brought: copies it to err and returns its errno, negative. */
int sync_failure(const struct sync_message *message, struct err *err);

/*
 * Waits for a message of that type: warnings go to `warn`, failures of the other side to err. Any
 * other is ERR_SYSTEM.
 */
int sync_await(int fd, enum sync_type type, void (*warn)(void *context, const char *text),
	       void *context, struct err *err);

/*
 * Waits until the payload runs: warnings go to `warn`, SYNC_STAGE to ret_message (returns 1), failures
 * of the set-up to err. Returns 0 once the inner end is closed by the exec; ERR_SYSTEM (EPIPE) when the
 * process ended before. executes: whether SYNC_EXECUTES came already.
 */
int sync_await_exec(int fd, bool executes, struct sync_message *ret_message,
		    void (*warn)(void *context, const char *text), void *context, struct err *err);

/* The same of the stage alone, through a FIFO. */
int sync_read_exec(int fd, struct stage_result *ret_result, struct err *err);

/* Checks size and content of a packet and makes its error value safe. 0 or -EPROTO. */
int sync_check(struct sync_message *message, uint64_t size);

#endif
