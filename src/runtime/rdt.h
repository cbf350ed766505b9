/*
 * rdt.h - linux.intelRdt as groups of the resctrl filesystem.
 */
#ifndef CORTEN_RUNTIME_RDT_H
#define CORTEN_RUNTIME_RDT_H

#include "kern/resctrl/resctrl.h"
#include "runtime/container.h"

struct resctrl_wish rdt_wish(const struct oci_intel_rdt *config, const char *id);

/* Moves the caller into the groups of a running container; nothing to do where it has none. */
int rdt_join_self(const struct container *container, struct err *err);

/*
 * Other schemata for a running container that has linux.intelRdt; NULL or "" leaves one as it is. ERR_INVALID for a
 * container without, whose processes are in a group of others.
 */
int rdt_update(struct container *container, const char *l3, const char *bandwidth, struct err *err);

/* Removes the groups that the record names, and none else. */
int rdt_remove(const struct container_record *record, struct err *err);

#endif
