#include "runtime/command/update_flags.h"

#include <stdint.h>
#include <string.h>

#include "base/str.h"

static bool flag_is_given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static int flag_signed(const char *name, const char *text, int64_t *value, int64_t **ret_pointer,
		       struct err *err)
{
	if (!flag_is_given(text))
		return 0;
	int rc = str_parse_int64(text, INT64_MIN, INT64_MAX, value, err);
	if (rc < 0)
		return err_wrap(err, rc, "--%s", name);
	*ret_pointer = value;
	return 0;
}

static int flag_unsigned(const char *name, const char *text, uint64_t *value,
			 uint64_t **ret_pointer, struct err *err)
{
	if (!flag_is_given(text))
		return 0;
	int rc = str_parse_uint64(text, UINT64_MAX, value, err);
	if (rc < 0)
		return err_wrap(err, rc, "--%s", name);
	*ret_pointer = value;
	return 0;
}

/* A size, or -1 for no limit. */
static int flag_size(const char *name, const char *text, int64_t *value, int64_t **ret_pointer,
		     struct err *err)
{
	uint64_t bytes = 0;
	int rc = 0;

	if (!flag_is_given(text))
		return 0;
	*value = -1;
	if (strcmp(text, "-1") != 0) {
		rc = str_parse_size(text, INT64_MAX, &bytes, err);
		*value = (int64_t)bytes;
	}
	if (rc < 0)
		return err_wrap(err, rc, "--%s", name);
	*ret_pointer = value;
	return 0;
}

static int flag_weight(const char *text, struct update_limits *limits, struct err *err)
{
	uint64_t weight;

	if (!flag_is_given(text))
		return 0;
	int rc = str_parse_uint64(text, UINT16_MAX, &weight, err);
	if (rc < 0)
		return err_wrap(err, rc, "--blkio-weight");
	if (weight == 0)
		return 0;
	limits->weight = (uint16_t)weight;
	limits->block_io.weight = &limits->weight;
	return 0;
}

static int convert_cpu(const struct update_values *values, struct update_limits *limits,
		       struct err *err)
{
	struct oci_cpu *cpu = &limits->cpu;
	int64_t *number = limits->signed_values;
	uint64_t *natural = limits->unsigned_values;
	int rc = flag_signed("cpu-quota", values->cpu_quota, &number[0], &cpu->quota_us, err);

	if (rc == 0)
		rc = flag_signed("cpu-rt-runtime", values->cpu_rt_runtime, &number[1],
				 &cpu->realtime_runtime_us, err);
	if (rc == 0)
		rc = flag_signed("cpu-idle", values->cpu_idle, &number[2], &cpu->idle, err);
	if (rc == 0)
		rc = flag_unsigned("cpu-period", values->cpu_period, &natural[0], &cpu->period_us,
				   err);
	if (rc == 0)
		rc = flag_unsigned("cpu-rt-period", values->cpu_rt_period, &natural[1],
				   &cpu->realtime_period_us, err);
	if (rc == 0)
		rc = flag_unsigned("cpu-burst", values->cpu_burst, &natural[2], &cpu->burst_us,
				   err);
	if (rc == 0)
		rc = flag_unsigned("cpu-share", values->cpu_share, &natural[3], &cpu->shares, err);
	if (flag_is_given(values->cpuset_cpus))
		cpu->cpus = values->cpuset_cpus;
	if (flag_is_given(values->cpuset_mems))
		cpu->mems = values->cpuset_mems;
	return rc;
}

static int convert_memory(const struct update_values *values, struct update_limits *limits,
			  struct err *err)
{
	struct oci_memory *memory = &limits->memory;
	int64_t *number = limits->signed_values + 3;
	int rc = flag_size("memory", values->memory, &number[0], &memory->limit_bytes, err);

	if (rc == 0)
		rc = flag_size("memory-swap", values->memory_swap, &number[1], &memory->swap_bytes,
			       err);
	if (rc == 0)
		rc = flag_size("memory-reservation", values->memory_reservation, &number[2],
			       &memory->reservation_bytes, err);
	if (rc == 0)
		rc = flag_size("kernel-memory", values->kernel_memory, &number[3],
			       &memory->kernel_bytes, err);
	if (rc == 0)
		rc = flag_size("kernel-memory-tcp", values->kernel_memory_tcp, &number[4],
			       &memory->kernel_tcp_bytes, err);
	return rc;
}

int update_flags_convert(const struct update_values *values, struct update_limits *ret_limits,
			 struct err *err)
{
	*ret_limits = (struct update_limits){.weight = 0};
	int rc = convert_cpu(values, ret_limits, err);
	if (rc == 0)
		rc = convert_memory(values, ret_limits, err);
	if (rc == 0)
		rc = flag_weight(values->blkio_weight, ret_limits, err);
	if (rc == 0)
		rc = flag_signed("pids-limit", values->pids_limit, &ret_limits->signed_values[8],
				 &ret_limits->pids.limit, err);
	ret_limits->resources.cpu = &ret_limits->cpu;
	ret_limits->resources.memory = &ret_limits->memory;
	ret_limits->resources.pids = &ret_limits->pids;
	ret_limits->resources.block_io = &ret_limits->block_io;
	return rc;
}
