/*
 * state.h - what the parts of a monitor share; private to the room.
 *
 * Purpose    monitor.c holds the order of a container's life, start.c the way to and from the
 *            runtime, loop.c the time between.
 * Units      _ms are CLOCK_MONOTONIC, _ns CLOCK_REALTIME.
 */
#ifndef CORTEN_MONITOR_STATE_H
#define CORTEN_MONITOR_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "monitor/clients.h"
#include "monitor/log.h"
#include "monitor/stdio.h"
#include "monitor/wire/config.h"

struct monitor {
	const struct monitor_config *config;
	struct arena *arena;
	int state_fd;
	int data_fd;
	int signal_fd; /* SIGCHLD */
	int listener;
	int oom_fd;
	int rootfs_fd;
	int lock_fd; /* until the container runs, or does not */
	struct stdio stdio;
	struct log log;
	struct clients clients;
	pid_t init; /* 0 before the start */
	bool ended;
	int status; /* of init, as waitpid() gives it */
	int64_t ended_ns;
	int left_bytes[STDIO_COUNT]; /* after the end: output still to be read */
	int64_t quiet_ms;            /* after the end: when output was last seen */
	uint8_t message[ATTACH_MESSAGE_MAX];
};

int64_t monitor_now_ms(void);
int64_t monitor_now_ns(void);

/*
 * Starts the container and waits until it runs: fills in init. On failure *ret_exit_code is what a
 * command line should exit with.
 */
int monitor_start(struct monitor *monitor, uint32_t *ret_exit_code, struct err *err);

/* Removes the container from the runtime, killing what is left of it. */
int monitor_delete(struct monitor *monitor, struct err *err);

/* Moves bytes until init has ended and its output is drained. */
void monitor_loop(struct monitor *monitor);

/* Handles one message of a client that poll() found readable; the client may be gone afterwards. */
void monitor_serve(struct monitor *monitor, struct client *client);

/* What a failed start should exit with, after the runtime's status and text. */
uint32_t monitor_failure_code(int status, const char *text);

/* The last error of the runtime's log (JSON lines with level and msg), or NULL. */
const char *monitor_runtime_error(const char *log, size_t len, struct arena *arena);

#endif
