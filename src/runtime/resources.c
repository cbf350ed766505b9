#include "runtime/resources.h"

#include <errno.h>

#include "kern/cgroup/devices.h"

#define ANY CGROUP_DEVICE_ANY
#define RWM CGROUP_DEVICE_ALL

/* What the specification's default devices and terminals need; nodes of any kind may be made. */
static const struct cgroup_device_rule default_rules[] = {
	{true, 'c', CGROUP_DEVICE_MKNOD, ANY, ANY},
	{true, 'b', CGROUP_DEVICE_MKNOD, ANY, ANY},
	{true, 'c', RWM, 1, 3},     /* null */
	{true, 'c', RWM, 1, 5},     /* zero */
	{true, 'c', RWM, 1, 7},     /* full */
	{true, 'c', RWM, 1, 8},     /* random */
	{true, 'c', RWM, 1, 9},     /* urandom */
	{true, 'c', RWM, 5, 0},     /* tty */
	{true, 'c', RWM, 5, 2},     /* ptmx */
	{true, 'c', RWM, 136, ANY}, /* pts */
};
#define DEFAULT_COUNT (sizeof(default_rules) / sizeof(default_rules[0]))

static int resources_no_memory(struct err *err)
{
	return err_set(err, ERR_INVALID, ENOMEM,
		       "linux.resources: more than memory is allowed for");
}

static int convert_devices(const struct oci_resources *resources, struct arena *arena,
			   struct cgroup_limits *limits, struct err *err)
{
	size_t given = resources != NULL ? resources->devices.count : 0;
	struct cgroup_device_rule *rules =
		arena_alloc(arena, (given + 1 + DEFAULT_COUNT) * sizeof(*rules));

	if (rules == NULL)
		return resources_no_memory(err);
	rules[0] = (struct cgroup_device_rule){false, 'a', RWM, ANY, ANY};
	for (size_t i = 0; i < given; i++) {
		const struct oci_device_rule *from = &resources->devices.items[i];
		struct cgroup_device_rule *to = &rules[i + 1];
		to->allow = from->allow;
		to->type = from->type != NULL ? from->type[0] : 'a';
		to->major = from->major != NULL ? *from->major : ANY;
		to->minor = from->minor != NULL ? *from->minor : ANY;
		int rc = cgroup_device_parse_access(from->access, &to->access, err);
		if (rc < 0)
			return err_wrap(err, rc, "linux.resources.devices[%zu].access", i);
	}
	for (size_t i = 0; i < DEFAULT_COUNT; i++)
		rules[given + 1 + i] = default_rules[i];
	limits->devices = rules;
	limits->device_count = given + 1 + DEFAULT_COUNT;
	return 0;
}

static void convert_memory(const struct oci_memory *from, struct cgroup_memory *to)
{
	to->limit_bytes = from->limit_bytes;
	to->reservation_bytes = from->reservation_bytes;
	to->swap_bytes = from->swap_bytes;
	to->kernel_bytes = from->kernel_bytes;
	to->kernel_tcp_bytes = from->kernel_tcp_bytes;
	to->swappiness = from->swappiness;
	to->disable_oom_killer = from->disable_oom_killer;
	to->use_hierarchy = from->use_hierarchy;
	to->check_before_update = from->check_before_update != NULL && *from->check_before_update;
}

static void convert_cpu(const struct oci_cpu *from, struct cgroup_cpu *to)
{
	to->shares = from->shares;
	to->quota_us = from->quota_us;
	to->period_us = from->period_us;
	to->burst_us = from->burst_us;
	to->realtime_runtime_us = from->realtime_runtime_us;
	to->realtime_period_us = from->realtime_period_us;
	to->idle = from->idle;
	to->cpus = from->cpus;
	to->mems = from->mems;
}

static int convert_throttle(const oci_throttle_devices *from, struct arena *arena,
			    struct cgroup_throttle_devices *to, struct err *err)
{
	struct cgroup_throttle_device *items = arena_alloc(arena, from->count * sizeof(*items));

	if (items == NULL)
		return resources_no_memory(err);
	for (size_t i = 0; i < from->count; i++)
		items[i] = (struct cgroup_throttle_device){
			from->items[i].major, from->items[i].minor, from->items[i].rate};
	*to = (struct cgroup_throttle_devices){items, from->count};
	return 0;
}

static int convert_block_io(const struct oci_block_io *from, struct arena *arena,
			    struct cgroup_block_io *to, struct err *err)
{
	struct cgroup_weight_device *items =
		arena_alloc(arena, from->weight_device.count * sizeof(*items));

	if (items == NULL)
		return resources_no_memory(err);
	for (size_t i = 0; i < from->weight_device.count; i++)
		items[i] = (struct cgroup_weight_device){from->weight_device.items[i].major,
							 from->weight_device.items[i].minor,
							 from->weight_device.items[i].weight,
							 from->weight_device.items[i].leaf_weight};
	to->weight = from->weight;
	to->leaf_weight = from->leaf_weight;
	to->weight_devices = (struct cgroup_weight_devices){items, from->weight_device.count};
	int rc = convert_throttle(&from->throttle_read_bps_device, arena, &to->read_bps, err);
	if (rc == 0)
		rc = convert_throttle(&from->throttle_write_bps_device, arena, &to->write_bps, err);
	if (rc == 0)
		rc = convert_throttle(&from->throttle_read_iops_device, arena, &to->read_iops, err);
	if (rc == 0)
		rc = convert_throttle(&from->throttle_write_iops_device, arena, &to->write_iops,
				      err);
	return rc;
}

static int convert_lists(const struct oci_resources *from, struct arena *arena,
			 struct cgroup_limits *to, struct err *err)
{
	struct cgroup_hugepage_limit *pages =
		arena_alloc(arena, from->hugepage_limits.count * sizeof(*pages));
	struct cgroup_rdma_limit *rdma = arena_alloc(arena, from->rdma.count * sizeof(*rdma));
	struct cgroup_setting *unified = arena_alloc(arena, from->unified.count * sizeof(*unified));

	if (pages == NULL || rdma == NULL || unified == NULL)
		return resources_no_memory(err);
	for (size_t i = 0; i < from->hugepage_limits.count; i++)
		pages[i] =
			(struct cgroup_hugepage_limit){from->hugepage_limits.items[i].page_size,
						       from->hugepage_limits.items[i].limit_bytes};
	for (size_t i = 0; i < from->rdma.count; i++)
		rdma[i] = (struct cgroup_rdma_limit){from->rdma.items[i].device,
						     from->rdma.items[i].hca_handles,
						     from->rdma.items[i].hca_objects};
	for (size_t i = 0; i < from->unified.count; i++)
		unified[i] = (struct cgroup_setting){from->unified.items[i].key,
						     from->unified.items[i].value};
	to->hugepages = pages;
	to->hugepage_count = from->hugepage_limits.count;
	to->rdma = rdma;
	to->rdma_count = from->rdma.count;
	to->unified = unified;
	to->unified_count = from->unified.count;
	return 0;
}

static int convert_network(const struct oci_network *from, struct arena *arena,
			   struct cgroup_limits *to, struct err *err)
{
	struct cgroup_interface_priority *items =
		arena_alloc(arena, from->priorities.count * sizeof(*items));

	if (items == NULL)
		return resources_no_memory(err);
	for (size_t i = 0; i < from->priorities.count; i++)
		items[i] = (struct cgroup_interface_priority){from->priorities.items[i].name,
							      from->priorities.items[i].priority};
	to->network_class = from->class_id;
	to->network_priorities = items;
	to->network_priority_count = from->priorities.count;
	return 0;
}

int resources_convert(const struct oci_resources *resources, struct arena *arena,
		      struct cgroup_limits *ret_limits, struct err *err)
{
	*ret_limits = (struct cgroup_limits){0};
	int rc = convert_devices(resources, arena, ret_limits, err);
	if (rc < 0 || resources == NULL)
		return rc;
	if (resources->memory != NULL)
		convert_memory(resources->memory, &ret_limits->memory);
	if (resources->cpu != NULL)
		convert_cpu(resources->cpu, &ret_limits->cpu);
	if (resources->pids != NULL)
		ret_limits->pids = resources->pids->limit;
	if (resources->block_io != NULL)
		rc = convert_block_io(resources->block_io, arena, &ret_limits->block_io, err);
	if (rc == 0 && resources->network != NULL)
		rc = convert_network(resources->network, arena, ret_limits, err);
	return rc < 0 ? rc : convert_lists(resources, arena, ret_limits, err);
}
