/*
 * control.h - a container after its creation: start, kill, delete.
 */
#ifndef CORTEN_RUNTIME_CONTROL_H
#define CORTEN_RUNTIME_CONTROL_H

#include <stdbool.h>

#include "base/err.h"
#include "kern/cgroup/cgroup.h"
#include "runtime/container.h"

/*
 * Lets a created container's payload run; returns once its exec worked, or with the cause. When a
 * startContainer or poststart hook fails, the container is killed and deleted. With the caller's
 * NOTIFY_SOCKET, and if the container was created with one, also waits until it is ready.
 */
int control_start(struct container *container, const char *notify_socket,
		  void (*warn)(void *context, const char *text), void *context, struct err *err);

/* Signals the first process, or with `all` every process. */
int control_kill(struct container *container, int signal, bool all, struct err *err);

/*
 * Removes a stopped container: its cgroup and its state; its poststop hooks run then. force: kills
 * it first. Whatever a killed create left is removed too. A failing hook is a warning, no error.
 */
int control_delete(struct container *container, bool force,
		   void (*warn)(void *context, const char *text), void *context, struct err *err);

/* Freezes or thaws every process. ERR_CONFLICT when it does not run, or is in that state already. */
int control_pause(struct container *container, bool pause, struct err *err);

/* Gives the cgroup new limits; `resources` is the specification's object. */
int control_update(struct container *container, const struct oci_resources *resources,
		   void (*warn)(void *context, const char *text), void *context, struct err *err);

/* The container's cgroup as its record has it; the host is closed by the caller. */
int control_open_cgroup(const struct container *container, struct cgroup_host *ret_host,
			struct cgroup *ret_cgroup, struct err *err);

/* Its processes, as this PID namespace numbers them; none once it is stopped. */
int control_list_pids(const struct container *container, pid_t *pids, size_t max, size_t *ret_count,
		      struct err *err);

/* container_status(), and OCI_STATUS_PAUSED for one that is frozen. */
enum oci_status control_status(const struct container *container);

/* Whether processes of the container, whose config is loaded, can outlive its first one. */
bool control_shares_pids(const struct container *container);

/*
 * Runs poststart hooks, which may take any time: meanwhile others have the container's lock, and may delete it
 * (*ret_gone). A failure stops the container, as the specification says.
 */
int control_poststart(struct container *container, bool *ret_gone, struct err *err);

/* "TERM", "SIGTERM", "15" to 15; ERR_INVALID. */
int control_parse_signal(const char *text, int *ret_signal, struct err *err);

#endif
