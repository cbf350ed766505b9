#include "engine/spec/resources.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "engine/spec/list.h"
#include "engine/spec/value.h"
#include "kern/rlimit/rlimit.h"

#define MEMORY_LEAST   (6 * 1024 * 1024)
#define CPU_PERIOD_US  100000
#define NANO_CPU       1000000000LL
#define CPU_LEAST_NANO 10000000LL /* 0.01 */

struct builder {
	const struct engine_options *options;
	const struct spec_host *host;
	struct arena *arena;
	struct oci_linux *config;
	json_strings *warnings;
};

static int64_t *new_int64(struct arena *arena, int64_t value)
{
	int64_t *at = arena_alloc(arena, sizeof(*at));

	if (at != NULL)
		*at = value;
	return at;
}

static int warn(struct builder *b, const char *text, struct err *err)
{
	return text == NULL ? list_no_memory(err)
			    : list_push_text(b->warnings, text, b->arena, err);
}

static int build_swap(struct builder *b, int64_t limit, struct oci_memory *memory, struct err *err)
{
	const char *text = b->options->memory_swap;
	int64_t swap = limit > 0 ? limit * 2 : 0;

	if (text != NULL) {
		int rc = value_parse_size(text, true, &swap, err);
		if (rc < 0)
			return err_wrap(err, rc, "--memory-swap");
		if (swap > 0 && limit <= 0)
			return err_set(err, ERR_INVALID, 0,
				       "You should always set the Memory limit when using "
				       "Memoryswap limit");
		if (swap > 0 && swap < limit)
			return err_set(
				err, ERR_INVALID, 0,
				"Minimum memoryswap limit should be larger than memory limit");
		if (swap == 0)
			swap = limit * 2;
	}
	if (swap == 0)
		return 0;
	if (!b->host->swap_limit)
		return swap == -1 ? 0
				  : warn(b,
					 "This kernel does not limit swap, or its cgroup is not "
					 "mounted: "
					 "memory is limited without swap.",
					 err);
	memory->swap_bytes = new_int64(b->arena, swap);
	return memory->swap_bytes == NULL ? list_no_memory(err) : 0;
}

static int build_memory(struct builder *b, struct oci_resources *resources, struct err *err)
{
	const struct engine_options *o = b->options;
	int64_t limit = 0, reservation = 0;

	if (o->memory != NULL) {
		int rc = value_parse_size(o->memory, false, &limit, err);
		if (rc < 0)
			return err_wrap(err, rc, "--memory");
		if (limit != 0 && limit < MEMORY_LEAST)
			return err_set(err, ERR_INVALID, 0, "Minimum memory limit allowed is 6MB");
		if (limit > INT64_MAX / 2)
			return err_set(err, ERR_INVALID, 0, "--memory: '%s' is too large",
				       o->memory);
	}
	if (o->memory_reservation != NULL) {
		int rc = value_parse_size(o->memory_reservation, false, &reservation, err);
		if (rc < 0)
			return err_wrap(err, rc, "--memory-reservation");
		if (limit > 0 && reservation > limit)
			return err_set(err, ERR_INVALID, 0,
				       "Minimum memory limit can not be less than memory "
				       "reservation limit");
	}
	if (limit == 0 && reservation == 0 && o->memory_swap == NULL && !o->oom_kill_disable)
		return 0;
	struct oci_memory *memory = arena_alloc(b->arena, sizeof(*memory));
	if (memory == NULL)
		return list_no_memory(err);
	resources->memory = memory;
	if (limit > 0 && (memory->limit_bytes = new_int64(b->arena, limit)) == NULL)
		return list_no_memory(err);
	if (reservation > 0 &&
	    (memory->reservation_bytes = new_int64(b->arena, reservation)) == NULL)
		return list_no_memory(err);
	if (o->oom_kill_disable) {
		memory->disable_oom_killer = arena_alloc(b->arena, sizeof(bool));
		if (memory->disable_oom_killer == NULL)
			return list_no_memory(err);
		*memory->disable_oom_killer = true;
	}
	return build_swap(b, limit, memory, err);
}

static int cpu_number(struct builder *b, const char *text, const char *name, int64_t min,
		      int64_t max, int64_t **ret_value, struct err *err)
{
	int64_t value = 0;

	if (text == NULL)
		return 0;
	int rc = value_parse_int(text, name, min, max, &value, err);
	if (rc < 0 || value == 0)
		return rc;
	*ret_value = new_int64(b->arena, value);
	return *ret_value == NULL ? list_no_memory(err) : 0;
}

static int build_cpus(struct builder *b, struct oci_cpu *cpu, struct err *err)
{
	const struct engine_options *o = b->options;
	int64_t nano = 0;

	if (o->cpus == NULL)
		return 0;
	if (o->cpu_quota != NULL || o->cpu_period != NULL)
		return err_set(err, ERR_INVALID, 0,
			       "Conflicting options: --cpus and --cpu-quota or --cpu-period cannot "
			       "both be set");
	int rc = value_parse_cpus(o->cpus, &nano, err);
	if (rc < 0)
		return err_wrap(err, rc, "--cpus");
	if (nano == 0)
		return 0;
	if (nano < CPU_LEAST_NANO || nano > (int64_t)b->host->cpu_count * NANO_CPU)
		return err_set(err, ERR_INVALID, 0,
			       "Range of CPUs is from 0.01 to %" PRIu32
			       ".00, as there are only %" PRIu32 " CPUs available",
			       b->host->cpu_count, b->host->cpu_count);
	cpu->quota_us = new_int64(b->arena, nano / (NANO_CPU / CPU_PERIOD_US));
	cpu->period_us = arena_alloc(b->arena, sizeof(uint64_t));
	if (cpu->quota_us == NULL || cpu->period_us == NULL)
		return list_no_memory(err);
	*cpu->period_us = CPU_PERIOD_US;
	return 0;
}

static int build_cpu(struct builder *b, struct oci_resources *resources, struct err *err)
{
	const struct engine_options *o = b->options;
	struct oci_cpu cpu = {.cpus = o->cpuset_cpus, .mems = o->cpuset_mems};
	int64_t *shares = NULL, *period = NULL;

	int rc = cpu_number(b, o->cpu_shares, "--cpu-shares", 0, 262144, &shares, err);
	if (rc == 0)
		rc = cpu_number(b, o->cpu_quota, "--cpu-quota", -1, INT64_MAX, &cpu.quota_us, err);
	if (rc == 0)
		rc = cpu_number(b, o->cpu_period, "--cpu-period", 0, 1000000, &period, err);
	if (rc < 0)
		return rc;
	/* Positive, so the bits of an int64_t are those of a uint64_t. */
	cpu.shares = (uint64_t *)shares;
	cpu.period_us = (uint64_t *)period;
	rc = build_cpus(b, &cpu, err);
	if (rc < 0)
		return rc;
	if (cpu.shares == NULL && cpu.quota_us == NULL && cpu.period_us == NULL &&
	    cpu.cpus == NULL && cpu.mems == NULL)
		return 0;
	resources->cpu = arena_alloc(b->arena, sizeof(cpu));
	if (resources->cpu == NULL)
		return list_no_memory(err);
	*resources->cpu = cpu;
	return 0;
}

static int build_pids(struct builder *b, struct oci_resources *resources, struct err *err)
{
	int64_t limit = 0;

	if (b->options->pids_limit == NULL)
		return 0;
	int rc =
		value_parse_int(b->options->pids_limit, "--pids-limit", -1, INT64_MAX, &limit, err);
	if (rc < 0 || limit <= 0)
		return rc;
	resources->pids = arena_alloc(b->arena, sizeof(*resources->pids));
	if (resources->pids == NULL)
		return list_no_memory(err);
	resources->pids->limit = new_int64(b->arena, limit);
	return resources->pids->limit == NULL ? list_no_memory(err) : 0;
}

struct rule {
	const char *type;
	int64_t major;
	int64_t minor;
	const char *access;
};

static int add_rule(struct builder *b, struct oci_resources *resources, const struct rule *rule,
		    struct err *err)
{
	struct oci_device_rule *added = list_push(&resources->devices, sizeof(*added), b->arena);

	if (added == NULL)
		return list_no_memory(err);
	*added =
		(struct oci_device_rule){.allow = true, .type = rule->type, .access = rule->access};
	if (rule->major >= 0 && (added->major = new_int64(b->arena, rule->major)) == NULL)
		return list_no_memory(err);
	if (rule->minor >= 0 && (added->minor = new_int64(b->arena, rule->minor)) == NULL)
		return list_no_memory(err);
	return 0;
}

/* The default nodes; any node may be made (CAP_MKNOD), only these may be opened. */
static int build_default_rules(struct builder *b, struct oci_resources *resources, struct err *err)
{
	static const struct rule rules[] = {
		{"c", -1, -1, "m"}, {"b", -1, -1, "m"}, {"c", 1, 3, "rwm"},    {"c", 1, 5, "rwm"},
		{"c", 1, 7, "rwm"}, {"c", 1, 8, "rwm"}, {"c", 1, 9, "rwm"},    {"c", 5, 0, "rwm"},
		{"c", 5, 1, "rwm"}, {"c", 5, 2, "rwm"}, {"c", 136, -1, "rwm"},
	};
	static const struct rule everything = {"a", -1, -1, "rwm"};

	if (b->options->privileged)
		return add_rule(b, resources, &everything, err);
	struct oci_device_rule *deny = list_push(&resources->devices, sizeof(*deny), b->arena);
	if (deny == NULL)
		return list_no_memory(err);
	*deny = (struct oci_device_rule){.allow = false, .access = "rwm"};
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		int rc = add_rule(b, resources, &rules[i], err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int add_device(struct builder *b, struct oci_resources *resources, const char *text,
		      struct err *err)
{
	struct value_device device;
	struct stat st;

	int rc = value_parse_device(text, b->arena, &device, err);
	if (rc < 0)
		return rc;
	if (stat(device.source, &st) < 0)
		return err_errno(
			err, "error gathering device information while adding custom device \"%s\"",
			device.source);
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(err, ERR_INVALID, 0, "--device %s: not a device node",
			       device.source);
	struct oci_device *added = list_push(&b->config->devices, sizeof(*added), b->arena);
	uint32_t *numbers = arena_alloc(b->arena, 3 * sizeof(*numbers));
	int64_t *major_number = new_int64(b->arena, major(st.st_rdev));
	int64_t *minor_number = new_int64(b->arena, minor(st.st_rdev));
	if (added == NULL || numbers == NULL || major_number == NULL || minor_number == NULL)
		return list_no_memory(err);
	numbers[0] = st.st_mode & 07777;
	numbers[1] = st.st_uid;
	numbers[2] = st.st_gid;
	*added = (struct oci_device){.path = device.target,
				     .type = S_ISCHR(st.st_mode) ? "c" : "b",
				     .major = major_number,
				     .minor = minor_number,
				     .file_mode = &numbers[0],
				     .uid = &numbers[1],
				     .gid = &numbers[2]};
	struct rule rule = {added->type, *added->major, *added->minor, device.access};
	return b->options->privileged ? 0 : add_rule(b, resources, &rule, err);
}

int resources_build(const struct engine_options *options, const struct spec_host *host,
		    struct arena *arena, struct oci_linux *config, json_strings *warnings,
		    struct err *err)
{
	struct builder b = {options, host, arena, config, warnings};
	struct oci_resources *resources = arena_alloc(arena, sizeof(*resources));

	if (resources == NULL)
		return list_no_memory(err);
	config->resources = resources;
	int rc = build_memory(&b, resources, err);
	if (rc == 0)
		rc = build_cpu(&b, resources, err);
	if (rc == 0)
		rc = build_pids(&b, resources, err);
	if (rc == 0)
		rc = build_default_rules(&b, resources, err);
	for (size_t i = 0; rc == 0 && i < options->devices.count; i++)
		rc = add_device(&b, resources, options->devices.items[i], err);
	return rc;
}

int resources_build_rlimits(const json_strings *ulimits, struct arena *arena,
			    struct oci_process *process, json_strings *warnings, struct err *err)
{
	for (size_t i = 0; i < ulimits->count; i++) {
		struct value_ulimit limit;
		int rc = value_parse_ulimit(ulimits->items[i], &limit, err);
		if (rc < 0)
			return rc;
		if (rlimit_clamp(limit.resource, &limit.soft, &limit.hard)) {
			const char *text = list_text(arena,
						     "ulimit %s was lowered to %" PRIu64 ":%" PRIu64
						     ", the most that this process may set",
						     ulimits->items[i], limit.soft, limit.hard);
			rc = text == NULL ? list_no_memory(err)
					  : list_push_text(warnings, text, arena, err);
			if (rc < 0)
				return rc;
		}
		/* Named twice, the last one holds: the specification allows one entry a type. */
		struct oci_rlimit *at = NULL;
		for (size_t j = 0; j < process->rlimits.count; j++) {
			if ((int)process->rlimits.items[j].type == limit.resource)
				at = &process->rlimits.items[j];
		}
		if (at == NULL)
			at = list_push(&process->rlimits, sizeof(*at), arena);
		if (at == NULL)
			return list_no_memory(err);
		*at = (struct oci_rlimit){(enum oci_rlimit_type)limit.resource, limit.hard,
					  limit.soft};
	}
	return 0;
}
