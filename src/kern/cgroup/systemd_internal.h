/* systemd_internal.h - what the files of the systemd driver share. Nobody else includes it. */
#ifndef CORTEN_KERN_CGROUP_SYSTEMD_INTERNAL_H
#define CORTEN_KERN_CGROUP_SYSTEMD_INTERNAL_H

#include "kern/cgroup/systemd.h"

#define SYSTEMD_PROPERTIES_MAX (192 << 10) /* bytes of all properties of a unit */

/* The properties of `limits` as elements of an array of (sv). `v2`: the host has no v1 controllers. */
int systemd_put_limits(struct buf *out, bool v2, const struct cgroup_limits *limits, bool update,
		       struct err *err);

/* One property whose value is text of GVariant, as an element of an array of (sv). */
int systemd_put_property(struct buf *out, const struct cgroup_property *property, struct err *err);

/* Elements of an array of (sv). */
void systemd_put_string(struct buf *out, const char *name, const char *value);
void systemd_put_bool(struct buf *out, const char *name, bool value);
void systemd_put_uint64(struct buf *out, const char *name, uint64_t value);

#endif
