/* limits.h - a process's resource limits, from the specification's list. */
#ifndef CORTEN_RUNTIME_LIMITS_H
#define CORTEN_RUNTIME_LIMITS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "oci/process.h"

typedef void limits_warn(void *context, const char *name, uint64_t hard);

/* Sets them for pid (0: the caller). clamp: lower what may not be raised and tell warn. */
int limits_set(const struct oci_process *process, pid_t pid, bool clamp, limits_warn *warn,
	       void *context, struct err *err);

#endif
