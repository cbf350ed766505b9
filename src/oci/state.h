/*
 * state.h - the container state of the runtime specification 1.3: what `state` prints and hooks read.
 *
 * Ownership  Everything lives in the arena given to json_parse(); a writer may point it anywhere.
 */
#ifndef CORTEN_OCI_STATE_H
#define CORTEN_OCI_STATE_H

#include <stdint.h>

#include "base/json.h"

#define OCI_VERSION "1.3.0" /* of the runtime specification that src/oci/ speaks */

enum oci_status {
	OCI_STATUS_CREATING,
	OCI_STATUS_CREATED,
	OCI_STATUS_RUNNING,
	OCI_STATUS_STOPPED,
	OCI_STATUS_PAUSED, /* not the specification's; runc and crun print it */
};

struct oci_state {
	const char *oci_version;
	const char *id;
	enum oci_status status;
	int32_t pid; /* 0 (left out) once stopped */
	const char *bundle;
	json_pairs annotations;
};

/* What is sent over a seccomp listener's socket beside its descriptor. */
struct oci_process_state {
	const char *oci_version;
	json_strings fds; /* "seccompFd" */
	int32_t pid;
	const char *metadata;
	struct oci_state state;
};

extern const struct json_shape oci_state_shape;         /* struct oci_state */
extern const struct json_shape oci_process_state_shape; /* struct oci_process_state */
extern const char *const oci_status_names[];            /* by value; NULL ends */

#endif
