/* update_flags.h - the limits that `update` takes as options, as the specification's resources. */
#ifndef CORTEN_RUNTIME_COMMAND_UPDATE_FLAGS_H
#define CORTEN_RUNTIME_COMMAND_UPDATE_FLAGS_H

#include "oci/resources.h"
#include "runtime/command/options.h"

struct update_values {
	bool help;
	const char *resources;
	const char *blkio_weight;
	const char *cpu_period;
	const char *cpu_quota;
	const char *cpu_burst;
	const char *cpu_share;
	const char *cpu_rt_period;
	const char *cpu_rt_runtime;
	const char *cpu_idle;
	const char *cpuset_cpus;
	const char *cpuset_mems;
	const char *kernel_memory;
	const char *kernel_memory_tcp;
	const char *memory;
	const char *memory_reservation;
	const char *memory_swap;
	const char *pids_limit;
	const char *l3_cache_schema;
	const char *mem_bw_schema;
};

/* What the resources point into. */
struct update_limits {
	struct oci_resources resources;
	struct oci_memory memory;
	struct oci_cpu cpu;
	struct oci_pids pids;
	struct oci_block_io block_io;
	int64_t signed_values[10];
	uint64_t unsigned_values[6];
	uint16_t weight;
};

/*
 * An option that is absent or "" asks for nothing. Sizes are runc's ("512m", -1 for none). ERR_INVALID
 * names the option.
 */
int update_flags_convert(const struct update_values *values, struct update_limits *ret_limits,
			 struct err *err);

#endif
