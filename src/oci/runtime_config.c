#include "oci/runtime_config.h"

#include <string.h>

const char *const oci_namespace_names[] = {"pid",  "network", "mount", "ipc", "uts",
					   "user", "cgroup",  "time",  NULL};

const char *const oci_memory_policy_mode_names[] = {
	"MPOL_DEFAULT",   "MPOL_BIND",           "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE",
	"MPOL_PREFERRED", "MPOL_PREFERRED_MANY", "MPOL_LOCAL",      NULL,
};

const char *const oci_memory_policy_flag_names[] = {
	"MPOL_F_NUMA_BALANCING",
	"MPOL_F_RELATIVE_NODES",
	"MPOL_F_STATIC_NODES",
	NULL,
};

const char *const oci_personality_domain_names[] = {"LINUX", "LINUX32", NULL};

static const struct json_field id_mapping_fields[] = {
	JSON_PLAIN(struct oci_id_mapping, container_id, "containerID", JSON_TYPE_UINT32,
		   JSON_NEEDED),
	JSON_PLAIN(struct oci_id_mapping, host_id, "hostID", JSON_TYPE_UINT32, JSON_NEEDED),
	JSON_PLAIN(struct oci_id_mapping, size, "size", JSON_TYPE_UINT32, JSON_NEEDED),
};
static JSON_SHAPE(id_mapping_shape, struct oci_id_mapping, id_mapping_fields);

static const struct json_field root_fields[] = {
	JSON_STRING_NEEDED(struct oci_root, path, "path"),
	JSON_BOOL(struct oci_root, readonly, "readonly"),
};
static JSON_SHAPE(root_shape, struct oci_root, root_fields);

static const struct json_field mount_fields[] = {
	JSON_STRING_NEEDED(struct oci_mount, destination, "destination"),
	JSON_STRING(struct oci_mount, type, "type"),
	JSON_STRING(struct oci_mount, source, "source"),
	JSON_LIST(struct oci_mount, options, "options", JSON_TYPE_STRING),
	JSON_OBJECTS(struct oci_mount, uid_mappings, "uidMappings", id_mapping_shape),
	JSON_OBJECTS(struct oci_mount, gid_mappings, "gidMappings", id_mapping_shape),
};
JSON_SHAPE(oci_mount_shape, struct oci_mount, mount_fields);

static const struct json_field hook_fields[] = {
	JSON_STRING_NEEDED(struct oci_hook, path, "path"),
	JSON_LIST(struct oci_hook, args, "args", JSON_TYPE_STRING),
	JSON_LIST(struct oci_hook, env, "env", JSON_TYPE_STRING),
	JSON_OPT(struct oci_hook, timeout_s, "timeout", JSON_TYPE_INT32),
};
static JSON_SHAPE(hook_shape, struct oci_hook, hook_fields);

static const struct json_field hooks_fields[] = {
	JSON_OBJECTS(struct oci_hooks, prestart, "prestart", hook_shape),
	JSON_OBJECTS(struct oci_hooks, create_runtime, "createRuntime", hook_shape),
	JSON_OBJECTS(struct oci_hooks, create_container, "createContainer", hook_shape),
	JSON_OBJECTS(struct oci_hooks, start_container, "startContainer", hook_shape),
	JSON_OBJECTS(struct oci_hooks, poststart, "poststart", hook_shape),
	JSON_OBJECTS(struct oci_hooks, poststop, "poststop", hook_shape),
};
static JSON_SHAPE(hooks_shape, struct oci_hooks, hooks_fields);

static const struct json_field namespace_fields[] = {
	JSON_ENUM_NEEDED(struct oci_namespace, type, "type", oci_namespace_names),
	JSON_STRING(struct oci_namespace, path, "path"),
};
static JSON_SHAPE(namespace_shape, struct oci_namespace, namespace_fields);

static const struct json_field time_offset_fields[] = {
	JSON_INT64(struct oci_time_offset, secs, "secs"),
	JSON_UINT32(struct oci_time_offset, nanosecs, "nanosecs"),
};
static JSON_SHAPE(time_offset_shape, struct oci_time_offset, time_offset_fields);

static const struct json_field device_fields[] = {
	JSON_STRING_NEEDED(struct oci_device, path, "path"),
	JSON_STRING_NEEDED(struct oci_device, type, "type"),
	JSON_OPT(struct oci_device, major, "major", JSON_TYPE_INT64),
	JSON_OPT(struct oci_device, minor, "minor", JSON_TYPE_INT64),
	JSON_OPT(struct oci_device, file_mode, "fileMode", JSON_TYPE_UINT32),
	JSON_OPT(struct oci_device, uid, "uid", JSON_TYPE_UINT32),
	JSON_OPT(struct oci_device, gid, "gid", JSON_TYPE_UINT32),
};
static JSON_SHAPE(device_shape, struct oci_device, device_fields);

static const struct json_field net_device_fields[] = {
	JSON_STRING(struct oci_net_device, name, "name"),
};
static JSON_SHAPE(net_device_shape, struct oci_net_device, net_device_fields);

static const struct json_field intel_rdt_fields[] = {
	JSON_STRING(struct oci_intel_rdt, clos_id, "closID"),
	JSON_LIST(struct oci_intel_rdt, schemata, "schemata", JSON_TYPE_STRING),
	JSON_STRING(struct oci_intel_rdt, l3_cache_schema, "l3CacheSchema"),
	JSON_STRING(struct oci_intel_rdt, mem_bw_schema, "memBwSchema"),
	JSON_BOOL(struct oci_intel_rdt, enable_monitoring, "enableMonitoring"),
};
static JSON_SHAPE(intel_rdt_shape, struct oci_intel_rdt, intel_rdt_fields);

static const struct json_field memory_policy_fields[] = {
	JSON_ENUM_NEEDED(struct oci_memory_policy, mode, "mode", oci_memory_policy_mode_names),
	JSON_STRING(struct oci_memory_policy, nodes, "nodes"),
	JSON_LIST(struct oci_memory_policy, flags, "flags", JSON_TYPE_STRING),
};
static JSON_SHAPE(memory_policy_shape, struct oci_memory_policy, memory_policy_fields);

static const struct json_field personality_fields[] = {
	JSON_ENUM_NEEDED(struct oci_personality, domain, "domain", oci_personality_domain_names),
	JSON_LIST(struct oci_personality, flags, "flags", JSON_TYPE_STRING),
};
static JSON_SHAPE(personality_shape, struct oci_personality, personality_fields);

/* In the order in which Go's structs are written, which is the order that documents have. */
static const struct json_field linux_fields[] = {
	JSON_OBJECTS(struct oci_linux, uid_mappings, "uidMappings", id_mapping_shape),
	JSON_OBJECTS(struct oci_linux, gid_mappings, "gidMappings", id_mapping_shape),
	JSON_STRING_MAP(struct oci_linux, sysctl, "sysctl"),
	JSON_OBJECT(struct oci_linux, resources, "resources", oci_resources_shape),
	JSON_STRING(struct oci_linux, cgroups_path, "cgroupsPath"),
	JSON_OBJECTS(struct oci_linux, namespaces, "namespaces", namespace_shape),
	JSON_OBJECTS(struct oci_linux, devices, "devices", device_shape),
	JSON_OBJECT_MAP(struct oci_linux, net_devices, "netDevices", net_device_shape),
	JSON_RAW(struct oci_linux, seccomp, "seccomp"),
	JSON_STRING(struct oci_linux, rootfs_propagation, "rootfsPropagation"),
	JSON_LIST(struct oci_linux, masked_paths, "maskedPaths", JSON_TYPE_STRING),
	JSON_LIST(struct oci_linux, readonly_paths, "readonlyPaths", JSON_TYPE_STRING),
	JSON_STRING(struct oci_linux, mount_label, "mountLabel"),
	JSON_OBJECT(struct oci_linux, intel_rdt, "intelRdt", intel_rdt_shape),
	JSON_OBJECT(struct oci_linux, memory_policy, "memoryPolicy", memory_policy_shape),
	JSON_OBJECT(struct oci_linux, personality, "personality", personality_shape),
	JSON_OBJECT_MAP(struct oci_linux, time_offsets, "timeOffsets", time_offset_shape),
};
JSON_SHAPE(oci_linux_shape, struct oci_linux, linux_fields);

static const struct json_field config_fields[] = {
	JSON_STRING_NEEDED(struct oci_config, oci_version, "ociVersion"),
	JSON_OBJECT(struct oci_config, process, "process", oci_process_shape),
	JSON_OBJECT(struct oci_config, root, "root", root_shape),
	JSON_STRING(struct oci_config, hostname, "hostname"),
	JSON_STRING(struct oci_config, domainname, "domainname"),
	JSON_OBJECTS(struct oci_config, mounts, "mounts", oci_mount_shape),
	JSON_OBJECT(struct oci_config, hooks, "hooks", hooks_shape),
	JSON_STRING_MAP(struct oci_config, annotations, "annotations"),
	JSON_OBJECT(struct oci_config, linux, "linux", oci_linux_shape),
	JSON_RAW(struct oci_config, solaris, "solaris"),
	JSON_RAW(struct oci_config, windows, "windows"),
	JSON_RAW(struct oci_config, vm, "vm"),
	JSON_RAW(struct oci_config, zos, "zos"),
	JSON_RAW(struct oci_config, freebsd, "freebsd"),
};
JSON_SHAPE(oci_config_shape, struct oci_config, config_fields);

const struct oci_namespace *oci_config_namespace(const struct oci_config *config,
						 enum oci_namespace_type type)
{
	if (config->linux == NULL)
		return NULL;
	for (size_t i = 0; i < config->linux->namespaces.count; i++) {
		if (config->linux->namespaces.items[i].type == type)
			return &config->linux->namespaces.items[i];
	}
	return NULL;
}

const char *oci_annotation_get(const json_pairs *annotations, const char *key)
{
	for (size_t i = 0; i < annotations->count; i++) {
		if (strcmp(annotations->items[i].key, key) == 0)
			return annotations->items[i].value;
	}
	return NULL;
}
