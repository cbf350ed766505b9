/*
 * monitor.h - the process that stays beside a running container.
 *
 * Purpose    Starts the container through the runtime, carries its stdio to the log and to attached
 *            clients, records its end, cleans up. wire/config.h tells the whole contract.
 * Ownership  monitor_run() owns the descriptors from its call on.
 * Errors     Those after the clients are known are told to them and recorded in the journal;
 *            the return value is for the exit status of the process alone.
 */
#ifndef CORTEN_MONITOR_MONITOR_H
#define CORTEN_MONITOR_MONITOR_H

#include "base/err.h"
#include "monitor/wire/config.h"

/* What the starting process has handed over; FD_NONE for none. */
struct monitor_fds {
	int launch;
	int rootfs;
	int lock;
};

/* Leaves the caller's session and stdio; becomes the reaper of what it will start. */
int monitor_detach(struct err *err);

/* From the start to the end of a container. With an exit command it does not return. */
int monitor_run(const struct monitor_config *config, const struct monitor_fds *fds,
		struct arena *arena, struct err *err);

#endif
