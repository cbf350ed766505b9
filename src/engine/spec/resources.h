/*
 * resources.h - limits and devices: `--memory`, `--cpus`, `--pids-limit`, `--device`, `--ulimit`.
 *
 * Ownership  Results live in the arena.
 * Errors     ERR_INVALID naming the option. What a host cannot give is a warning in Docker's way.
 */
#ifndef CORTEN_ENGINE_SPEC_RESOURCES_H
#define CORTEN_ENGINE_SPEC_RESOURCES_H

#include "engine/options.h"
#include "oci/runtime_config.h"

/* What the builder must know of the host; see host.h. */
struct spec_host {
	uint32_t cpu_count;
	bool swap_limit; /* the memory controller can limit swap */
	bool apparmor;
	bool selinux;
	bool selinux_levels; /* its policy has MLS or MCS */
	bool seccomp;        /* filters */
	uint64_t all_caps;
	char hostname[65];
};

/* Fills config->linux->resources and ->devices. Warnings are appended. */
int resources_build(const struct engine_options *options, const struct spec_host *host,
		    struct arena *arena, struct oci_linux *config, json_strings *warnings,
		    struct err *err);

/* Fills process->rlimits, lowered to what this process may set. */
int resources_build_rlimits(const json_strings *ulimits, struct arena *arena,
			    struct oci_process *process, json_strings *warnings, struct err *err);

#endif
