/* Writing limits to v1's controllers, in runc's order. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kern/cgroup/limits_internal.h"

#define SHARES_MIN 2
#define SHARES_MAX 262144
#define CPUSET_MAX 4096 /* bytes of a list of processors */

/* --- memory --- */

static int write_limit(struct limits_writer *w, int64_t limit, struct err *err)
{
	char text[32], usage[32] = "?";

	(void)snprintf(text, sizeof(text), "%lld", (long long)limit);
	int rc = limits_try(w, "memory.limit_in_bytes", text);
	if (rc == -EBUSY) {
		struct err ignored;
		(void)cgroup_read_value(w->cgroup->host->root_fd,
					cgroup_dir(w->cgroup, w->hierarchy),
					"memory.usage_in_bytes", usage, sizeof(usage), &ignored);
		return err_set(err, ERR_INVALID, EBUSY,
			       "memory.limit: %s is below what the container uses now, %s bytes",
			       text, usage);
	}
	if (rc == -EINVAL && !limits_has(w->limits->memory.swap_bytes))
		return err_set(
			err, ERR_INVALID, EINVAL,
			"memory.limit: %s is above the present limit of memory and swap; give "
			"memory.swap too",
			text);
	return rc < 0 ? limits_fail(w, "memory.limit", "memory.limit_in_bytes", text, rc, err) : 0;
}

static int write_swap(struct limits_writer *w, int64_t memsw, struct err *err)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%lld", (long long)memsw);
	int rc = limits_try(w, "memory.memsw.limit_in_bytes", text);
	/* Without swap accounting there is nothing to take a limit off. */
	if (rc == -ENOENT && memsw == -1)
		return 0;
	return rc < 0 ? limits_fail(w, "memory.swap", "memory.memsw.limit_in_bytes", text, rc, err)
		      : 0;
}

/* The kernel keeps memory <= memory and swap at each step, which decides the order. */
static int write_limit_and_swap(struct limits_writer *w, int64_t limit, int64_t memsw,
				struct err *err)
{
	char present[32];
	bool swap_first = memsw == -1;

	if (limit > 0 && memsw > 0 && memsw < limit)
		return err_set(
			err, ERR_INVALID, 0,
			"memory.swap: %lld is less than memory.limit %lld, which it includes",
			(long long)memsw, (long long)limit);
	if (!w->fresh && memsw != 0 && limit != 0 && !swap_first) {
		int rc = cgroup_read_value(w->cgroup->host->root_fd,
					   cgroup_dir(w->cgroup, w->hierarchy),
					   "memory.limit_in_bytes", present, sizeof(present), err);
		if (rc < 0)
			return rc;
		swap_first = strtoull(present, NULL, 10) < (uint64_t)memsw;
	}
	int rc = 0;
	if (swap_first && memsw != 0)
		rc = write_swap(w, memsw, err);
	if (rc == 0 && limit != 0)
		rc = write_limit(w, limit, err);
	if (rc == 0 && !swap_first && memsw != 0)
		rc = write_swap(w, memsw, err);
	return rc;
}

int limits_memory_v1(struct limits_writer *w, struct err *err)
{
	const struct cgroup_memory *memory = &w->limits->memory;
	int64_t limit = memory->limit_bytes != NULL ? *memory->limit_bytes : 0;
	int64_t memsw = memory->swap_bytes != NULL ? *memory->swap_bytes : 0;

	if (limit == -1 && memsw == 0)
		memsw = -1;
	/* Nothing to lift yet. */
	int rc = w->fresh && limit <= 0 && memsw <= 0 ? 0
						      : write_limit_and_swap(w, limit, memsw, err);
	if (rc == 0 && limits_has(memory->reservation_bytes))
		rc = limits_write(w, "memory.reservation", "memory.soft_limit_in_bytes", err,
				  "%lld", (long long)*memory->reservation_bytes);
	if (rc == 0 && memory->disable_oom_killer != NULL && *memory->disable_oom_killer)
		rc = limits_write(w, "memory.disableOOMKiller", "memory.oom_control", err, "1");
	if (rc < 0 || memory->swappiness == NULL || *memory->swappiness == UINT64_MAX)
		return rc;
	if (*memory->swappiness > 100)
		return err_set(err, ERR_INVALID, 0, "memory.swappiness: %llu is not from 0 to 100",
			       (unsigned long long)*memory->swappiness);
	return limits_write(w, "memory.swappiness", "memory.swappiness", err, "%llu",
			    (unsigned long long)*memory->swappiness);
}

/* --- cpu --- */

/*
 * A value that the kernel may only take after another: EINVAL is put off (*ret_later) when the
 * other is to be written too.
 */
static int write_or_wait(struct limits_writer *w, const char *field, const char *file,
			 uint64_t value, bool other, bool *ret_later, struct err *err)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	int rc = limits_try(w, file, text);
	*ret_later = rc == -EINVAL && other;
	return rc < 0 && !*ret_later ? limits_fail(w, field, file, text, rc, err) : 0;
}

static int write_realtime(struct limits_writer *w, struct err *err)
{
	const struct cgroup_cpu *cpu = &w->limits->cpu;
	bool runtime = limits_has(cpu->realtime_runtime_us), later = false;
	int rc = 0;

	if (limits_has_u(cpu->realtime_period_us))
		rc = write_or_wait(w, "cpu.realtimePeriod", "cpu.rt_period_us",
				   *cpu->realtime_period_us, runtime, &later, err);
	if (rc == 0 && runtime)
		rc = limits_write(w, "cpu.realtimeRuntime", "cpu.rt_runtime_us", err, "%lld",
				  (long long)*cpu->realtime_runtime_us);
	if (rc == 0 && later)
		rc = limits_write(w, "cpu.realtimePeriod", "cpu.rt_period_us", err, "%llu",
				  (unsigned long long)*cpu->realtime_period_us);
	return rc;
}

static int write_burst(struct limits_writer *w, bool quota, bool *ret_later, struct err *err)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)*w->limits->cpu.burst_us);
	int rc = limits_try(w, "cpu.cfs_burst_us", text);
	if (rc == -ENOENT) {
		w->warnings |= CGROUP_WARN_BURST;
		return 0;
	}
	*ret_later = rc == -EINVAL && quota;
	return rc < 0 && !*ret_later
		       ? limits_fail(w, "cpu.burst", "cpu.cfs_burst_us", text, rc, err)
		       : 0;
}

static int write_bandwidth(struct limits_writer *w, struct err *err)
{
	const struct cgroup_cpu *cpu = &w->limits->cpu;
	bool quota = limits_has(cpu->quota_us), period_later = false, burst_later = false;
	int rc = 0;

	if (limits_has_u(cpu->period_us))
		rc = write_or_wait(w, "cpu.period", "cpu.cfs_period_us", *cpu->period_us, quota,
				   &period_later, err);
	if (rc == 0 && cpu->burst_us != NULL)
		rc = write_burst(w, quota, &burst_later, err);
	if (rc == 0 && quota)
		rc = limits_write(w, "cpu.quota", "cpu.cfs_quota_us", err, "%lld",
				  (long long)*cpu->quota_us);
	if (rc == 0 && period_later)
		rc = limits_write(w, "cpu.period", "cpu.cfs_period_us", err, "%llu",
				  (unsigned long long)*cpu->period_us);
	if (rc == 0 && burst_later)
		rc = limits_write(w, "cpu.burst", "cpu.cfs_burst_us", err, "%llu",
				  (unsigned long long)*cpu->burst_us);
	return rc;
}

int limits_cpu_v1(struct limits_writer *w, struct err *err)
{
	const struct cgroup_cpu *cpu = &w->limits->cpu;
	int rc = 0;

	if (limits_has_u(cpu->shares)) {
		/* The kernel would clamp them without a word. */
		if (*cpu->shares < SHARES_MIN || *cpu->shares > SHARES_MAX)
			return err_set(err, ERR_INVALID, 0, "cpu.shares: %llu is not from %d to %d",
				       (unsigned long long)*cpu->shares, SHARES_MIN, SHARES_MAX);
		rc = limits_write(w, "cpu.shares", "cpu.shares", err, "%llu",
				  (unsigned long long)*cpu->shares);
	}
	if (rc == 0)
		rc = write_bandwidth(w, err);
	if (rc == 0 && cpu->idle != NULL)
		rc = limits_write(w, "cpu.idle", "cpu.idle", err, "%lld", (long long)*cpu->idle);
	if (rc == 0)
		rc = write_realtime(w, err);
	return rc;
}

/* --- cpuset --- */

static int write_cpuset(struct limits_writer *w, const char *field, const char *file,
			const char *value, struct err *err)
{
	int rc = limits_try(w, file, value);

	return rc < 0 ? limits_fail(w, field, file, value, rc, err) : 0;
}

/*
 * Gives a directory of the hierarchy, and those above it that lack it too, the value of the nearest
 * above that has one.
 */
static int inherit_cpuset(struct limits_writer *w, const char *file, struct err *err)
{
	const struct cgroup_host *host = w->cgroup->host;
	const char *dir = cgroup_dir(w->cgroup, w->hierarchy);
	size_t top = strlen(cgroup_host_text(host, host->hierarchies[w->hierarchy].name_at));
	char at[CGROUP_PATH_MAX], value[CPUSET_MAX] = "";
	size_t len = strlen(dir);

	if (!w->fresh) {
		int rc = cgroup_read_value(host->root_fd, dir, file, value, sizeof(value), err);
		if (rc < 0 || value[0] != '\0')
			return rc;
	}
	while (value[0] == '\0') {
		if (len == top)
			return err_set(err, ERR_UNSUPPORTED, 0,
				       "the cpuset hierarchy's top has no %s", file);
		do
			len--;
		while (len > top && dir[len] != '/');
		memcpy(at, dir, len);
		at[len] = '\0';
		int rc = cgroup_read_value(host->root_fd, at, file, value, sizeof(value), err);
		if (rc < 0)
			return rc;
	}
	while (dir[len] != '\0') {
		len += 1 + strcspn(dir + len + 1, "/");
		memcpy(at, dir, len);
		at[len] = '\0';
		int rc = cgroup_write_file(host->root_fd, at, file, value);
		if (rc < 0) {
			errno = -rc;
			return err_errno(err, "write '%s' to '" CGROUP_ROOT "/%s/%s'", value, at,
					 file);
		}
	}
	return 0;
}

/* Processors or nodes, as asked for or from above. A parent that has none cannot give any. */
static int set_or_inherit(struct limits_writer *w, const char *field, const char *file,
			  const char *value, struct err *err)
{
	bool given = value != NULL && value[0] != '\0';

	if (!given)
		return w->empty ? inherit_cpuset(w, file, err) : 0;
	int rc = limits_try(w, file, value);
	if (rc == -EACCES && w->empty) {
		/* EACCES: not a part of the parent's, which may be a parent just made. */
		rc = inherit_cpuset(w, file, err);
		if (rc < 0)
			return rc;
	} else if (rc == 0) {
		return 0;
	}
	return write_cpuset(w, field, file, value, err);
}

int limits_cpuset_v1(struct limits_writer *w, struct err *err)
{
	const struct cgroup_cpu *cpu = &w->limits->cpu;
	int rc = set_or_inherit(w, "cpu.cpus", "cpuset.cpus", cpu->cpus, err);

	return rc < 0 ? rc : set_or_inherit(w, "cpu.mems", "cpuset.mems", cpu->mems, err);
}

/* --- the others --- */

/* Tries a file and, where the kernel has BFQ instead of the older scheduler, its twin. */
static int write_io_weight(struct limits_writer *w, const char *field, const char *file,
			   const char *bfq_file, const char *text, struct err *err)
{
	int rc = limits_try(w, file, text);

	if (rc == -ENOENT)
		rc = limits_try(w, bfq_file, text);
	return rc < 0 ? limits_fail(w, field, file, text, rc, err) : 0;
}

static int write_throttle(struct limits_writer *w, const char *field, const char *file,
			  const struct cgroup_throttle_devices *devices, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < devices->count; i++)
		rc = limits_write(w, field, file, err, "%lld:%lld %llu",
				  (long long)devices->items[i].major,
				  (long long)devices->items[i].minor,
				  (unsigned long long)devices->items[i].rate);
	return rc;
}

static int write_device_weight(struct limits_writer *w, const struct cgroup_weight_device *device,
			       struct err *err)
{
	char text[64];
	int rc = 0;

	if (device->weight != NULL && *device->weight != 0) {
		(void)snprintf(text, sizeof(text), "%lld:%lld %u", (long long)device->major,
			       (long long)device->minor, *device->weight);
		rc = write_io_weight(w, "blockIO.weightDevice", "blkio.weight_device",
				     "blkio.bfq.weight_device", text, err);
	}
	if (rc == 0 && device->leaf_weight != NULL && *device->leaf_weight != 0)
		rc = limits_write(w, "blockIO.weightDevice", "blkio.leaf_weight_device", err,
				  "%lld:%lld %u", (long long)device->major,
				  (long long)device->minor, *device->leaf_weight);
	return rc;
}

int limits_io_v1(struct limits_writer *w, struct err *err)
{
	const struct cgroup_block_io *io = &w->limits->block_io;
	char text[16];
	int rc = 0;

	if (io->weight != NULL && *io->weight != 0) {
		(void)snprintf(text, sizeof(text), "%u", *io->weight);
		rc = write_io_weight(w, "blockIO.weight", "blkio.weight", "blkio.bfq.weight", text,
				     err);
	}
	if (rc == 0 && io->leaf_weight != NULL && *io->leaf_weight != 0)
		rc = limits_write(w, "blockIO.leafWeight", "blkio.leaf_weight", err, "%u",
				  *io->leaf_weight);
	for (size_t i = 0; rc == 0 && i < io->weight_devices.count; i++)
		rc = write_device_weight(w, &io->weight_devices.items[i], err);
	if (rc == 0)
		rc = write_throttle(w, "blockIO.throttleReadBpsDevice",
				    "blkio.throttle.read_bps_device", &io->read_bps, err);
	if (rc == 0)
		rc = write_throttle(w, "blockIO.throttleWriteBpsDevice",
				    "blkio.throttle.write_bps_device", &io->write_bps, err);
	if (rc == 0)
		rc = write_throttle(w, "blockIO.throttleReadIOPSDevice",
				    "blkio.throttle.read_iops_device", &io->read_iops, err);
	if (rc == 0)
		rc = write_throttle(w, "blockIO.throttleWriteIOPSDevice",
				    "blkio.throttle.write_iops_device", &io->write_iops, err);
	return rc;
}

int limits_hugetlb_v1(struct limits_writer *w, struct err *err)
{
	return limits_hugepages(w, "limit_in_bytes", err);
}

int limits_net_cls_v1(struct limits_writer *w, struct err *err)
{
	return limits_write(w, "network.classID", "net_cls.classid", err, "%u",
			    *w->limits->network_class);
}

int limits_net_prio_v1(struct limits_writer *w, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < w->limits->network_priority_count; i++)
		rc = limits_write(w, "network.priorities", "net_prio.ifpriomap", err, "%s %u",
				  w->limits->network_priorities[i].name,
				  w->limits->network_priorities[i].priority);
	return rc;
}
