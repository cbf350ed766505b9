/*
 * limits_internal.h - the writers of limits.c, limits_v1.c and limits_v2.c.
 *
 * A group is written to v1 where the host has its v1 controller, else to v2: on a hybrid host the
 * two mix.
 */
#ifndef CORTEN_KERN_CGROUP_LIMITS_INTERNAL_H
#define CORTEN_KERN_CGROUP_LIMITS_INTERNAL_H

#include "kern/cgroup/internal.h"
#include "kern/cgroup/limits.h"

struct limits_writer {
	const struct cgroup *cgroup;
	const struct cgroup_limits *limits;
	bool empty; /* no process is in the cgroup yet */
	bool fresh; /* and no limit is set in the hierarchy of the group being written */
	uint32_t warnings;
	size_t hierarchy;       /* of the group being written */
	const char *controller; /* its name in errors: "memory", "io" */
};

/* Writes a formatted value; an error names OCI's field and says why the file is not there. */
int limits_write(const struct limits_writer *w, const char *field, const char *file,
		 struct err *err, const char *fmt, ...) PRINTF(5, 6);

/* The same for a finished text, returning -errno for callers that go on after some errors. */
int limits_try(const struct limits_writer *w, const char *file, const char *text);

/* Makes limits_try's -errno an error value. */
int limits_fail(const struct limits_writer *w, const char *field, const char *file,
		const char *text, int rc, struct err *err);

/* Present and not 0, which OCI's producers write for "not set". */
static inline bool limits_has(const int64_t *value)
{
	return value != NULL && *value != 0;
}

static inline bool limits_has_u(const uint64_t *value)
{
	return value != NULL && *value != 0;
}

int limits_memory_v1(struct limits_writer *w, struct err *err);
int limits_cpu_v1(struct limits_writer *w, struct err *err);
int limits_cpuset_v1(struct limits_writer *w, struct err *err);
int limits_io_v1(struct limits_writer *w, struct err *err);
int limits_hugetlb_v1(struct limits_writer *w, struct err *err);
int limits_net_cls_v1(struct limits_writer *w, struct err *err);
int limits_net_prio_v1(struct limits_writer *w, struct err *err);

int limits_memory_v2(struct limits_writer *w, struct err *err);
int limits_cpu_v2(struct limits_writer *w, struct err *err);
int limits_cpuset_v2(struct limits_writer *w, struct err *err);
int limits_io_v2(struct limits_writer *w, struct err *err);
int limits_hugetlb_v2(struct limits_writer *w, struct err *err);
int limits_unified_v2(struct limits_writer *w, struct err *err);

/* The same on both. */
int limits_pids(struct limits_writer *w, struct err *err);
int limits_rdma(struct limits_writer *w, struct err *err);
int limits_hugepages(struct limits_writer *w, const char *suffix, struct err *err);

#endif
