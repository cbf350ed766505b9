#include "oci/resources.h"

static const struct json_field device_rule_fields[] = {
	JSON_PLAIN(struct oci_device_rule, allow, "allow", JSON_TYPE_BOOL,
		   JSON_NEEDED | JSON_WRITE_ZERO),
	JSON_STRING(struct oci_device_rule, type, "type"),
	JSON_OPT(struct oci_device_rule, major, "major", JSON_TYPE_INT64),
	JSON_OPT(struct oci_device_rule, minor, "minor", JSON_TYPE_INT64),
	JSON_STRING(struct oci_device_rule, access, "access"),
};
static JSON_SHAPE(device_rule_shape, struct oci_device_rule, device_rule_fields);

static const struct json_field memory_fields[] = {
	JSON_OPT(struct oci_memory, limit_bytes, "limit", JSON_TYPE_INT64),
	JSON_OPT(struct oci_memory, reservation_bytes, "reservation", JSON_TYPE_INT64),
	JSON_OPT(struct oci_memory, swap_bytes, "swap", JSON_TYPE_INT64),
	JSON_OPT(struct oci_memory, kernel_bytes, "kernel", JSON_TYPE_INT64),
	JSON_OPT(struct oci_memory, kernel_tcp_bytes, "kernelTCP", JSON_TYPE_INT64),
	JSON_OPT(struct oci_memory, swappiness, "swappiness", JSON_TYPE_UINT64),
	JSON_OPT(struct oci_memory, disable_oom_killer, "disableOOMKiller", JSON_TYPE_BOOL),
	JSON_OPT(struct oci_memory, use_hierarchy, "useHierarchy", JSON_TYPE_BOOL),
	JSON_OPT(struct oci_memory, check_before_update, "checkBeforeUpdate", JSON_TYPE_BOOL),
};
static JSON_SHAPE(memory_shape, struct oci_memory, memory_fields);

static const struct json_field cpu_fields[] = {
	JSON_OPT(struct oci_cpu, shares, "shares", JSON_TYPE_UINT64),
	JSON_OPT(struct oci_cpu, quota_us, "quota", JSON_TYPE_INT64),
	JSON_OPT(struct oci_cpu, burst_us, "burst", JSON_TYPE_UINT64),
	JSON_OPT(struct oci_cpu, period_us, "period", JSON_TYPE_UINT64),
	JSON_OPT(struct oci_cpu, realtime_runtime_us, "realtimeRuntime", JSON_TYPE_INT64),
	JSON_OPT(struct oci_cpu, realtime_period_us, "realtimePeriod", JSON_TYPE_UINT64),
	JSON_STRING(struct oci_cpu, cpus, "cpus"),
	JSON_STRING(struct oci_cpu, mems, "mems"),
	JSON_OPT(struct oci_cpu, idle, "idle", JSON_TYPE_INT64),
};
static JSON_SHAPE(cpu_shape, struct oci_cpu, cpu_fields);

static const struct json_field pids_fields[] = {
	JSON_OPT(struct oci_pids, limit, "limit", JSON_TYPE_INT64),
};
static JSON_SHAPE(pids_shape, struct oci_pids, pids_fields);

static const struct json_field weight_device_fields[] = {
	JSON_PLAIN(struct oci_weight_device, major, "major", JSON_TYPE_INT64, JSON_NEEDED),
	JSON_PLAIN(struct oci_weight_device, minor, "minor", JSON_TYPE_INT64, JSON_NEEDED),
	JSON_OPT(struct oci_weight_device, weight, "weight", JSON_TYPE_UINT16),
	JSON_OPT(struct oci_weight_device, leaf_weight, "leafWeight", JSON_TYPE_UINT16),
};
static JSON_SHAPE(weight_device_shape, struct oci_weight_device, weight_device_fields);

static const struct json_field throttle_device_fields[] = {
	JSON_PLAIN(struct oci_throttle_device, major, "major", JSON_TYPE_INT64, JSON_NEEDED),
	JSON_PLAIN(struct oci_throttle_device, minor, "minor", JSON_TYPE_INT64, JSON_NEEDED),
	JSON_PLAIN(struct oci_throttle_device, rate, "rate", JSON_TYPE_UINT64, JSON_NEEDED),
};
static JSON_SHAPE(throttle_device_shape, struct oci_throttle_device, throttle_device_fields);

static const struct json_field block_io_fields[] = {
	JSON_OPT(struct oci_block_io, weight, "weight", JSON_TYPE_UINT16),
	JSON_OPT(struct oci_block_io, leaf_weight, "leafWeight", JSON_TYPE_UINT16),
	JSON_OBJECTS(struct oci_block_io, weight_device, "weightDevice", weight_device_shape),
	JSON_OBJECTS(struct oci_block_io, throttle_read_bps_device, "throttleReadBpsDevice",
		     throttle_device_shape),
	JSON_OBJECTS(struct oci_block_io, throttle_write_bps_device, "throttleWriteBpsDevice",
		     throttle_device_shape),
	JSON_OBJECTS(struct oci_block_io, throttle_read_iops_device, "throttleReadIOPSDevice",
		     throttle_device_shape),
	JSON_OBJECTS(struct oci_block_io, throttle_write_iops_device, "throttleWriteIOPSDevice",
		     throttle_device_shape),
};
static JSON_SHAPE(block_io_shape, struct oci_block_io, block_io_fields);

static const struct json_field hugepage_limit_fields[] = {
	JSON_STRING_NEEDED(struct oci_hugepage_limit, page_size, "pageSize"),
	JSON_PLAIN(struct oci_hugepage_limit, limit_bytes, "limit", JSON_TYPE_UINT64, JSON_NEEDED),
};
static JSON_SHAPE(hugepage_limit_shape, struct oci_hugepage_limit, hugepage_limit_fields);

static const struct json_field interface_priority_fields[] = {
	JSON_STRING_NEEDED(struct oci_interface_priority, name, "name"),
	JSON_PLAIN(struct oci_interface_priority, priority, "priority", JSON_TYPE_UINT32,
		   JSON_NEEDED),
};
static JSON_SHAPE(interface_priority_shape, struct oci_interface_priority,
		  interface_priority_fields);

static const struct json_field network_fields[] = {
	JSON_OPT(struct oci_network, class_id, "classID", JSON_TYPE_UINT32),
	JSON_OBJECTS(struct oci_network, priorities, "priorities", interface_priority_shape),
};
static JSON_SHAPE(network_shape, struct oci_network, network_fields);

static const struct json_field rdma_fields[] = {
	JSON_OPT(struct oci_rdma, hca_handles, "hcaHandles", JSON_TYPE_UINT32),
	JSON_OPT(struct oci_rdma, hca_objects, "hcaObjects", JSON_TYPE_UINT32),
};
static JSON_SHAPE(rdma_shape, struct oci_rdma, rdma_fields);

static const struct json_field resources_fields[] = {
	JSON_OBJECTS(struct oci_resources, devices, "devices", device_rule_shape),
	JSON_OBJECT(struct oci_resources, memory, "memory", memory_shape),
	JSON_OBJECT(struct oci_resources, cpu, "cpu", cpu_shape),
	JSON_OBJECT(struct oci_resources, pids, "pids", pids_shape),
	JSON_OBJECT(struct oci_resources, block_io, "blockIO", block_io_shape),
	JSON_OBJECTS(struct oci_resources, hugepage_limits, "hugepageLimits", hugepage_limit_shape),
	JSON_OBJECT(struct oci_resources, network, "network", network_shape),
	JSON_OBJECT_MAP(struct oci_resources, rdma, "rdma", rdma_shape),
	JSON_STRING_MAP(struct oci_resources, unified, "unified"),
};
JSON_SHAPE(oci_resources_shape, struct oci_resources, resources_fields);
