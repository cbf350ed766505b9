/*
 * devices.h - which device nodes a cgroup may use.
 *
 * Purpose    OCI's linux.resources.devices, in order, for v1's devices controller and as a
 *            BPF_CGROUP_DEVICE program for v2. The list is first reduced to a default and its
 *            exceptions, so that both versions mean the same; v2 can also take a part out of a wider
 *            rule, and then follows the rules one by one.
 * Ownership  Rules stay the caller's; a policy is a plain value.
 * Errors     ERR_INVALID on v1 for a rule that it would silently not follow: taking a part out of a
 *            wildcard exception ("allow c *:*" then "deny c 1:3"). A v1 cgroup has one list, of what
 *            is allowed or of what is denied, whose entries know no exceptions.
 */
#ifndef CORTEN_KERN_CGROUP_DEVICES_H
#define CORTEN_KERN_CGROUP_DEVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define CGROUP_DEVICE_ANY       (-1) /* a major or minor number that matches all */
#define CGROUP_DEVICE_RULES_MAX 1024 /* exceptions after reduction */

enum cgroup_device_access {
	CGROUP_DEVICE_MKNOD = 1, /* the bits of the kernel's BPF_DEVCG_ACC_* */
	CGROUP_DEVICE_READ = 2,
	CGROUP_DEVICE_WRITE = 4,
	CGROUP_DEVICE_ALL = 7,
};

struct cgroup_device_rule {
	bool allow;
	char type; /* 'a' (all devices and accesses, whatever else is said), 'b', 'c'; 0 as 'a' */
	uint8_t access; /* bits; see cgroup_device_parse_access() */
	int64_t major;  /* or CGROUP_DEVICE_ANY, also for absent */
	int64_t minor;
};

/* "rwm" in any order to bits; NULL or "" is all. ERR_INVALID for another letter. */
int cgroup_device_parse_access(const char *text, uint8_t *ret_access, struct err *err);

#endif
