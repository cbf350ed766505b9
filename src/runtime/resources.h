/* resources.h - the specification's resources as the cgroup driver's limits. */
#ifndef CORTEN_RUNTIME_RESOURCES_H
#define CORTEN_RUNTIME_RESOURCES_H

#include "base/arena.h"
#include "kern/cgroup/limits.h"
#include "oci/resources.h"

/*
 * Points ret_limits into resources (which may be NULL) and the arena. The device list gets runc's
 * defaults: all is denied first, and the devices that every container has are allowed last.
 */
int resources_convert(const struct oci_resources *resources, struct arena *arena,
		      struct cgroup_limits *ret_limits, struct err *err);

#endif
