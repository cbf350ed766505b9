/*
 * features.h - what a runtime says it can do: the "features" document of the runtime specification 1.3.
 *
 * Ownership  Everything lives in the arena given to json_parse(); a writer may point it anywhere.
 *            A NULL pointer or an empty list means "unknown", not "none".
 */
#ifndef CORTEN_OCI_FEATURES_H
#define CORTEN_OCI_FEATURES_H

#include <stdbool.h>

#include "base/json.h"

#undef linux /* gnu17 predefines it as 1; here it is the specification's member */

struct oci_cgroup_features {
	bool *v1;
	bool *v2;
	bool *systemd;
	bool *systemd_user;
	bool *rdma;
};

struct oci_seccomp_features {
	bool *enabled;
	json_strings actions;
	json_strings operators;
	json_strings archs;
	json_strings known_flags;
	json_strings supported_flags;
};

struct oci_enabled_feature {
	bool *enabled;
};

struct oci_intel_rdt_features {
	bool *enabled;
	bool *schemata;
	bool *monitoring;
};

struct oci_memory_policy_features {
	json_strings modes;
	json_strings flags;
};

struct oci_mount_extensions {
	struct oci_enabled_feature *idmap;
};

struct oci_linux_features {
	json_strings namespaces;
	json_strings capabilities;
	struct oci_cgroup_features *cgroup;
	struct oci_seccomp_features *seccomp;
	struct oci_enabled_feature *apparmor;
	struct oci_enabled_feature *selinux;
	struct oci_intel_rdt_features *intel_rdt;
	struct oci_memory_policy_features *memory_policy;
	struct oci_mount_extensions *mount_extensions;
	struct oci_enabled_feature *net_devices;
};

struct oci_features {
	const char *oci_version_min;
	const char *oci_version_max;
	json_strings hooks;
	json_strings mount_options;
	struct oci_linux_features *linux;
	json_pairs annotations;
	json_strings potentially_unsafe_config_annotations;
};

extern const struct json_shape oci_features_shape; /* struct oci_features */

#endif
