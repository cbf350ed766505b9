/*
 * oom_watch.h - hearing of a cgroup's memory running out, and of its end.
 *
 * Purpose    One descriptor to poll. v1: an eventfd on memory.oom_control. v2: an inotify watch on
 *            memory.events and cgroup.events.
 * Ownership  The descriptor is the caller's: cgroup_oom_close().
 * Errors     ERR_UNSUPPORTED when nothing accounts the cgroup's memory.
 */
#ifndef CORTEN_KERN_CGROUP_OOM_WATCH_H
#define CORTEN_KERN_CGROUP_OOM_WATCH_H

#include "kern/cgroup/cgroup.h"

struct cgroup_oom_watch {
	const struct cgroup *cgroup;
	int fd;
	uint64_t kills; /* v2: known so far */
};

int cgroup_oom_open(const struct cgroup *cgroup, struct cgroup_oom_watch *ret_watch,
		    struct err *err);
void cgroup_oom_close(struct cgroup_oom_watch *watch);

/*
 * When fd is readable: how often memory ran out since it was last asked, and whether the cgroup is gone
 * or (v2) empty.
 */
int cgroup_oom_read(struct cgroup_oom_watch *watch, uint64_t *ret_count, bool *ret_end,
		    struct err *err);

#endif
