/*
 * runtime_config.h - config.json of the OCI runtime specification 1.3 as C structs.
 *
 * Purpose    oci_config_shape reads and writes the whole document; oci_config_check() demands what
 *            the specification says and a table of fields cannot.
 * Ownership  Everything lives in the arena given to json_parse(). The json_text members (seccomp and
 *            other platforms' objects) point into the document's own text, which must live as long.
 *            A writer may point members anywhere.
 * Units      As the member names say. A pointer to a scalar or an object is NULL when the document
 *            leaves it out; a string too.
 * Errors     ERR_INVALID with the place: "mounts[2].destination: missing".
 */
#ifndef CORTEN_OCI_RUNTIME_CONFIG_H
#define CORTEN_OCI_RUNTIME_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "oci/process.h"
#include "oci/resources.h"
#include "oci/seccomp_config.h"

#undef linux /* gnu17 predefines it as 1; here it is the specification's member */

struct oci_id_mapping {
	uint32_t container_id;
	uint32_t host_id;
	uint32_t size;
};
typedef JSON_LIST_OF(struct oci_id_mapping) oci_id_mappings;

struct oci_root {
	const char *path; /* relative: to the bundle */
	bool readonly;
};

struct oci_mount {
	const char *destination; /* relative: to the container's "/" */
	const char *type;
	const char *source;
	json_strings options;
	oci_id_mappings uid_mappings;
	oci_id_mappings gid_mappings;
};

struct oci_hook {
	const char *path;
	json_strings args; /* args[0] is the program's name for itself */
	json_strings env;
	int32_t *timeout_s;
};
typedef JSON_LIST_OF(struct oci_hook) oci_hook_list;

struct oci_hooks {
	oci_hook_list prestart;
	oci_hook_list create_runtime;
	oci_hook_list create_container;
	oci_hook_list start_container;
	oci_hook_list poststart;
	oci_hook_list poststop;
};

enum oci_namespace_type {
	OCI_NS_PID,
	OCI_NS_NETWORK,
	OCI_NS_MOUNT,
	OCI_NS_IPC,
	OCI_NS_UTS,
	OCI_NS_USER,
	OCI_NS_CGROUP,
	OCI_NS_TIME,
	OCI_NS_COUNT,
};

struct oci_namespace {
	enum oci_namespace_type type;
	const char *path; /* NULL: a new one */
};

struct oci_time_offset {
	const char *clock; /* "monotonic" or "boottime" */
	int64_t secs;
	uint32_t nanosecs;
};

struct oci_device {
	const char *path;
	const char *type; /* "c", "b", "u" or "p" */
	int64_t *major;   /* never NULL once checked, but for a "p" */
	int64_t *minor;
	uint32_t *file_mode;
	uint32_t *uid;
	uint32_t *gid;
};

struct oci_net_device {
	const char *host_name;
	const char *name; /* inside; NULL: the same */
};

struct oci_intel_rdt {
	const char *clos_id;
	json_strings schemata;
	const char *l3_cache_schema;
	const char *mem_bw_schema;
	bool enable_monitoring;
};

enum oci_memory_policy_mode {
	OCI_MPOL_DEFAULT,
	OCI_MPOL_BIND,
	OCI_MPOL_INTERLEAVE,
	OCI_MPOL_WEIGHTED_INTERLEAVE,
	OCI_MPOL_PREFERRED,
	OCI_MPOL_PREFERRED_MANY,
	OCI_MPOL_LOCAL,
};

struct oci_memory_policy {
	enum oci_memory_policy_mode mode;
	const char *nodes;  /* "0-3,7" */
	json_strings flags; /* "MPOL_F_STATIC_NODES" */
};

enum oci_personality_domain {
	OCI_PER_LINUX,
	OCI_PER_LINUX32,
};

struct oci_personality {
	enum oci_personality_domain domain;
	json_strings flags; /* none is defined yet */
};

struct oci_linux {
	JSON_LIST_OF(struct oci_namespace) namespaces;
	oci_id_mappings uid_mappings;
	oci_id_mappings gid_mappings;
	JSON_LIST_OF(struct oci_time_offset) time_offsets;
	JSON_LIST_OF(struct oci_device) devices;
	JSON_LIST_OF(struct oci_net_device) net_devices;
	const char *cgroups_path;
	struct oci_resources *resources;
	const char *rootfs_propagation; /* "slave", "rprivate", ... */
	struct json_text seccomp;       /* oci_seccomp_shape reads it; len 0 when absent */
	json_pairs sysctl;
	json_strings masked_paths;
	json_strings readonly_paths;
	const char *mount_label;
	struct oci_intel_rdt *intel_rdt;
	struct oci_memory_policy *memory_policy;
	struct oci_personality *personality;
};

struct oci_config {
	const char *oci_version;
	struct oci_process *process;
	struct oci_root *root;
	const char *hostname;
	const char *domainname;
	JSON_LIST_OF(struct oci_mount) mounts;
	struct oci_hooks *hooks;
	json_pairs annotations;
	struct oci_linux *linux;
	/* Other platforms', recognised and kept as text; len 0 when absent. */
	struct json_text solaris;
	struct json_text windows;
	struct json_text vm;
	struct json_text zos;
	struct json_text freebsd;
};

extern const struct json_shape oci_config_shape; /* struct oci_config */
extern const struct json_shape oci_linux_shape;  /* struct oci_linux */
extern const struct json_shape oci_mount_shape;  /* struct oci_mount */

/* The specification's names, by value: "pid", "MPOL_BIND", "LINUX32"; NULL ends. */
extern const char *const oci_namespace_names[];
extern const char *const oci_memory_policy_mode_names[];
extern const char *const oci_memory_policy_flag_names[];
extern const char *const oci_personality_domain_names[];

/* The namespace's row, or NULL when the document does not name that type. */
const struct oci_namespace *oci_config_namespace(const struct oci_config *config,
						 enum oci_namespace_type type);

/* The annotation's value, or NULL. */
const char *oci_annotation_get(const json_pairs *annotations, const char *key);

/*
 * Refuses what the specification forbids: a version other than 1.x, a cwd that is not absolute,
 * no args, a type of namespace or rlimit twice, an id of (uint32_t)-1, an unknown device type and
 * their like. Returns 0, or negative with ERR_INVALID that names the place.
 */
int oci_config_check(const struct oci_config *config, struct err *err);

/* The part of it that concerns "linux.resources", for a document of resources alone. */
int oci_resources_check(const struct oci_resources *resources, struct err *err);

/* The part of it that concerns a process given alone; `place` is its name in errors ("process"). */
int oci_process_check(const struct oci_process *process, const char *place, struct err *err);

#endif
