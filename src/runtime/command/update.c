#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "runtime/command/command.h"
#include "runtime/command/update_flags.h"
#include "runtime/control.h"

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
	ROW(l3_cache_schema, "l3-cache-schema", "SCHEMA", "not built yet: refused"),
	ROW(mem_bw_schema, "mem-bw-schema", "SCHEMA", "not built yet: refused"),
};

static int update_read(const char *path, struct buf *text, struct err *err)
{
	if (strcmp(path, "-") == 0)
		return fd_read_all(STDIN_FILENO, "standard input", text, err);
	return fd_read_file_at(AT_FDCWD, path, text, err);
}

static int update_check(const struct update_values *values, struct err *err)
{
	const struct {
		const char *value;
		const char *name;
	} rdt[] = {{values->l3_cache_schema, "l3-cache-schema"},
		   {values->mem_bw_schema, "mem-bw-schema"}};

	for (size_t i = 0; i < 2; i++)
		if (rdt[i].value != NULL && rdt[i].value[0] != '\0')
			return err_set(err, ERR_UNSUPPORTED, 0,
				       "--%s: Intel RDT schemas are not built yet", rdt[i].name);
	return 0;
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
	int rc = update_check(values, err);

	(void)argc;
	if (rc == 0 && values->resources != NULL && values->resources[0] != '\0')
		rc = update_read(values->resources, &text, err);
	if (rc == 0)
		rc = container_open(globals->root, argv[0], &container, err);
	if (rc < 0)
		return rc;
	rc = update_limits(values, &container, &text, &limits, err);
	if (rc == 0)
		rc = control_update(&container, &limits.resources, globals->warn,
				    globals->log_context, err);
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
