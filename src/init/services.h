/*
 * services.h - the system containers: started, and started again when they end.
 *
 * Purpose    A container that ends is started again after a pause, which doubles from 0.1 s up to
 *            30 s and starts over once the container has run for 10 s.
 * Ownership  services_load() allocates; services_done() frees. Children are reaped by the caller.
 * Units      Times are milliseconds of CLOCK_MONOTONIC.
 * Errors     One unit that cannot be read, or started, does not keep the others from running.
 */
#ifndef CORTEN_INIT_SERVICES_H
#define CORTEN_INIT_SERVICES_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "init/unit.h"

#define SERVICES_MAX           64
#define SERVICE_PAUSE_FIRST_MS 100
#define SERVICE_PAUSE_LAST_MS  30000
#define SERVICE_STEADY_MS      10000

struct service {
	struct unit *unit;
	pid_t pid;         /* 0: not running */
	bool clearing;     /* pid is of the command that removes a leftover of the last run */
	int64_t since_ms;  /* running: since; not running: due at */
	unsigned pause_ms; /* before the next start */
};

struct services {
	const char *program;     /* corten */
	const sigset_t *signals; /* the mask of what is started */
	struct service list[SERVICES_MAX];
	size_t count;
	/* Lines for the console: what happened to which container. */
	void (*tell)(const char *name, const char *what, int code);
	void (*tell_error)(const struct err *err);
};

/* Reads the units of a folder, in the order of their names. Fails only when memory is out. */
int services_load(struct services *services, const char *folder, struct err *err);

/* Starts what is due. Returns the time of the next start, -1 when nothing waits. */
int64_t services_start_due(struct services *services, int64_t now_ms);

/* Tells of a child's end; one that is no service's is none of its business. */
void services_ended(struct services *services, pid_t pid, int status, int64_t now_ms);

/* Signals all that run. Returns how many that is. */
size_t services_signal(const struct services *services, int sig);

void services_done(struct services *services);

#endif
