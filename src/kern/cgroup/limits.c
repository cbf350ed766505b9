#include "kern/cgroup/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kern/cgroup/limits_internal.h"

const char *cgroup_warning_text(enum cgroup_warning warning)
{
	switch (warning) {
	case CGROUP_WARN_KERNEL_MEMORY:
		return "memory.kernel and memory.kernelTCP are ignored: kernels no longer limit "
		       "them apart";
	case CGROUP_WARN_USE_HIERARCHY:
		return "memory.useHierarchy false is ignored: kernels always account by hierarchy";
	case CGROUP_WARN_DEVICES:
		return "devices are not filtered: a user namespace may not load the filter (nor "
		       "make devices)";
	case CGROUP_WARN_SWAPPINESS:
		return "memory.swappiness is ignored: cgroup v2 has none";
	case CGROUP_WARN_OOM_KILLER:
		return "memory.disableOOMKiller is ignored: cgroup v2 cannot disable it";
	case CGROUP_WARN_NETWORK:
		return "network.classID and network.priorities are ignored: cgroup v2 has none";
	case CGROUP_WARN_REALTIME:
		return "cpu.realtimeRuntime and cpu.realtimePeriod are ignored: cgroup v2 has none";
	case CGROUP_WARN_LEAF_WEIGHT:
		return "blockIO.leafWeight is ignored: cgroup v2 has none";
	case CGROUP_WARN_BURST:
		return "cpu.burst is ignored: this kernel has none";
	}
	return "unknown";
}

int limits_try(const struct limits_writer *w, const char *file, const char *text)
{
	return cgroup_write_file(w->cgroup->host->root_fd, cgroup_dir(w->cgroup, w->hierarchy),
				 file, text);
}

int limits_fail(const struct limits_writer *w, const char *field, const char *file,
		const char *text, int rc, struct err *err)
{
	bool v2 = w->cgroup->host->hierarchies[w->hierarchy].v2;

	/* Without its controller, a v2 file is not there; cgroupfs refuses to make it. */
	if (v2 && (rc == -ENOENT || rc == -EPERM || rc == -EACCES))
		return cgroup_explain_missing(w->cgroup, w->hierarchy, field, w->controller, err);
	if (rc == -ENOENT)
		return err_set(err, ERR_UNSUPPORTED, ENOENT,
			       "%s: this kernel's %s controller has no '%s'", field, w->controller,
			       file);
	errno = -rc;
	return err_errno(err, "%s: write '%.128s' to '" CGROUP_ROOT "/%s/%s'", field, text,
			 cgroup_dir(w->cgroup, w->hierarchy), file);
}

int limits_write(const struct limits_writer *w, const char *field, const char *file,
		 struct err *err, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	int len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(text))
		return err_set(err, ERR_INVALID, 0, "%s: the value is too long", field);
	int rc = limits_try(w, file, text);
	return rc < 0 ? limits_fail(w, field, file, text, rc, err) : 0;
}

int limits_pids(struct limits_writer *w, struct err *err)
{
	int64_t limit = *w->limits->pids;

	if (limit < 0)
		return limits_write(w, "pids.limit", "pids.max", err, "max");
	return limits_write(w, "pids.limit", "pids.max", err, "%lld",
			    limit == 0 ? 1LL : (long long)limit);
}

int limits_rdma(struct limits_writer *w, struct err *err)
{
	for (size_t i = 0; i < w->limits->rdma_count; i++) {
		const struct cgroup_rdma_limit *rdma = &w->limits->rdma[i];
		char handles[32] = "", objects[32] = "";
		if (rdma->handles != NULL)
			(void)snprintf(handles, sizeof(handles), " hca_handle=%u", *rdma->handles);
		if (rdma->objects != NULL)
			(void)snprintf(objects, sizeof(objects), " hca_object=%u", *rdma->objects);
		int rc = limits_write(w, "rdma", "rdma.max", err, "%s%s%s", rdma->device, handles,
				      objects);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int limits_hugepages(struct limits_writer *w, const char *suffix, struct err *err)
{
	for (size_t i = 0; i < w->limits->hugepage_count; i++) {
		const struct cgroup_hugepage_limit *huge = &w->limits->hugepages[i];
		char file[96], value[32];
		if (huge->page_size == NULL || strlen(huge->page_size) > 16 ||
		    strchr(huge->page_size, '/') != NULL)
			return err_set(err, ERR_INVALID, 0,
				       "hugepageLimits.pageSize: not a size like \"2MB\"");
		(void)snprintf(value, sizeof(value), "%llu", (unsigned long long)huge->limit_bytes);
		(void)snprintf(file, sizeof(file), "hugetlb.%s.%s", huge->page_size, suffix);
		int rc = limits_try(w, file, value);
		if (rc < 0)
			return limits_fail(w, "hugepageLimits", file, value, rc, err);
		/* Reservations are accounted apart since 5.7. */
		(void)snprintf(file, sizeof(file), "hugetlb.%s.rsvd.%s", huge->page_size, suffix);
		rc = limits_try(w, file, value);
		if (rc < 0 && rc != -ENOENT)
			return limits_fail(w, "hugepageLimits", file, value, rc, err);
	}
	return 0;
}

/* --- the groups --- */

/*
 * Whether a limit is asked for. Taking one off where there is none asks for nothing, and needs no
 * controller.
 */
static bool asks(const struct limits_writer *w, const int64_t *value)
{
	return limits_has(value) && (*value > 0 || !w->fresh);
}

static bool wants_memory(const struct limits_writer *w)
{
	const struct cgroup_memory *memory = &w->limits->memory;

	return asks(w, memory->limit_bytes) || asks(w, memory->reservation_bytes) ||
	       asks(w, memory->swap_bytes) ||
	       (memory->swappiness != NULL && *memory->swappiness != UINT64_MAX) ||
	       (memory->disable_oom_killer != NULL && *memory->disable_oom_killer);
}

static bool wants_cpu(const struct limits_writer *w)
{
	const struct cgroup_cpu *cpu = &w->limits->cpu;

	return limits_has_u(cpu->shares) || asks(w, cpu->quota_us) ||
	       limits_has_u(cpu->period_us) || cpu->burst_us != NULL || cpu->idle != NULL ||
	       limits_has(cpu->realtime_runtime_us) || limits_has_u(cpu->realtime_period_us);
}

static bool wants_cpuset(const struct limits_writer *w)
{
	const struct cgroup_limits *l = w->limits;

	return (l->cpu.cpus != NULL && l->cpu.cpus[0] != '\0') ||
	       (l->cpu.mems != NULL && l->cpu.mems[0] != '\0');
}

static bool wants_io(const struct limits_writer *w)
{
	const struct cgroup_block_io *io = &w->limits->block_io;

	return (io->weight != NULL && *io->weight != 0) ||
	       (io->leaf_weight != NULL && *io->leaf_weight != 0) || io->weight_devices.count > 0 ||
	       io->read_bps.count > 0 || io->write_bps.count > 0 || io->read_iops.count > 0 ||
	       io->write_iops.count > 0;
}

static bool wants_pids(const struct limits_writer *w)
{
	const struct cgroup_limits *l = w->limits;

	return l->pids != NULL && (*l->pids >= 0 || !w->fresh);
}

static bool wants_hugetlb(const struct limits_writer *w)
{
	const struct cgroup_limits *l = w->limits;

	return l->hugepage_count > 0;
}

static bool wants_rdma(const struct limits_writer *w)
{
	const struct cgroup_limits *l = w->limits;

	return l->rdma_count > 0;
}

static bool wants_net_cls(const struct limits_writer *w)
{
	const struct cgroup_limits *l = w->limits;

	return l->network_class != NULL && *l->network_class != 0;
}

static bool wants_net_prio(const struct limits_writer *w)
{
	const struct cgroup_limits *l = w->limits;

	return l->network_priority_count > 0;
}

static int ignore_network(struct limits_writer *w, struct err *err)
{
	w->warnings |= CGROUP_WARN_NETWORK;
	return 0;
}

struct group {
	enum cgroup_controller controller;
	bool core; /* on v2 no controller is needed */
	const char *field;
	bool (*wanted)(const struct limits_writer *w);
	int (*v1)(struct limits_writer *w, struct err *err);
	int (*v2)(struct limits_writer *w, struct err *err);
};

static const struct group groups[] = {
	{CGROUP_CPUSET, false, "cpu.cpus", wants_cpuset, limits_cpuset_v1, limits_cpuset_v2},
	{CGROUP_PIDS, false, "pids.limit", wants_pids, limits_pids, limits_pids},
	{CGROUP_MEMORY, false, "memory", wants_memory, limits_memory_v1, limits_memory_v2},
	{CGROUP_IO, false, "blockIO", wants_io, limits_io_v1, limits_io_v2},
	{CGROUP_CPU, false, "cpu", wants_cpu, limits_cpu_v1, limits_cpu_v2},
	{CGROUP_HUGETLB, false, "hugepageLimits", wants_hugetlb, limits_hugetlb_v1,
	 limits_hugetlb_v2},
	{CGROUP_RDMA, false, "rdma", wants_rdma, limits_rdma, limits_rdma},
	{CGROUP_NET_CLS, true, "network.classID", wants_net_cls, limits_net_cls_v1, ignore_network},
	{CGROUP_NET_PRIO, true, "network.priorities", wants_net_prio, limits_net_prio_v1,
	 ignore_network},
};

const char *cgroup_limits_asked(const struct cgroup_limits *limits)
{
	const struct limits_writer w = {.limits = limits, .empty = true, .fresh = true};

	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
		if (groups[g].wanted(&w))
			return groups[g].field;
	return limits->unified_count > 0 ? "unified" : NULL;
}

static int no_controller(const struct cgroup_host *host, const char *field, const char *controller,
			 struct err *err)
{
	char have[256] = "";

	for (unsigned c = 0; c < CGROUP_SYSTEMD; c++) {
		size_t used = strlen(have);
		if (host->controllers & (1u << c))
			(void)snprintf(have + used, sizeof(have) - used, " %s",
				       cgroup_controller_name((enum cgroup_controller)c));
	}
	return err_set(err, ERR_UNSUPPORTED, 0,
		       "%s: the %s controller is not available on this host (cgroup v1 offers:%s)",
		       field, controller, have);
}

/* Finds where the group's controller lives and writes it there. */
static int write_group(struct limits_writer *w, const struct group *group, struct err *err)
{
	const struct cgroup_host *host = w->cgroup->host;
	const char *name = cgroup_controller_name(group->controller);
	int i = cgroup_host_find(host, group->controller);
	bool v1 = i >= 0;

	if (!v1)
		i = cgroup_host_find_v2(host);
	w->fresh = w->empty && (i < 0 || (w->cgroup->fresh & (1u << i)) != 0);
	bool wanted = group->wanted(w);
	/* A v1 cpuset without processors and nodes cannot be entered. */
	bool needed = group->controller == CGROUP_CPUSET && v1 && w->empty;
	if (!wanted && !needed)
		return 0;
	if (i < 0)
		return no_controller(host, group->field, name, err);
	if (cgroup_dir(w->cgroup, (size_t)i)[0] == '\0') {
		if (!wanted)
			return 0;
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "%s: the container has no cgroup for the %s controller",
			       group->field, name);
	}
	w->hierarchy = (size_t)i;
	w->controller = v1 || group->controller != CGROUP_IO ? name : "io";
	if (v1)
		return group->v1(w, err);
	if (host->mode == CGROUP_MODE_HYBRID && !group->core) {
		int rc = cgroup_enable_controllers(w->cgroup, w->hierarchy, err);
		if (rc < 0)
			return rc;
	}
	return group->v2(w, err);
}

bool cgroup_in_user_namespace(void)
{
	const unsigned long long first[] = {0, 0, UINT32_MAX}; /* inside, outside, length */
	char map[256];
	const char *at = map;

	if (cgroup_read_file(AT_FDCWD, "", "/proc/self/uid_map", map, sizeof(map)) <= 0)
		return false;
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		char *end;
		unsigned long long value = strtoull(at, &end, 10);
		if (end == at)
			return false;
		if (value != first[i])
			return true;
		at = end;
	}
	return false;
}

static int write_devices(struct limits_writer *w, struct err *err)
{
	const struct cgroup_limits *limits = w->limits;
	const struct cgroup_host *host = w->cgroup->host;
	struct cgroup_device_policy policy;
	int i = cgroup_host_find(host, CGROUP_DEVICES);
	bool v1 = i >= 0;

	if (limits->device_count == 0)
		return 0;
	int rc = v1 ? cgroup_device_reduce(limits->devices, limits->device_count, &policy, err)
		    : cgroup_device_reduce_v2(limits->devices, limits->device_count, &policy, err);
	if (rc < 0)
		return rc;
	if (!v1)
		i = cgroup_host_find_v2(host);
	if (i < 0 || cgroup_dir(w->cgroup, (size_t)i)[0] == '\0')
		return no_controller(host, "devices", "devices", err);
	bool made = w->empty && (w->cgroup->fresh & (1u << i)) != 0;
	rc = v1 ? cgroup_devices_apply_v1(w->cgroup, (size_t)i, &policy, w->empty, err)
		: cgroup_devices_apply_v2(w->cgroup, (size_t)i, &policy, made, err);
	/* Such a container's devices are the user's own affair: nobody in it may make a node. */
	if ((rc == -EPERM || rc == -EACCES) && (geteuid() != 0 || cgroup_in_user_namespace())) {
		w->warnings |= CGROUP_WARN_DEVICES;
		return 0;
	}
	return rc;
}

static int write_all(struct limits_writer *w, uint32_t *ret_warnings, struct err *err)
{
	const struct cgroup_memory *memory = &w->limits->memory;
	int rc = 0;

	if (limits_has(memory->kernel_bytes) || limits_has(memory->kernel_tcp_bytes))
		w->warnings |= CGROUP_WARN_KERNEL_MEMORY;
	if (memory->use_hierarchy != NULL && !*memory->use_hierarchy)
		w->warnings |= CGROUP_WARN_USE_HIERARCHY;
	for (size_t g = 0; rc == 0 && g < sizeof(groups) / sizeof(groups[0]); g++)
		rc = write_group(w, &groups[g], err);
	if (rc == 0)
		rc = write_devices(w, err);
	if (rc == 0 && w->limits->unified_count > 0) {
		int i = cgroup_host_find_v2(w->cgroup->host);
		if (i < 0 || cgroup_dir(w->cgroup, (size_t)i)[0] == '\0')
			return err_set(err, ERR_UNSUPPORTED, 0,
				       "unified: this host has no cgroup v2 hierarchy");
		w->hierarchy = (size_t)i;
		rc = limits_unified_v2(w, err);
	}
	*ret_warnings = w->warnings;
	return rc;
}

int cgroup_apply(const struct cgroup *cgroup, const struct cgroup_limits *limits,
		 uint32_t *ret_warnings, struct err *err)
{
	struct limits_writer w = {.cgroup = cgroup, .limits = limits, .empty = true};

	return write_all(&w, ret_warnings, err);
}

int cgroup_update(const struct cgroup *cgroup, const struct cgroup_limits *limits,
		  uint32_t *ret_warnings, struct err *err)
{
	struct limits_writer w = {.cgroup = cgroup, .limits = limits};

	return write_all(&w, ret_warnings, err);
}
