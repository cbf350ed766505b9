/*
 * host.h - which cgroup hierarchies this host has, and where they are mounted.
 *
 * Purpose    One cheap look at /sys/fs/cgroup and /proc/self/cgroup: pure v1, pure v2, or hybrid
 *            (v1 controllers beside a v2 hierarchy at /sys/fs/cgroup/unified).
 * Ownership  cgroup_host_open() opens one descriptor, cgroup_host_close() closes it. No heap.
 *            A zeroed struct is not valid; a closed or half-opened one may be closed again.
 * Errors     ERR_UNSUPPORTED when no hierarchy is mounted, ERR_INVALID when the kernel's texts do
 *            not parse or pass a bound.
 */
#ifndef CORTEN_KERN_CGROUP_HOST_H
#define CORTEN_KERN_CGROUP_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define CGROUP_ROOT            "/sys/fs/cgroup"
#define CGROUP_HIERARCHIES_MAX 24
#define CGROUP_TEXT_MAX        16384 /* bytes of all names and paths of one host or one plan */
#define CGROUP_PATH_MAX        1024  /* one directory beneath CGROUP_ROOT, NUL included */

enum cgroup_mode {
	CGROUP_MODE_V1,
	CGROUP_MODE_HYBRID,
	CGROUP_MODE_V2,
};

enum cgroup_controller {
	CGROUP_CPUSET,
	CGROUP_CPU,
	CGROUP_CPUACCT,
	CGROUP_IO, /* v1: blkio */
	CGROUP_MEMORY,
	CGROUP_DEVICES, /* v2: a BPF program, always there */
	CGROUP_FREEZER, /* v2: part of the core */
	CGROUP_NET_CLS,
	CGROUP_PERF_EVENT,
	CGROUP_NET_PRIO,
	CGROUP_HUGETLB,
	CGROUP_PIDS,
	CGROUP_RDMA,
	CGROUP_MISC,
	CGROUP_SYSTEMD, /* v1: name=systemd */
	CGROUP_CONTROLLERS,
};

/* The v1 name ("blkio"), which is also the directory's when mounted alone. */
const char *cgroup_controller_name(enum cgroup_controller controller);

struct cgroup_hierarchy {
	uint32_t controllers; /* bits of 1 << enum cgroup_controller; 0 for v2 */
	bool v2;
	uint16_t
		name_at; /* directory beneath CGROUP_ROOT: "memory", "cpu,cpuacct", "unified", "" */
	uint16_t own_at; /* this process's cgroup: "/" or "/user/1" */
	uint16_t
		root_at; /* the part of the hierarchy that is mounted: "/", or a container's path */
};

struct cgroup_host {
	enum cgroup_mode mode;
	int root_fd;          /* CGROUP_ROOT */
	uint32_t controllers; /* v1 controllers, of all hierarchies */
	size_t count;
	struct cgroup_hierarchy hierarchies[CGROUP_HIERARCHIES_MAX];
	size_t text_used;
	char text[CGROUP_TEXT_MAX];
};

/* Without a hierarchy. Leaves the text untouched but for its first byte. */
void cgroup_host_init(struct cgroup_host *host);

/* Looks at the host. On failure nothing stays open. */
int cgroup_host_open(struct cgroup_host *ret_host, struct err *err);
void cgroup_host_close(struct cgroup_host *host);

/* "v1", "hybrid" or "v2". */
const char *cgroup_mode_name(enum cgroup_mode mode);

/* The index of a v1 controller's hierarchy, or of the v2 hierarchy; -1 when there is none. */
int cgroup_host_find(const struct cgroup_host *host, enum cgroup_controller controller);
int cgroup_host_find_v2(const struct cgroup_host *host);

static inline const char *cgroup_host_text(const struct cgroup_host *host, uint16_t at)
{
	return host->text + at;
}

/*
 * The parts of cgroup_host_open() that read text, apart for tests and fuzzing. `proc_cgroup` is
 * /proc/PID/cgroup. `exists` says whether a name is a directory (or a link to one) in CGROUP_ROOT.
 */
int cgroup_host_parse(struct cgroup_host *host, const char *proc_cgroup,
		      bool (*exists)(void *context, const char *name), void *context,
		      struct err *err);

/* Fills root_at from the text of /proc/self/mountinfo; only lines beneath CGROUP_ROOT count. */
int cgroup_host_parse_mounts(struct cgroup_host *host, const char *mountinfo, struct err *err);

/*
 * Fills root_at from /proc/self/mountinfo if that was not done before. Only paths relative to a
 * process's own cgroup need it, and it is slow on a host with many mounts.
 */
int cgroup_host_read_mounts(struct cgroup_host *host, struct err *err);

#endif
