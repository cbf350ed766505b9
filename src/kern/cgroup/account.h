/*
 * account.h - all that the kernel accounts for a container's cgroups, in detail.
 *
 * Purpose    What `events` shows: control.h's statistics, and beside them each processor, each key of
 *            memory.stat, each block device, huge pages, cpusets and pressure.
 * Ownership  Plain data of some 100 KiB; the caller's.
 * Units      Bytes and nanoseconds; pressure as the kernel has it (per cent, and microseconds in all).
 * Errors     What the host does not account is absent: a count of 0, or known false.
 */
#ifndef CORTEN_KERN_CGROUP_ACCOUNT_H
#define CORTEN_KERN_CGROUP_ACCOUNT_H

#include "kern/cgroup/control.h"

#define CGROUP_CPUS_MAX       1024
#define CGROUP_MEMORY_KEY_MAX 128
#define CGROUP_IO_ENTRIES_MAX 256
#define CGROUP_PAGE_SIZES_MAX 8
#define CGROUP_NAME_MAX       48

struct cgroup_counter {
	uint64_t limit; /* none: CGROUP_UNLIMITED on v2, on v1 the number that the kernel writes */
	uint64_t usage;
	uint64_t peak;
	uint64_t limit_hits;
};

struct cgroup_key {
	char name[CGROUP_NAME_MAX];
	uint64_t value;
};

enum cgroup_io_kind {
	CGROUP_IO_SERVICE_BYTES,
	CGROUP_IO_SERVICED,
	CGROUP_IO_QUEUED,
	CGROUP_IO_SERVICE_TIME,
	CGROUP_IO_WAIT_TIME,
	CGROUP_IO_MERGED,
	CGROUP_IO_TIME,
	CGROUP_IO_SECTORS,
	CGROUP_IO_KINDS,
};

struct cgroup_io_entry {
	uint64_t major;
	uint64_t minor;
	char operation[16]; /* "Read"; "" where the kernel does not tell them apart */
	uint64_t value;
};

struct cgroup_io_list {
	size_t count;
	struct cgroup_io_entry entries[CGROUP_IO_ENTRIES_MAX];
};

struct cgroup_pages {
	char size[16]; /* "2MB" */
	struct cgroup_counter counter;
};

struct cgroup_pressure_line {
	double avg10, avg60, avg300;
	uint64_t total;
};

struct cgroup_pressure {
	bool known;
	struct cgroup_pressure_line some, full;
};

/* v1's; in runc's order. */
enum cgroup_cpuset_flag {
	CGROUP_CPUSET_CPU_EXCLUSIVE,
	CGROUP_CPUSET_MEM_HARDWALL,
	CGROUP_CPUSET_MEM_EXCLUSIVE,
	CGROUP_CPUSET_MEMORY_MIGRATE,
	CGROUP_CPUSET_MEMORY_SPREAD_PAGE,
	CGROUP_CPUSET_MEMORY_SPREAD_SLAB,
	CGROUP_CPUSET_MEMORY_PRESSURE,
	CGROUP_CPUSET_SCHED_LOAD_BALANCE,
	CGROUP_CPUSET_SCHED_RELAX_DOMAIN_LEVEL,
	CGROUP_CPUSET_FLAGS,
};

struct cgroup_account {
	struct cgroup_stats stats;
	size_t cpu_count;
	uint64_t per_cpu_ns[CGROUP_CPUS_MAX];
	size_t cpu_mode_count;
	uint64_t per_cpu_user_ns[CGROUP_CPUS_MAX];
	uint64_t per_cpu_system_ns[CGROUP_CPUS_MAX];
	struct {
		bool known;
		char cpus[1024]; /* "0-3,7" */
		char mems[1024];
		int64_t flags[CGROUP_CPUSET_FLAGS];
	} cpuset;
	struct cgroup_counter memory, memory_swap, kernel,
		kernel_tcp; /* memory_swap: both together */
	size_t memory_key_count;
	struct cgroup_key memory_keys[CGROUP_MEMORY_KEY_MAX];
	struct cgroup_io_list io[CGROUP_IO_KINDS];
	size_t page_size_count;
	struct cgroup_pages pages[CGROUP_PAGE_SIZES_MAX];
	struct cgroup_pressure cpu_pressure, memory_pressure, io_pressure;
};

/* Fails as cgroup_read_stats() does. */
int cgroup_read_account(const struct cgroup *cgroup, struct cgroup_account *ret_account,
			struct err *err);

/* The parts that read text, apart for tests and fuzzing. Lines that make no sense are passed over. */
void cgroup_parse_io_v1(const char *text, struct cgroup_io_list *list);
void cgroup_parse_io_v2(const char *text, struct cgroup_io_list *bytes,
			struct cgroup_io_list *operations);
void cgroup_parse_pressure(const char *text, struct cgroup_pressure *pressure);
size_t cgroup_parse_keys(const char *text, struct cgroup_key *keys, size_t max);

#endif
