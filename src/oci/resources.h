/*
 * resources.h - "linux.resources" of the runtime specification 1.3 as C structs.
 *
 * Purpose    What config.json asks of the cgroup, and what `update --resources FILE` reads alone.
 * Ownership  Everything lives in the arena given to json_parse(); a writer may point it anywhere.
 * Units      As the member names say. A pointer to a scalar is NULL when the document leaves it out:
 *            the specification tells absent from zero, and -1 from both.
 */
#ifndef CORTEN_OCI_RESOURCES_H
#define CORTEN_OCI_RESOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

/* One rule of the device list, in the list's order. */
struct oci_device_rule {
	bool allow;
	const char *type; /* "a", "b", "c"; NULL: all */
	int64_t *major;   /* NULL or -1: any */
	int64_t *minor;
	const char *access; /* of "rwm" */
};

struct oci_memory {
	int64_t *limit_bytes;
	int64_t *reservation_bytes;
	int64_t *swap_bytes; /* memory and swap together */
	int64_t *kernel_bytes;
	int64_t *kernel_tcp_bytes;
	uint64_t *swappiness; /* 0 to 100 */
	bool *disable_oom_killer;
	bool *use_hierarchy;
	bool *check_before_update;
};

struct oci_cpu {
	uint64_t *shares;
	int64_t *quota_us;
	uint64_t *burst_us;
	uint64_t *period_us;
	int64_t *realtime_runtime_us;
	uint64_t *realtime_period_us;
	const char *cpus;
	const char *mems;
	int64_t *idle;
};

struct oci_pids {
	int64_t *limit;
};

struct oci_weight_device {
	int64_t major;
	int64_t minor;
	uint16_t *weight;
	uint16_t *leaf_weight;
};

struct oci_throttle_device {
	int64_t major;
	int64_t minor;
	uint64_t rate; /* bytes or operations a second */
};
typedef JSON_LIST_OF(struct oci_throttle_device) oci_throttle_devices;

struct oci_block_io {
	uint16_t *weight;
	uint16_t *leaf_weight;
	JSON_LIST_OF(struct oci_weight_device) weight_device;
	oci_throttle_devices throttle_read_bps_device;
	oci_throttle_devices throttle_write_bps_device;
	oci_throttle_devices throttle_read_iops_device;
	oci_throttle_devices throttle_write_iops_device;
};

struct oci_hugepage_limit {
	const char *page_size; /* "2MB" */
	uint64_t limit_bytes;
};

struct oci_interface_priority {
	const char *name;
	uint32_t priority;
};

struct oci_network {
	uint32_t *class_id;
	JSON_LIST_OF(struct oci_interface_priority) priorities;
};

struct oci_rdma {
	const char *device;
	uint32_t *hca_handles;
	uint32_t *hca_objects;
};

struct oci_resources {
	JSON_LIST_OF(struct oci_device_rule) devices;
	struct oci_memory *memory;
	struct oci_cpu *cpu;
	struct oci_pids *pids;
	struct oci_block_io *block_io;
	JSON_LIST_OF(struct oci_hugepage_limit) hugepage_limits;
	struct oci_network *network;
	JSON_LIST_OF(struct oci_rdma) rdma;
	json_pairs unified; /* cgroup v2 file name and its text */
};

extern const struct json_shape oci_resources_shape; /* struct oci_resources */

#endif
