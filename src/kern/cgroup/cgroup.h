/*
 * cgroup.h - a container's cgroups, one directory in each hierarchy: plan, make, enter, remove.
 *
 * Purpose    The cgroupfs driver. On v2, and for the v2 half of a hybrid host, a process is cloned
 *            into its cgroup (CLONE_INTO_CGROUP). On v1 the child moves itself by writing "0" to
 *            each `tasks`. Nothing ever writes to cgroup.procs: that waits for an RCU grace period
 *            (7 to 20 ms on an idle machine), even for "0" and even for the writer itself.
 * Order      cgroup_host_open, cgroup_plan, [write cgroup_dir() of each to the undo journal],
 *            cgroup_create, cgroup_apply (limits.h; always, v1 cpusets are filled in there),
 *            cgroup_entry_open, clone3 with entry.clone_fd, cgroup_enter_self in the child.
 * Ownership  Plain values without heap. A struct cgroup points to its host, which must outlive it
 *            and must not move. cgroup_entry holds descriptors: cgroup_entry_done().
 * Paths      Directories are named relative to CGROUP_ROOT ("memory/docker/ID"; on v2
 *            "docker/ID"): that is what the journal and the container's state hold. They are
 *            resolved beneath the host's root_fd. cgroupfs holds no symbolic links.
 * Errors     ERR_CONFLICT when the cgroup exists and holds processes; ERR_DENIED when rootless
 *            and not delegated.
 */
#ifndef CORTEN_KERN_CGROUP_CGROUP_H
#define CORTEN_KERN_CGROUP_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "kern/cgroup/host.h"

struct cgroup {
	const struct cgroup_host *host;
	uint32_t fresh; /* bit per hierarchy: cgroup_create() made it in this process */
	uint16_t dir_at[CGROUP_HIERARCHIES_MAX]; /* into text; 0 (an empty string) when not used */
	size_t text_used;
	char text[CGROUP_TEXT_MAX];
};

/* In no hierarchy yet. Leaves the text untouched but for its first byte. */
void cgroup_init(struct cgroup *cgroup, const struct cgroup_host *host);

/*
 * Computes the directories; touches nothing. `path` is OCI's linux.cgroupsPath: absolute is
 * beneath each hierarchy's mount, relative beneath the own cgroup (on v2 beside the own cgroup,
 * beneath its parent, for a cgroup with processes cannot have children with controllers). A
 * "slice:prefix:name" is a path like any other. `..` is resolved in the text alone; one that
 * leaves the top, and a path that names the top itself, are ERR_INVALID.
 */
int cgroup_plan(struct cgroup_host *host, const char *path, struct cgroup *ret_cgroup,
		struct err *err);

/*
 * The same from the directories that a state file holds. Names of unknown hierarchies are
 * ERR_INVALID.
 */
int cgroup_from_dirs(const struct cgroup_host *host, const char *const *dirs, size_t count,
		     struct cgroup *ret_cgroup, struct err *err);

/*
 * The cgroups that a process is in (from /proc/PID/cgroup): what exec joins when a container's
 * init has moved itself beneath the container's cgroup.
 */
int cgroup_of_pid(struct cgroup_host *host, pid_t pid, struct cgroup *ret_cgroup, struct err *err);

/* The directory in hierarchy i (0 to host->count - 1), "" when there is none. */
static inline const char *cgroup_dir(const struct cgroup *cgroup, size_t i)
{
	return cgroup->text + cgroup->dir_at[i];
}

/*
 * Makes the directories and, on v2, enables all controllers on the way down. Parents made on the
 * way stay when the cgroup goes, as others may use them by then. A leaf that exists is taken over
 * when no process is in it. On failure the directories that it made are gone again, and the others
 * are somebody else's: the caller must not cgroup_remove() them, least of all with
 * CGROUP_REMOVE_KILL.
 * The same is true of a journal: until cgroup_create() succeeded its directories are only planned.
 */
int cgroup_create(struct cgroup *cgroup, struct err *err);

/*
 * The same for a caller that can do without: a hierarchy where it may not make the cgroup (no right, or
 * mounted read-only) is left out, and its cgroup_dir() is "" from then on. Returns how many were
 * left out; ret_denial says why the first was.
 */
int cgroup_create_allowed(struct cgroup *cgroup, struct err *ret_denial, struct err *err);

/* Whether a negative result means that the caller may not: EACCES, EPERM, EROFS. */
bool cgroup_is_denial(int rc);

/*
 * Takes over the directories that somebody else has made (systemd.h), and makes those of hierarchies
 * that he leaves out. ERR_CONFLICT when the one that he must have made is not there.
 */
int cgroup_adopt(struct cgroup *cgroup, struct err *err);

/* What a new process needs to be in the cgroup. */
struct cgroup_entry {
	int clone_fd; /* for clone3's `cgroup` with CLONE_INTO_CGROUP; FD_NONE on a pure v1 host */
	size_t count;
	int tasks_fds[CGROUP_HIERARCHIES_MAX]; /* v1 */
};

/*
 * Opens the cgroup's entry points in the parent. `sub` names a cgroup beneath (exec --cgroup), NULL
 * for the cgroup itself. For v2, ERR_CONFLICT says that the cgroup cannot hold processes, being a
 * parent with controllers.
 */
int cgroup_entry_open(const struct cgroup *cgroup, const char *sub, struct cgroup_entry *ret_entry,
		      struct err *err);

/*
 * The same with a cgroup of its own for some controllers: each of subs is "PATH", for all, or
 * "CONTROLLER[,CONTROLLER...]:PATH" for these of v1. ERR_INVALID for a controller that is not there, is
 * named twice, or for two paths without controllers. count 0: the cgroup itself.
 */
int cgroup_entry_open_each(const struct cgroup *cgroup, const char *const *subs, size_t count,
			   struct cgroup_entry *ret_entry, struct err *err);
void cgroup_entry_done(struct cgroup_entry *entry);

/*
 * In the child, single-threaded, right after clone3: joins the v1 hierarchies. No heap, no locks.
 */
int cgroup_enter_self(const struct cgroup_entry *entry, struct err *err);

enum cgroup_remove_flag {
	CGROUP_REMOVE_KILL = 1, /* SIGKILL what is left in it */
};

/*
 * Removes directories as cgroup_dir() names them, and cgroups beneath them. EBUSY (tasks that are
 * dying) is retried for up to timeout_ms over all of them; a directory that is gone is fine. Tries
 * all, reports the first failure.
 */
int cgroup_remove(const char *const *dirs, size_t count, unsigned timeout_ms, unsigned flags,
		  struct err *err);

#endif
