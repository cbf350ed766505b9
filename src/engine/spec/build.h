/*
 * build.h - a container's OCI configuration from what its user asked and its image says.
 *
 * Purpose    The one place where defaults, options and image meet. Of an image only Env, Cmd, Entrypoint,
 *            User, WorkingDir and Volumes are looked at here; labels and annotations never are.
 * Ownership  The result lives in the arena and points into the request.
 * Errors     ERR_INVALID for what contradicts itself, ERR_UNSUPPORTED for what is not built.
 */
#ifndef CORTEN_ENGINE_SPEC_BUILD_H
#define CORTEN_ENGINE_SPEC_BUILD_H

#include "engine/options.h"
#include "engine/spec/labels.h"
#include "engine/spec/mounts.h"
#include "engine/spec/resources.h"
#include "engine/spec/security.h"
#include "oci/image.h"
#include "oci/runtime_config.h"

/* How a container's namespaces relate to the host. */
struct spec_modes {
	bool host_network;
	bool host_ipc;
	bool host_pid;
	bool host_uts;
	bool host_cgroup;
};

int spec_modes_parse(const struct engine_options *options, struct spec_modes *ret_modes,
		     struct err *err);

/* The name that the container has, in the arena: --hostname, the host's, or the id's first 12 digits. */
const char *spec_hostname(const struct engine_options *options, const struct spec_modes *modes,
			  const struct spec_host *host, const char *id, struct arena *arena);

struct spec_request {
	const struct engine_options *options; /* env and labels resolved */
	const struct oci_image_run *image;
	const struct spec_host *host;
	const struct spec_modes *modes;
	const struct security *security;
	const struct account *account;
	uint64_t caps; /* security_caps() of the options */
	const char *id;
	const char *hostname;
	struct spec_labels labels;
	struct mounts_request mounts;
	struct json_text seccomp; /* len 0: unconfined */
	const struct oci_console_size *size;
	const char *cgroups_path;
};

struct spec_result {
	struct oci_config config;
	struct oci_process process; /* config.process */
	struct oci_root root;
	struct oci_linux linux_part;
	json_strings warnings;
};

/* Fills *ret_result, whose parts point at each other: it must not be moved. */
int spec_build(const struct spec_request *request, struct arena *arena,
	       struct spec_result *ret_result, struct err *err);

#endif
