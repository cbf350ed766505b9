#include "oci/features.h"

static const struct json_field cgroup_fields[] = {
	JSON_OPT(struct oci_cgroup_features, v1, "v1", JSON_TYPE_BOOL),
	JSON_OPT(struct oci_cgroup_features, v2, "v2", JSON_TYPE_BOOL),
	JSON_OPT(struct oci_cgroup_features, systemd, "systemd", JSON_TYPE_BOOL),
	JSON_OPT(struct oci_cgroup_features, systemd_user, "systemdUser", JSON_TYPE_BOOL),
	JSON_OPT(struct oci_cgroup_features, rdma, "rdma", JSON_TYPE_BOOL),
};
static JSON_SHAPE(cgroup_shape, struct oci_cgroup_features, cgroup_fields);

static const struct json_field seccomp_fields[] = {
	JSON_OPT(struct oci_seccomp_features, enabled, "enabled", JSON_TYPE_BOOL),
	JSON_LIST(struct oci_seccomp_features, actions, "actions", JSON_TYPE_STRING),
	JSON_LIST(struct oci_seccomp_features, operators, "operators", JSON_TYPE_STRING),
	JSON_LIST(struct oci_seccomp_features, archs, "archs", JSON_TYPE_STRING),
	JSON_LIST(struct oci_seccomp_features, known_flags, "knownFlags", JSON_TYPE_STRING),
	JSON_LIST(struct oci_seccomp_features, supported_flags, "supportedFlags", JSON_TYPE_STRING),
};
static JSON_SHAPE(seccomp_shape, struct oci_seccomp_features, seccomp_fields);

static const struct json_field enabled_fields[] = {
	JSON_OPT(struct oci_enabled_feature, enabled, "enabled", JSON_TYPE_BOOL),
};
static JSON_SHAPE(enabled_shape, struct oci_enabled_feature, enabled_fields);

static const struct json_field intel_rdt_fields[] = {
	JSON_OPT(struct oci_intel_rdt_features, enabled, "enabled", JSON_TYPE_BOOL),
	JSON_OPT(struct oci_intel_rdt_features, schemata, "schemata", JSON_TYPE_BOOL),
	JSON_OPT(struct oci_intel_rdt_features, monitoring, "monitoring", JSON_TYPE_BOOL),
};
static JSON_SHAPE(intel_rdt_shape, struct oci_intel_rdt_features, intel_rdt_fields);

static const struct json_field memory_policy_fields[] = {
	JSON_LIST(struct oci_memory_policy_features, modes, "modes", JSON_TYPE_STRING),
	JSON_LIST(struct oci_memory_policy_features, flags, "flags", JSON_TYPE_STRING),
};
static JSON_SHAPE(memory_policy_shape, struct oci_memory_policy_features, memory_policy_fields);

static const struct json_field mount_extensions_fields[] = {
	JSON_OBJECT(struct oci_mount_extensions, idmap, "idmap", enabled_shape),
};
static JSON_SHAPE(mount_extensions_shape, struct oci_mount_extensions, mount_extensions_fields);

static const struct json_field linux_fields[] = {
	JSON_LIST(struct oci_linux_features, namespaces, "namespaces", JSON_TYPE_STRING),
	JSON_LIST(struct oci_linux_features, capabilities, "capabilities", JSON_TYPE_STRING),
	JSON_OBJECT(struct oci_linux_features, cgroup, "cgroup", cgroup_shape),
	JSON_OBJECT(struct oci_linux_features, seccomp, "seccomp", seccomp_shape),
	JSON_OBJECT(struct oci_linux_features, apparmor, "apparmor", enabled_shape),
	JSON_OBJECT(struct oci_linux_features, selinux, "selinux", enabled_shape),
	JSON_OBJECT(struct oci_linux_features, intel_rdt, "intelRdt", intel_rdt_shape),
	JSON_OBJECT(struct oci_linux_features, memory_policy, "memoryPolicy", memory_policy_shape),
	JSON_OBJECT(struct oci_linux_features, mount_extensions, "mountExtensions",
		    mount_extensions_shape),
	JSON_OBJECT(struct oci_linux_features, net_devices, "netDevices", enabled_shape),
};
static JSON_SHAPE(linux_shape, struct oci_linux_features, linux_fields);

static const struct json_field features_fields[] = {
	JSON_STRING(struct oci_features, oci_version_min, "ociVersionMin"),
	JSON_STRING(struct oci_features, oci_version_max, "ociVersionMax"),
	JSON_LIST(struct oci_features, hooks, "hooks", JSON_TYPE_STRING),
	JSON_LIST(struct oci_features, mount_options, "mountOptions", JSON_TYPE_STRING),
	JSON_OBJECT(struct oci_features, linux, "linux", linux_shape),
	JSON_STRING_MAP(struct oci_features, annotations, "annotations"),
	JSON_LIST(struct oci_features, potentially_unsafe_config_annotations,
		  "potentiallyUnsafeConfigAnnotations", JSON_TYPE_STRING),
};
JSON_SHAPE(oci_features_shape, struct oci_features, features_fields);
