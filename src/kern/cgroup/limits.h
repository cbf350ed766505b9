/*
 * limits.h - a container's resource limits, and writing them to its cgroups.
 *
 * Purpose    OCI's linux.resources in a plain form that v1 and v2 are both written from.
 * Values     A NULL pointer or an empty list is "leave as it is" and needs no controller. -1 is
 *            unlimited. As in runc, 0 is "leave as it is" too, except where a comment says more.
 *            OCI speaks v1; conversions to v2 are runc's.
 * Ownership  Everything pointed to stays the caller's.
 * Errors     ERR_UNSUPPORTED names OCI's field and the controller that is not there; ERR_INVALID a
 *            value that the kernel refuses. What is ignored on purpose comes back as a bit of
 *            enum cgroup_warning.
 */
#ifndef CORTEN_KERN_CGROUP_LIMITS_H
#define CORTEN_KERN_CGROUP_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "kern/cgroup/cgroup.h"
#include "kern/cgroup/devices.h"

struct cgroup_memory {
	const int64_t *limit_bytes;
	const int64_t *reservation_bytes;
	const int64_t *swap_bytes;       /* memory and swap together */
	const int64_t *kernel_bytes;     /* ignored with a warning */
	const int64_t *kernel_tcp_bytes; /* ignored with a warning */
	const uint64_t *swappiness;      /* 0 to 100, 0 is a value; v1 */
	const bool *disable_oom_killer;  /* v1 */
	const bool *use_hierarchy;       /* v1; false is ignored with a warning */
	bool check_before_update;        /* refuse a limit below the present use; v2 */
};

struct cgroup_cpu {
	const uint64_t *shares;
	const int64_t *quota_us;
	const uint64_t *period_us;
	const uint64_t *burst_us;           /* 0 is a value */
	const int64_t *realtime_runtime_us; /* v1 */
	const uint64_t *realtime_period_us; /* v1 */
	const int64_t *idle;                /* 0 is a value */
	const char *cpus;                   /* NULL or "": leave */
	const char *mems;
};

struct cgroup_weight_device {
	int64_t major;
	int64_t minor;
	const uint16_t *weight;
	const uint16_t *leaf_weight; /* v1 */
};

struct cgroup_throttle_device {
	int64_t major;
	int64_t minor;
	uint64_t rate; /* bytes or operations a second; 0 lifts the limit */
};

struct cgroup_weight_devices {
	const struct cgroup_weight_device *items;
	size_t count;
};

struct cgroup_throttle_devices {
	const struct cgroup_throttle_device *items;
	size_t count;
};

struct cgroup_block_io {
	const uint16_t *weight;      /* 10 to 1000 */
	const uint16_t *leaf_weight; /* v1 */
	struct cgroup_weight_devices weight_devices;
	struct cgroup_throttle_devices read_bps;
	struct cgroup_throttle_devices write_bps;
	struct cgroup_throttle_devices read_iops;
	struct cgroup_throttle_devices write_iops;
};

struct cgroup_hugepage_limit {
	const char *page_size; /* "2MB" */
	uint64_t limit_bytes;  /* 0 is a value */
};

struct cgroup_interface_priority {
	const char *name;
	uint32_t priority;
};

struct cgroup_rdma_limit {
	const char *device;
	const uint32_t *handles;
	const uint32_t *objects;
};

struct cgroup_setting {
	const char *file;  /* "memory.high" */
	const char *value; /* lines are written one by one */
};

struct cgroup_limits {
	struct cgroup_memory memory;
	struct cgroup_cpu cpu;
	const int64_t *pids; /* 0 becomes 1 */
	struct cgroup_block_io block_io;
	const struct cgroup_hugepage_limit *hugepages;
	size_t hugepage_count;
	const uint32_t *network_class;                              /* v1 */
	const struct cgroup_interface_priority *network_priorities; /* v1 */
	size_t network_priority_count;
	const struct cgroup_rdma_limit *rdma;
	size_t rdma_count;
	const struct cgroup_setting *unified; /* v2 */
	size_t unified_count;
	const struct cgroup_device_rule *devices; /* in order, see devices.h */
	size_t device_count;
};

enum cgroup_warning {
	CGROUP_WARN_KERNEL_MEMORY = 1,
	CGROUP_WARN_USE_HIERARCHY = 2,
	CGROUP_WARN_DEVICES = 4,       /* no right to filter devices in this user namespace */
	CGROUP_WARN_SWAPPINESS = 8,    /* v2 has none */
	CGROUP_WARN_OOM_KILLER = 16,   /* v2 cannot disable it */
	CGROUP_WARN_NETWORK = 32,      /* v2 has neither classID nor priorities */
	CGROUP_WARN_REALTIME = 64,     /* v2 has none */
	CGROUP_WARN_LEAF_WEIGHT = 128, /* v2 has none */
	CGROUP_WARN_BURST = 256,       /* the kernel lacks it */
};

/*
 * OCI's name of a limit that is asked for, NULL when none is. Devices, of which the runtime always has a
 * list, do not count.
 */
const char *cgroup_limits_asked(const struct cgroup_limits *limits);

/* Whether this process is in a user namespace that is not the first. Unknown reads as no. */
bool cgroup_in_user_namespace(void);

/* A line for people, for one bit. */
const char *cgroup_warning_text(enum cgroup_warning warning);

/*
 * Writes limits to cgroups that cgroup_create() made and no process is in yet, and gives a v1
 * cpuset its parent's processors and nodes where the limits name none. ret_warnings gets bits.
 */
int cgroup_apply(const struct cgroup *cgroup, const struct cgroup_limits *limits,
		 uint32_t *ret_warnings, struct err *err);

/*
 * The same while the container runs: memory and swap are written in the order that the kernel
 * accepts.
 */
int cgroup_update(const struct cgroup *cgroup, const struct cgroup_limits *limits,
		  uint32_t *ret_warnings, struct err *err);

/* Conversions from v1 to v2. 0 is unset and stays 0. */
uint64_t cgroup_weight_of_shares(uint64_t shares);
uint64_t cgroup_io_weight_of_blkio(uint16_t weight);

/*
 * v2's limit of swap alone from v1's of memory and swap together. *ret_set is false where the limit
 * is to be left as it is; -1 is unlimited.
 */
int cgroup_swap_of_memsw(int64_t memsw_bytes, int64_t memory_bytes, bool *ret_set,
			 int64_t *ret_swap_bytes, struct err *err);

#endif
