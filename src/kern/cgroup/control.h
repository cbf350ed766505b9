/*
 * control.h - what can be done to and known of a running container's cgroups.
 *
 * Purpose    Freeze, kill, list processes, statistics, out-of-memory kills.
 * Ownership  Plain values. Lists are the caller's arrays.
 * Errors     ERR_UNSUPPORTED when the host lacks the controller; ERR_NOT_FOUND when the cgroup is
 *            gone; ETIMEDOUT (ERR_SYSTEM) when processes do not freeze in time.
 */
#ifndef CORTEN_KERN_CGROUP_CONTROL_H
#define CORTEN_KERN_CGROUP_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "kern/cgroup/cgroup.h"

#define CGROUP_UNLIMITED UINT64_MAX

/* Waits until all are frozen; on failure they are thawed again. */
int cgroup_freeze(const struct cgroup *cgroup, unsigned timeout_ms, struct err *err);
int cgroup_thaw(const struct cgroup *cgroup, struct err *err);
int cgroup_is_frozen(const struct cgroup *cgroup, bool *ret_frozen, struct err *err);

/*
 * Sends a signal to every process in the cgroup and beneath. SIGKILL uses cgroup.kill where the
 * kernel has it (5.14); elsewhere processes are frozen first where that is possible, so that none
 * escapes by forking, and a frozen container is thawed so that it can die. No processes is not an
 * error.
 */
int cgroup_kill(const struct cgroup *cgroup, int signal, struct err *err);

/*
 * Process ids in the cgroup and beneath, as this pid namespace sees them. More than max:
 * ERR_INVALID (E2BIG).
 */
int cgroup_list_pids(const struct cgroup *cgroup, pid_t *pids, size_t max, size_t *ret_count,
		     struct err *err);

/* Fields that the host does not account are 0, limits that are not set CGROUP_UNLIMITED. */
struct cgroup_stats {
	struct {
		bool known;
		uint64_t usage_bytes;
		uint64_t peak_bytes; /* 0 when the kernel keeps none */
		uint64_t limit_bytes;
		uint64_t swap_usage_bytes;    /* swap alone */
		uint64_t swap_limit_bytes;    /* swap alone */
		uint64_t cache_bytes;         /* page cache */
		uint64_t inactive_file_bytes; /* what `docker stats` takes off the use */
		uint64_t anonymous_bytes;
		uint64_t limit_hits; /* failcnt, or events' max */
		uint64_t oom_kills;
	} memory;
	struct {
		bool known;
		uint64_t usage_ns;
		uint64_t user_ns;
		uint64_t system_ns;
		uint64_t periods;
		uint64_t throttled_periods;
		uint64_t throttled_ns;
	} cpu;
	struct {
		bool known;
		uint64_t current;
		uint64_t limit;
	} pids;
	struct {
		bool known;
		uint64_t read_bytes;
		uint64_t write_bytes;
		uint64_t read_operations;
		uint64_t write_operations;
	} io;
};

int cgroup_read_stats(const struct cgroup *cgroup, struct cgroup_stats *ret_stats, struct err *err);

/*
 * How many processes the kernel killed for the cgroup's memory limit; 0 when it is not accounted.
 */
int cgroup_count_oom_kills(const struct cgroup *cgroup, uint64_t *ret_kills, struct err *err);

#endif
