#include "oci/state.h"

const char *const oci_status_names[] = {"creating", "created", "running",
					"stopped",  "paused",  NULL};

static const struct json_field state_fields[] = {
	JSON_STRING_NEEDED(struct oci_state, oci_version, "ociVersion"),
	JSON_STRING_NEEDED(struct oci_state, id, "id"),
	JSON_ENUM_NEEDED(struct oci_state, status, "status", oci_status_names),
	JSON_INT32(struct oci_state, pid, "pid"),
	JSON_STRING_NEEDED(struct oci_state, bundle, "bundle"),
	JSON_STRING_MAP(struct oci_state, annotations, "annotations"),
};
JSON_SHAPE(oci_state_shape, struct oci_state, state_fields);

static const struct json_field process_state_fields[] = {
	JSON_STRING_NEEDED(struct oci_process_state, oci_version, "ociVersion"),
	JSON_LIST_FLAGS(struct oci_process_state, fds, "fds", JSON_TYPE_STRING, JSON_NEEDED),
	JSON_PLAIN(struct oci_process_state, pid, "pid", JSON_TYPE_INT32, JSON_NEEDED),
	JSON_STRING(struct oci_process_state, metadata, "metadata"),
	JSON_EMBED(struct oci_process_state, state, "state", oci_state_shape),
};
JSON_SHAPE(oci_process_state_shape, struct oci_process_state, process_state_fields);
