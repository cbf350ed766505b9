/* Clones the container's first process and hears from it until it is ready. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "kern/ns/ns.h"
#include "kern/pidfd/pidfd.h"
#include "kern/proc/procfs.h"
#include "kern/uapi.h"
#include "runtime/seal.h"
#include "runtime/steps/steps.h"
#include "runtime/sync.h"

/* A cgroup namespace is unshared once the process is in its cgroup; time has only unshare. */
#define MADE_INSIDE (CLONE_NEWCGROUP | CLONE_NEWTIME)

/*
 * What the runtime itself joins for the moment of the clone: a PID namespace, which only children
 * enter, and, when a new user namespace is made, all others, which the new one has no right to join.
 */
static bool process_joins_before(const struct start *start, enum oci_namespace_type type)
{
	if (start->join_fds[type] < 0)
		return false;
	return type == OCI_NS_PID || ((start->new_namespaces & CLONE_NEWUSER) != 0 &&
				      type != OCI_NS_MOUNT && type != OCI_NS_CGROUP);
}

struct process_home {
	int fds[OCI_NS_COUNT];
};

static int process_leave_home(struct start *start, struct process_home *home, struct err *err)
{
	for (size_t type = 0; type < OCI_NS_COUNT; type++)
		home->fds[type] = FD_NONE;
	for (size_t type = 0; type < OCI_NS_COUNT; type++) {
		const struct ns_type *kind = ns_type_of_name(oci_namespace_names[type]);
		char own[32];
		if (kind == NULL || !process_joins_before(start, (enum oci_namespace_type)type))
			continue;
		(void)snprintf(own, sizeof(own), "/proc/self/ns/%s", kind->file);
		home->fds[type] = ns_open(own, kind->flag, err);
		if (home->fds[type] < 0)
			return home->fds[type];
		int rc = ns_join(start->join_fds[type], kind->flag, err);
		if (rc < 0)
			return err_wrap(err, rc, "join the %s namespace", kind->name);
		if (type != OCI_NS_PID)
			fd_closep(&start->join_fds[type]); /* the child is born in it */
	}
	return 0;
}

static int process_come_home(struct process_home *home, struct err *err)
{
	int rc = 0;

	for (size_t type = 0; type < OCI_NS_COUNT; type++) {
		if (rc == 0 && home->fds[type] >= 0)
			rc = ns_join(home->fds[type], 0, err);
		fd_closep(&home->fds[type]);
	}
	return rc;
}

static int process_prepare(struct start *start, struct err *err)
{
	start->stage_fd = seal_stage(err);
	return start->stage_fd < 0 ? start->stage_fd : sync_pair(start->sync_fds, err);
}

/* From here on `delete` can find and kill the process. */
static int process_record(struct start *start, struct err *err)
{
	struct pidfd_stat stat;
	auto_fd proc = procfs_open_by(PROCFS_HOST, err);

	if (proc < 0)
		return proc;
	int rc = pidfd_read_stat(proc, start->pid, &stat, err);
	if (rc < 0)
		return rc;
	start->container.record.pid = start->pid;
	start->container.record.pid_start = stat.start_time;
	return container_save(&start->container, err);
}

int step_process_clone(struct start *start, struct err *err)
{
	struct process_home home;
	int rc = process_prepare(start, err);

	if (rc < 0)
		return rc;
	rc = process_leave_home(start, &home, err);
	if (rc == 0) {
		pid_t pid = ns_clone(start->new_namespaces & ~(uint64_t)MADE_INSIDE,
				     start->cgroup_entry.clone_fd, &start->pidfd, err);
		if (pid < 0)
			rc = pid;
		else
			start->pid = pid;
	}
	if (start->pid == 0) {
		fd_closep(&start->sync_fds[0]);
		fd_closep(&start->master_fd);
		return 0;
	}
	struct err second;
	int home_rc = process_come_home(&home, &second);
	if (rc == 0 && home_rc < 0) {
		*err = second;
		rc = home_rc;
	}
	fd_closep(&start->sync_fds[1]);
	fd_closep(&start->console_fd);
	if (rc == 0)
		rc = process_record(start, err);
	if (rc < 0)
		step_process_kill(start);
	return rc;
}

void step_process_kill(struct start *start)
{
	struct err ignored;
	int status;

	if (start->pid <= 0)
		return;
	(void)pidfd_signal(start->pidfd, SIGKILL, &ignored);
	(void)pidfd_wait(start->pidfd, -1, &status, &ignored);
	start->pid = -1;
}

int step_process_ready(struct start *start, struct err *err)
{
	struct sync_message message;

	if (!start->options->wait_for_start) {
		struct err ignored;
		/* The record is written. Of a process that is gone start_await() hears more. */
		(void)sync_send(start->sync_fds[0], SYNC_GO, NULL, &ignored);
		return 0;
	}
	for (;;) {
		int rc = sync_receive(start->sync_fds[0], &message, err);
		if (rc < 0)
			return rc;
		if (message.type == SYNC_READY)
			return 0;
		if (message.type == SYNC_FAILED) {
			*err = message.err;
			return err->sys > 0 ? -err->sys : -EIO;
		}
		start_warn(start, "%s", message.err.text);
	}
}
