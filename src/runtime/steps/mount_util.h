/* mount_util.h - one row of config.json's mounts, shared by the steps that open and attach it. */
#ifndef CORTEN_RUNTIME_STEPS_MOUNT_UTIL_H
#define CORTEN_RUNTIME_STEPS_MOUNT_UTIL_H

#include "kern/mount/options.h"
#include "runtime/start.h"

#define MOUNT_DATA_MAX 65536

/* Parses the row's options; data (MOUNT_DATA_MAX bytes) holds what is left for the filesystem. */
int mount_row_options(const struct start *start, size_t i, char *data,
		      struct mount_options *ret_options, struct err *err);

/* Whether the row asks for a mapping of ids, by an option or by mappings of its own. */
bool mount_row_is_idmapped(const struct oci_mount *mount);

/* Whether the row's options make it a bind mount. */
bool mount_row_is_bind(const struct oci_mount *mount);

/* A detached clone of a bind's source; FD_NONE when the row is no bind. */
int mount_source_open(struct start *start, size_t i, struct err *err);

/* Binds row i, from mount_fds[i] when that was opened on the host's side. */
int mount_bind(struct start *start, size_t i, const struct mount_options *options, struct err *err);

/* Makes row i's filesystem and attaches it. data: that of mount_row_options(), extended here. */
int mount_filesystem(struct start *start, size_t i, struct mount_options *options, char *data,
		     struct err *err);

/* Copies the tree that lies at from_fd into the tmpfs at to_fd ("tmpcopyup"). */
int mount_copy_up(int from_fd, int to_fd, struct err *err);

/* Whether a bind's source is the host's /sys, or a part of it that holds its cgroups. */
bool mount_is_of_sysfs(const char *source);

/*
 * A "ro" bind of the host's /sys leaves what is mounted beneath writable, the cgroups among it, which
 * belong to the runtime's user (CVE-2023-25809): makes the attached tree read-only to its leaves.
 */
int mount_protect_cgroups(int tree, struct err *err);

/*
 * What takes the place of row i's filesystem when the kernel refuses a new one (EPERM, already in
 * err): for sysfs with the option ro the host's own; for others the error gets the remedy.
 */
int mount_instead(struct start *start, size_t i, int target, const struct mount_options *options,
		  struct err *err);

/* Whether a bind's source is the host's /sys, or a part of it that holds its cgroups. */
bool mount_is_of_sysfs(const char *source);

/*
 * A "ro" bind of the host's /sys leaves what is mounted beneath writable, the cgroups among it, which
 * belong to the runtime's user (CVE-2023-25809): makes the attached tree read-only to its leaves.
 */
int mount_protect_cgroups(int tree, struct err *err);

/*
 * What takes the place of row i's filesystem when the kernel refuses a new one (EPERM, already in err): the
 * host's own, where the container shares the namespace that it shows.
 */
int mount_instead(struct start *start, size_t i, int target, const struct mount_options *options,
		  struct err *err);

/* The "cgroup" filesystem of the specification: what the host's cgroup version makes of it. */
int mount_cgroup(struct start *start, size_t i, const struct mount_options *options,
		 struct err *err);

#endif
