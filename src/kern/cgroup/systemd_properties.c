/* Limits as systemd's properties, with runc's choice of them. Between calls out holds whole (sv). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "kern/cgroup/internal.h"
#include "kern/cgroup/limits_internal.h"
#include "kern/cgroup/systemd_internal.h"

#define UNBOUNDED         UINT64_MAX
#define PERIOD_DEFAULT_US 100000
#define QUOTA_STEP_US     10000 /* systemd rounds a quota a second down to these */
#define SET_BYTES_MAX     1024  /* of a set of processors: 8192 of them */

static void begin(struct buf *out, const char *name, const char *signature)
{
	dbus_put_align(out, 8);
	dbus_put_string(out, name);
	dbus_put_signature(out, signature);
}

void systemd_put_string(struct buf *out, const char *name, const char *value)
{
	begin(out, name, "s");
	dbus_put_string(out, value);
}

void systemd_put_bool(struct buf *out, const char *name, bool value)
{
	begin(out, name, "b");
	dbus_put_bool(out, value);
}

void systemd_put_uint64(struct buf *out, const char *name, uint64_t value)
{
	begin(out, name, "t");
	dbus_put_uint64(out, value);
}

static uint64_t or_infinite(int64_t value)
{
	return value < 0 ? UNBOUNDED : (uint64_t)value;
}

/* --- devices --- */

/* The node that stands for a rule; false when systemd has no word for it. */
static bool device_node(const struct cgroup_device_rule *rule, char *buf, size_t size)
{
	const char *kind = rule->type == 'b' ? "block" : "char";

	if (rule->major == CGROUP_DEVICE_ANY && rule->minor == CGROUP_DEVICE_ANY)
		(void)snprintf(buf, size, "%s-*", kind);
	else if (rule->major == CGROUP_DEVICE_ANY)
		return false;
	else if (rule->minor == CGROUP_DEVICE_ANY)
		(void)snprintf(buf, size, "%s-%lld", kind, (long long)rule->major);
	else
		(void)snprintf(buf, size, "/dev/%s/%lld:%lld", kind, (long long)rule->major,
			       (long long)rule->minor);
	return true;
}

static bool devices_have_words(const struct cgroup_device_policy *policy)
{
	char node[64];

	for (size_t i = 0; i < policy->count; i++)
		if (!device_node(&policy->exceptions[i], node, sizeof(node)))
			return false;
	return !policy->allow_by_default && !policy->ordered;
}

/*
 * systemd lists what is allowed, and writes that list again whenever it reloads. What it has no words for
 * (a list of what is forbidden, all majors with one minor, parts taken out of wider rules) it is told to leave alone: our own
 * filter holds it alone.
 */
static int put_devices(struct buf *out, bool v2, const struct cgroup_limits *limits,
		       struct err *err)
{
	struct cgroup_device_policy policy;

	if (limits->device_count == 0)
		return 0;
	int rc = v2 ? cgroup_device_reduce_v2(limits->devices, limits->device_count, &policy, err)
		    : cgroup_device_reduce(limits->devices, limits->device_count, &policy, err);
	if (rc < 0)
		return rc;
	bool strict = devices_have_words(&policy);
	systemd_put_string(out, "DevicePolicy", strict ? "strict" : "auto");
	/* An empty list takes off what was listed before. */
	for (size_t pass = 0; pass < (strict ? 2 : 1); pass++) {
		begin(out, "DeviceAllow", "a(ss)");
		size_t array = dbus_put_array(out, 8);
		for (size_t i = 0; pass == 1 && i < policy.count; i++) {
			const struct cgroup_device_rule *rule = &policy.exceptions[i];
			char node[64], access[4];
			(void)device_node(rule, node, sizeof(node));
			(void)snprintf(access, sizeof(access), "%s%s%s",
				       rule->access & CGROUP_DEVICE_READ ? "r" : "",
				       rule->access & CGROUP_DEVICE_WRITE ? "w" : "",
				       rule->access & CGROUP_DEVICE_MKNOD ? "m" : "");
			dbus_put_align(out, 8);
			dbus_put_string(out, node);
			dbus_put_string(out, access);
		}
		dbus_put_array_end(out, array, 8);
	}
	return 0;
}

/* --- memory --- */

static int put_memory(struct buf *out, bool v2, const struct cgroup_memory *memory, struct err *err)
{
	int64_t limit = memory->limit_bytes != NULL ? *memory->limit_bytes : 0;
	int64_t memsw = memory->swap_bytes != NULL ? *memory->swap_bytes : 0;
	int64_t swap;
	bool set;

	if (limit != 0)
		systemd_put_uint64(out, v2 ? "MemoryMax" : "MemoryLimit", or_infinite(limit));
	if (!v2)
		return 0; /* the others have no property */
	if (limits_has(memory->reservation_bytes))
		systemd_put_uint64(out, "MemoryLow", or_infinite(*memory->reservation_bytes));
	int rc = cgroup_swap_of_memsw(memsw, limit, &set, &swap, err);
	if (rc == 0 && set)
		systemd_put_uint64(out, "MemorySwapMax", or_infinite(swap));
	return rc;
}

/* --- cpu --- */

/* The quota a second, rounded up to systemd's step, so that it allows no less than what was asked for. */
static void put_quota(struct buf *out, int64_t quota_us, uint64_t period_us)
{
	uint64_t a_second = UNBOUNDED;

	if (period_us == 0)
		period_us = PERIOD_DEFAULT_US;
	if (quota_us > 0 && (uint64_t)quota_us < UINT64_MAX / 1000000) {
		a_second = (uint64_t)quota_us * 1000000 / period_us;
		a_second = (a_second + QUOTA_STEP_US - 1) / QUOTA_STEP_US * QUOTA_STEP_US;
	}
	systemd_put_uint64(out, "CPUQuotaPerSecUSec", a_second);
	systemd_put_uint64(out, "CPUQuotaPeriodUSec", period_us);
}

/* "0-2,5" as a set of bits, the lowest first. */
static int put_set(struct buf *out, const char *name, const char *field, const char *text,
		   struct err *err)
{
	uint8_t bits[SET_BYTES_MAX] = {0};
	size_t used = 0;
	const char *at = text;

	while (*at != '\0') {
		char *end;
		unsigned long first = strtoul(at, &end, 10), last = first;
		bool good = *at >= '0' && *at <= '9';
		if (good && *end == '-') {
			at = end + 1;
			good = *at >= '0' && *at <= '9';
			last = strtoul(at, &end, 10);
		}
		if (!good || (*end != ',' && *end != '\0' && *end != '\n') || last < first ||
		    last >= SET_BYTES_MAX * 8UL)
			return err_set(err, ERR_INVALID, 0, "%s: '%.64s' is no set like 0-2,5",
				       field, text);
		for (unsigned long bit = first; bit <= last; bit++)
			bits[bit / 8] |= (uint8_t)(1u << (bit % 8));
		used = last / 8 + 1 > used ? last / 8 + 1 : used;
		at = end + (*end != '\0');
	}
	begin(out, name, "ay");
	size_t array = dbus_put_array(out, 1);
	buf_add(out, bits, used);
	dbus_put_array_end(out, array, 1);
	return 0;
}

static int put_cpu(struct buf *out, bool v2, const struct cgroup_cpu *cpu, struct err *err)
{
	int rc = 0;

	if (v2 && cpu->idle != NULL && *cpu->idle != 0)
		systemd_put_uint64(out, "CPUWeight", 0); /* systemd 252: idle */
	else if (limits_has_u(cpu->shares) && v2)
		systemd_put_uint64(out, "CPUWeight", cgroup_weight_of_shares(*cpu->shares));
	else if (limits_has_u(cpu->shares))
		systemd_put_uint64(out, "CPUShares", *cpu->shares);
	if (limits_has(cpu->quota_us))
		put_quota(out, *cpu->quota_us, cpu->period_us != NULL ? *cpu->period_us : 0);
	if (v2 && cpu->cpus != NULL && cpu->cpus[0] != '\0')
		rc = put_set(out, "AllowedCPUs", "cpu.cpus", cpu->cpus, err);
	if (rc == 0 && v2 && cpu->mems != NULL && cpu->mems[0] != '\0')
		rc = put_set(out, "AllowedMemoryNodes", "cpu.mems", cpu->mems, err);
	return rc;
}

/* --- unified --- */

static const struct {
	const char *file;
	const char *property;
} unified_numbers[] = {
	{"cpu.weight", "CPUWeight"}, {"memory.high", "MemoryHigh"},
	{"memory.low", "MemoryLow"}, {"memory.max", "MemoryMax"},
	{"memory.min", "MemoryMin"}, {"memory.swap.max", "MemorySwapMax"},
	{"pids.max", "TasksMax"},
};

/* "max" or a number; false: something else, which the file itself will refuse. */
static bool read_number(const char *text, uint64_t *ret_number)
{
	struct err ignored;
	char word[32];

	(void)snprintf(word, sizeof(word), "%.*s", (int)strcspn(text, "\n"), text);
	*ret_number = UNBOUNDED;
	return strcmp(word, "max") == 0 ||
	       str_parse_uint64(word, UINT64_MAX - 1, ret_number, &ignored) == 0;
}

static int put_unified_one(struct buf *out, const struct cgroup_setting *setting, struct err *err)
{
	uint64_t number, period = PERIOD_DEFAULT_US;

	if (setting->file == NULL || setting->value == NULL)
		return 0;
	for (size_t i = 0; i < sizeof(unified_numbers) / sizeof(unified_numbers[0]); i++)
		if (strcmp(unified_numbers[i].file, setting->file) == 0 &&
		    read_number(setting->value, &number))
			systemd_put_uint64(out, unified_numbers[i].property, number);
	if (strcmp(setting->file, "cpuset.cpus") == 0)
		return put_set(out, "AllowedCPUs", "unified.cpuset.cpus", setting->value, err);
	if (strcmp(setting->file, "cpuset.mems") == 0)
		return put_set(out, "AllowedMemoryNodes", "unified.cpuset.mems", setting->value,
			       err);
	if (strcmp(setting->file, "cpu.max") == 0) {
		char quota[32];
		size_t len = strcspn(setting->value, " ");
		(void)snprintf(quota, sizeof(quota), "%.*s", (int)(len < 31 ? len : 31),
			       setting->value);
		bool good = read_number(quota, &number) &&
			    (setting->value[len] == '\0' ||
			     (read_number(setting->value + len + 1, &period) && period != 0));
		if (good)
			put_quota(out, number < INT64_MAX ? (int64_t)number : -1, period);
	}
	return 0;
}

int systemd_put_limits(struct buf *out, bool v2, const struct cgroup_limits *limits, bool update,
		       struct err *err)
{
	int rc = put_devices(out, v2, limits, err);

	if (rc == 0)
		rc = put_memory(out, v2, &limits->memory, err);
	if (rc == 0)
		rc = put_cpu(out, v2, &limits->cpu, err);
	if (rc < 0)
		return rc;
	if (limits->pids != NULL && (*limits->pids != 0 || !update))
		systemd_put_uint64(out, "TasksMax",
				   *limits->pids == 0 ? 1 : or_infinite(*limits->pids));
	if (!v2 && limits->block_io.weight != NULL && *limits->block_io.weight != 0)
		systemd_put_uint64(out, "BlockIOWeight", *limits->block_io.weight);
	for (size_t i = 0; v2 && rc == 0 && i < limits->unified_count; i++)
		rc = put_unified_one(out, &limits->unified[i], err);
	return rc;
}
