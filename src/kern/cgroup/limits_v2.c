/* Writing limits to v2's controllers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kern/cgroup/limits_internal.h"

static const char *number_or_max(int64_t value, char *buf, size_t size)
{
	if (value < 0)
		return "max";
	(void)snprintf(buf, size, "%lld", (long long)value);
	return buf;
}

/* --- memory --- */

static int check_usage(struct limits_writer *w, int64_t limit, const char *field, struct err *err)
{
	char text[32];
	struct err ignored;

	if (limit <= 0 ||
	    cgroup_read_value(w->cgroup->host->root_fd, cgroup_dir(w->cgroup, w->hierarchy),
			      "memory.current", text, sizeof(text), &ignored) < 0)
		return 0;
	if (strtoull(text, NULL, 10) < (uint64_t)limit)
		return 0;
	return err_set(err, ERR_INVALID, EBUSY,
		       "%s: %lld is not above what the container uses now, %s bytes", field,
		       (long long)limit, text);
}

/* Swap alone. Without swap in the kernel there is nothing to forbid or to allow. */
static int write_swap(struct limits_writer *w, int64_t memsw, int64_t limit, struct err *err)
{
	char text[32];
	bool set;
	int64_t swap;
	int rc = cgroup_swap_of_memsw(memsw, limit, &set, &swap, err);

	if (rc < 0 || !set)
		return rc;
	const char *value = number_or_max(swap, text, sizeof(text));
	rc = limits_try(w, "memory.swap.max", value);
	if (rc == -ENOENT && swap <= 0) {
		/*
		 * Either no swap, which is fine, or no memory controller, which the limit will
		 * tell.
		 */
		return 0;
	}
	return rc < 0 ? limits_fail(w, "memory.swap", "memory.swap.max", value, rc, err) : 0;
}

int limits_memory_v2(struct limits_writer *w, struct err *err)
{
	const struct cgroup_memory *memory = &w->limits->memory;
	int64_t limit = memory->limit_bytes != NULL ? *memory->limit_bytes : 0;
	int64_t memsw = memory->swap_bytes != NULL ? *memory->swap_bytes : 0;
	char text[32];
	int rc = 0;

	if (memory->swappiness != NULL && *memory->swappiness != UINT64_MAX)
		w->warnings |= CGROUP_WARN_SWAPPINESS;
	if (memory->disable_oom_killer != NULL && *memory->disable_oom_killer)
		w->warnings |= CGROUP_WARN_OOM_KILLER;
	if (memory->check_before_update && !w->fresh) {
		rc = check_usage(w, memsw, "memory.swap", err);
		if (rc == 0)
			rc = check_usage(w, limit, "memory.limit", err);
	}
	if (rc == 0)
		rc = write_swap(w, memsw, limit, err);
	if (rc == 0 && limit != 0)
		rc = limits_write(w, "memory.limit", "memory.max", err, "%s",
				  number_or_max(limit, text, sizeof(text)));
	if (rc == 0 && limits_has(memory->reservation_bytes))
		rc = limits_write(w, "memory.reservation", "memory.low", err, "%s",
				  number_or_max(*memory->reservation_bytes, text, sizeof(text)));
	return rc;
}

/* --- cpu --- */

static int write_max(struct limits_writer *w, struct err *err)
{
	const struct cgroup_cpu *cpu = &w->limits->cpu;
	char quota[32] = "max", present[64];

	if (!limits_has(cpu->quota_us) && !limits_has_u(cpu->period_us))
		return 0;
	if (limits_has(cpu->quota_us)) {
		const char *value = number_or_max(*cpu->quota_us, quota, sizeof(quota));
		if (value != quota)
			(void)snprintf(quota, sizeof(quota), "%s", value);
	} else if (!w->fresh) {
		/* A period alone keeps the quota that there is. */
		int rc = cgroup_read_value(w->cgroup->host->root_fd,
					   cgroup_dir(w->cgroup, w->hierarchy), "cpu.max", present,
					   sizeof(present), err);
		if (rc == 0)
			(void)snprintf(quota, sizeof(quota), "%.*s", (int)strcspn(present, " "),
				       present);
	}
	/* A quota alone keeps the period. */
	if (!limits_has_u(cpu->period_us))
		return limits_write(w, "cpu.quota", "cpu.max", err, "%s", quota);
	return limits_write(w, "cpu.period", "cpu.max", err, "%s %llu", quota,
			    (unsigned long long)*cpu->period_us);
}

int limits_cpu_v2(struct limits_writer *w, struct err *err)
{
	const struct cgroup_cpu *cpu = &w->limits->cpu;
	char burst[32];
	bool burst_later = false;
	int rc = 0;

	if (limits_has(cpu->realtime_runtime_us) || limits_has_u(cpu->realtime_period_us))
		w->warnings |= CGROUP_WARN_REALTIME;
	if (cpu->idle != NULL)
		rc = limits_write(w, "cpu.idle", "cpu.idle", err, "%lld", (long long)*cpu->idle);
	/* An idle cgroup has no weight, and the kernel refuses one. */
	if (rc == 0 && limits_has_u(cpu->shares) && (cpu->idle == NULL || *cpu->idle == 0))
		rc = limits_write(w, "cpu.shares", "cpu.weight", err, "%llu",
				  (unsigned long long)cgroup_weight_of_shares(*cpu->shares));
	if (rc == 0 && cpu->burst_us != NULL) {
		(void)snprintf(burst, sizeof(burst), "%llu", (unsigned long long)*cpu->burst_us);
		rc = limits_try(w, "cpu.max.burst", burst);
		burst_later = rc == -EINVAL && limits_has(cpu->quota_us);
		if (rc < 0 && !burst_later)
			return limits_fail(w, "cpu.burst", "cpu.max.burst", burst, rc, err);
		rc = 0;
	}
	if (rc == 0)
		rc = write_max(w, err);
	if (rc == 0 && burst_later)
		rc = limits_write(w, "cpu.burst", "cpu.max.burst", err, "%s", burst);
	return rc;
}

int limits_cpuset_v2(struct limits_writer *w, struct err *err)
{
	const struct cgroup_cpu *cpu = &w->limits->cpu;
	int rc = 0;

	if (cpu->cpus != NULL && cpu->cpus[0] != '\0')
		rc = limits_try(w, "cpuset.cpus", cpu->cpus);
	if (rc < 0)
		return limits_fail(w, "cpu.cpus", "cpuset.cpus", cpu->cpus, rc, err);
	if (cpu->mems != NULL && cpu->mems[0] != '\0')
		rc = limits_try(w, "cpuset.mems", cpu->mems);
	return rc < 0 ? limits_fail(w, "cpu.mems", "cpuset.mems", cpu->mems, rc, err) : 0;
}

/* --- io --- */

/* BFQ speaks v1's units; io.weight has its own. `device` is "8:0 " or "". */
static int write_weight(struct limits_writer *w, const char *field, const char *device,
			uint16_t weight, struct err *err)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%s%u", device, weight);
	int rc = limits_try(w, "io.bfq.weight", text);
	if (rc != -ENOENT)
		return rc < 0 ? limits_fail(w, field, "io.bfq.weight", text, rc, err) : 0;
	return limits_write(w, field, "io.weight", err, "%s%llu", device,
			    (unsigned long long)cgroup_io_weight_of_blkio(weight));
}

static int write_throttle(struct limits_writer *w, const char *field, const char *key,
			  const struct cgroup_throttle_devices *devices, struct err *err)
{
	char rate[32];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < devices->count; i++) {
		const struct cgroup_throttle_device *device = &devices->items[i];
		(void)snprintf(rate, sizeof(rate), "%llu", (unsigned long long)device->rate);
		rc = limits_write(w, field, "io.max", err, "%lld:%lld %s=%s",
				  (long long)device->major, (long long)device->minor, key,
				  device->rate == 0 ? "max" : rate);
	}
	return rc;
}

int limits_io_v2(struct limits_writer *w, struct err *err)
{
	const struct cgroup_block_io *io = &w->limits->block_io;
	char device[48];
	int rc = 0;

	if (io->leaf_weight != NULL && *io->leaf_weight != 0)
		w->warnings |= CGROUP_WARN_LEAF_WEIGHT;
	if (io->weight != NULL && *io->weight != 0)
		rc = write_weight(w, "blockIO.weight", "", *io->weight, err);
	for (size_t i = 0; rc == 0 && i < io->weight_devices.count; i++) {
		const struct cgroup_weight_device *item = &io->weight_devices.items[i];
		(void)snprintf(device, sizeof(device), "%lld:%lld ", (long long)item->major,
			       (long long)item->minor);
		if (item->leaf_weight != NULL && *item->leaf_weight != 0)
			w->warnings |= CGROUP_WARN_LEAF_WEIGHT;
		if (item->weight != NULL && *item->weight != 0)
			rc = write_weight(w, "blockIO.weightDevice", device, *item->weight, err);
	}
	if (rc == 0)
		rc = write_throttle(w, "blockIO.throttleReadBpsDevice", "rbps", &io->read_bps, err);
	if (rc == 0)
		rc = write_throttle(w, "blockIO.throttleWriteBpsDevice", "wbps", &io->write_bps,
				    err);
	if (rc == 0)
		rc = write_throttle(w, "blockIO.throttleReadIOPSDevice", "riops", &io->read_iops,
				    err);
	if (rc == 0)
		rc = write_throttle(w, "blockIO.throttleWriteIOPSDevice", "wiops", &io->write_iops,
				    err);
	return rc;
}

int limits_hugetlb_v2(struct limits_writer *w, struct err *err)
{
	return limits_hugepages(w, "max", err);
}

/* --- unified --- */

/* Files that move or kill processes are no limits. */
static bool is_setting(const char *file)
{
	return file != NULL && strchr(file, '/') == NULL && strchr(file, '.') > file &&
	       strcmp(file, "cgroup.procs") != 0 && strcmp(file, "cgroup.threads") != 0 &&
	       strcmp(file, "cgroup.kill") != 0;
}

/* The kernel takes one line a write. */
static int write_lines(struct limits_writer *w, const char *field, const char *file,
		       const char *value, struct err *err)
{
	char line[512];

	do {
		size_t len = strcspn(value, "\n");
		if (len >= sizeof(line))
			return err_set(err, ERR_INVALID, 0, "%s: the value is too long", field);
		memcpy(line, value, len);
		line[len] = '\0';
		int rc = limits_try(w, file, line);
		if (rc < 0)
			return limits_fail(w, field, file, line, rc, err);
		value += len;
		value += *value == '\n';
	} while (*value != '\0');
	return 0;
}

int limits_unified_v2(struct limits_writer *w, struct err *err)
{
	char field[128], controller[64];

	for (size_t i = 0; i < w->limits->unified_count; i++) {
		const struct cgroup_setting *setting = &w->limits->unified[i];
		if (!is_setting(setting->file))
			return err_set(
				err, ERR_INVALID, 0,
				"unified: '%.64s' is not a CONTROLLER.PARAMETER that can be set",
				setting->file != NULL ? setting->file : "");
		(void)snprintf(field, sizeof(field), "unified.%s", setting->file);
		(void)snprintf(controller, sizeof(controller), "%.*s",
			       (int)strcspn(setting->file, "."), setting->file);
		w->controller = controller;
		int rc = write_lines(w, field, setting->file, setting->value, err);
		w->controller = NULL;
		if (rc < 0)
			return rc;
	}
	return 0;
}
