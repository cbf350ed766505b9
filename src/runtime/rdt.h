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

/* Removes the groups that the record names, and none else. */
int rdt_remove(const struct container_record *record, struct err *err);

#endif
