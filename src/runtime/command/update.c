#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "runtime/command/command.h"
#include "runtime/command/update_flags.h"
#include "runtime/control.h"
#include "runtime/rdt.h"

#define ROW(member, name, value, help) \
	OPTION_ROW(struct update_values, member, name, 0, OPTION_STRING, value, help)

static const struct option options[] = {
	OPTION_HELP(struct update_values),
	OPTION_ROW(struct update_values, resources, "resources", 'r', OPTION_STRING, "FILE",
		   "all new limits as the specification's linux.resources (-: standard input)"),
	ROW(blkio_weight, "blkio-weight", "N", "weight of block I/O, 10 to 1000"),
	ROW(cpu_period, "cpu-period", "MICROSECONDS", "period of the CPU quota"),
	ROW(cpu_quota, "cpu-quota", "MICROSECONDS", "CPU time in each period"),
	ROW(cpu_burst, "cpu-burst", "MICROSECONDS", "unused CPU time that may be saved up"),
	ROW(cpu_share, "cpu-share", "N", "relative weight of CPU time"),
	ROW(cpu_rt_period, "cpu-rt-period", "MICROSECONDS", "period of realtime CPU time"),
	ROW(cpu_rt_runtime, "cpu-rt-runtime", "MICROSECONDS", "realtime CPU time in each period"),
	ROW(cpu_idle, "cpu-idle", "0|1", "1: run only when nothing else does"),
	ROW(cpuset_cpus, "cpuset-cpus", "CPUS", "CPUs to run on, as 0-3,7"),
	ROW(cpuset_mems, "cpuset-mems", "NODES", "memory nodes to use"),
	ROW(kernel_memory, "kernel-memory", "SIZE", "ignored: the kernel has no such limit now"),
	ROW(kernel_memory_tcp, "kernel-memory-tcp", "SIZE", "ignored likewise"),
	ROW(memory, "memory", "SIZE", "limit of memory, as 512m; -1: none"),
	ROW(memory_reservation, "memory-reservation", "SIZE", "memory kept when it runs short"),
	ROW(memory_swap, "memory-swap", "SIZE", "limit of memory and swap together; -1: none"),
	ROW(pids_limit, "pids-limit", "N", "limit of processes; -1: none"),
	ROW(l3_cache_schema, "l3-cache-schema", "SCHEMA",
	    "shares of the L3 cache, as L3:0=ff (Intel RDT)"),
	ROW(mem_bw_schema, "mem-bw-schema", "SCHEMA", "memory bandwidth, as MB:0=20 (Intel RDT)"),
};

static int update_read(const char *path, struct buf *text, struct err *err)
{
	if (strcmp(path, "-") == 0)
		return fd_read_all(STDIN_FILENO, "standard input", text, err);
	return fd_read_file_at(AT_FDCWD, path, text, err);
}

static int update_rdt(const struct update_values *values, struct container *container,
		      struct err *err)
{
	const char *l3 = values->l3_cache_schema, *bandwidth = values->mem_bw_schema;
	bool has_l3 = l3 != NULL && l3[0] != '\0';
	bool has_bandwidth = bandwidth != NULL && bandwidth[0] != '\0';

	if (!has_l3 && !has_bandwidth)
		return 0;
	int rc = rdt_update(container, l3, bandwidth, err);
	return rc < 0 ? err_wrap(err, rc, "%s%s%s", has_l3 ? "--l3-cache-schema" : "",
				 has_l3 && has_bandwidth ? ", " : "",
				 has_bandwidth ? "--mem-bw-schema" : "")
		      : 0;
}

/* As in runc, --resources overrules every other option. */
static int update_limits(const struct update_values *values, struct container *container,
			 struct buf *text, struct update_limits *limits, struct err *err)
{
	if (values->resources == NULL || values->resources[0] == '\0')
		return update_flags_convert(values, limits, err);
	int rc = json_parse(&oci_resources_shape, text->data != NULL ? text->data : "", text->len,
			    &container->arena, &limits->resources, err);
	return rc < 0 ? err_wrap(err, rc, "--resources '%s'", values->resources) : 0;
}

static int update_run(const struct command_globals *globals, void *values_, int argc, char **argv,
		      struct err *err)
{
	const struct update_values *values = values_;
	struct container container;
	struct update_limits limits;
	BUF_AUTO(text, CONFIG_BYTES_MAX);
	int rc = 0;

	(void)argc;
	if (values->resources != NULL && values->resources[0] != '\0')
		rc = update_read(values->resources, &text, err);
	if (rc == 0)
		rc = container_open(globals->root, argv[0], &container, err);
	if (rc < 0)
		return rc;
	rc = update_limits(values, &container, &text, &limits, err);
	if (rc == 0)
		rc = control_update(&container, &limits.resources, globals->warn,
				    globals->log_context, err);
	if (rc == 0)
		rc = update_rdt(values, &container, err);
	container_close(&container);
	return rc;
}

const struct command command_update = {
	.name = "update",
	.operands = "ID",
	.summary = "change a container's resource limits",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.values_size = sizeof(struct update_values),
	.operands_min = 1,
	.operands_max = 1,
	.run = update_run,
};
