/*
 * config.h - config.json as the runtime takes it: parsed, checked, and nothing in it passed over.
 */
#ifndef CORTEN_RUNTIME_CONFIG_H
#define CORTEN_RUNTIME_CONFIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "kern/caps/caps.h"
#include "oci/runtime_config.h"

/* Parses and checks. text must outlive ret_config. */
int config_parse(const struct buf *text, struct arena *arena, struct oci_config *ret_config,
		 struct err *err);

/*
 * The specification lets a container be created without a process, though not be started: such a
 * configuration gets one without arguments, which config_has_process() tells from a real one.
 */
int config_complete(struct oci_config *config, struct arena *arena, struct err *err);
bool config_has_process(const struct oci_config *config);

/*
 * The process's capability sets as this runtime, of which `status` tells, can grant them. `dropped` gets what was asked for
 * and cannot be granted; unknown names are written to `unknown` (may be NULL), comma separated, each once.
 */
int config_resolve_caps(const struct oci_process *process, const struct proc_status *status,
			struct caps_sets *ret_sets, uint64_t *ret_dropped, struct buf *unknown,
			struct err *err);

/*
 * The same in a user namespace of the container's own, whose first process has every capability of
 * the kernel over it, whatever the runtime has on the host.
 */
void config_grant_caps(const struct oci_process *process, struct caps_sets *ret_sets);

#endif
