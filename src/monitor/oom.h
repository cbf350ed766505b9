/*
 * oom.h - whether the kernel's out-of-memory killer struck in a container's cgroup.
 *
 * Purpose    The counter is opened while the container lives and read after its end, before the
 *            runtime removes the cgroup.
 * Ownership  oom_open() returns a descriptor, the caller's.
 * Errors     None: where there is no memory cgroup, nothing is known.
 */
#ifndef CORTEN_MONITOR_OOM_H
#define CORTEN_MONITOR_OOM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* cgroups_path: linux.cgroupsPath when it is absolute, or NULL. FD_NONE when not accounted. */
int oom_open(pid_t pid, const char *cgroups_path);

bool oom_struck(int fd);

/*
 * Finds the cgroup that accounts memory in the text of /proc/PID/cgroup: its path, and whether it
 * is of version 1. NULL when there is none but the root. The path ends at *ret_len.
 */
const char *oom_find_cgroup(const char *text, size_t *ret_len, bool *ret_v1);

/* Reads the counter of memory.events or memory.oom_control. */
unsigned long oom_parse(const char *text);

#endif
