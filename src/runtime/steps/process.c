/* Clones the container's first process and hears from it until it is ready. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kern/ns/ns.h"
#include "kern/pidfd/pidfd.h"
#include "kern/proc/procfs.h"
#include "kern/uapi.h"
#include "runtime/listener.h"
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

/*
 * Joins all that the first process is to be born in. A user namespace gives the rights for what
 * belongs to it and takes those for what is the host's: the latter comes first. Cgroup and mount
 * namespaces are joined by the process itself, once it is in its cgroup.
 */
static int process_join_user(struct start *start, struct err *err)
{
	static const enum oci_namespace_type others[] = {OCI_NS_NETWORK, OCI_NS_IPC, OCI_NS_UTS,
							 OCI_NS_PID, OCI_NS_TIME};
	int *user = &start->join_fds[OCI_NS_USER];
	struct err ignored;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		int *fd = &start->join_fds[others[i]];
		if (*fd >= 0 && ns_join(*fd, 0, &ignored) == 0)
			fd_closep(fd);
	}
	int own = ns_is_own(*user, CLONE_NEWUSER, err);
	int rc = own == 0 ? ns_join(*user, CLONE_NEWUSER, err) : own;
	if (rc < 0)
		return err_wrap(err, rc, "join the user namespace");
	fd_closep(user);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		int *fd = &start->join_fds[others[i]];
		rc = *fd < 0 ? 0 : ns_join(*fd, 0, err);
		if (rc < 0)
			return err_wrap(
				err, rc,
				"join the %s namespace: does it belong to the user namespace?",
				oci_namespace_names[others[i]]);
		fd_closep(fd);
	}
	return 0;
}

/*
 * Before it joins a user namespace in which others may have every right. A user's own processes, unlike
 * root's, are not hidden yet; what they have to write to their /proc comes first, and is inherited.
 */
static int process_hide(struct start *start, struct err *err)
{
	int rc = step_oom_score_set(start, err);

	start->oom_score_set = rc == 0;
	return rc < 0 ? rc : seal_hide(err);
}

/* The helper's whole life. Returns in the first process alone, its sibling. */
static void process_bear(struct start *start, int tell_fd)
{
	uint64_t flags = CLONE_PARENT | (start->new_namespaces & ~(uint64_t)MADE_INSIDE);
	struct err err, ignored;
	int rc = process_hide(start, &err);

	if (rc == 0)
		rc = process_join_user(start, &err);
	if (rc == 0) {
		pid_t pid = ns_clone(flags, start->cgroup_entry.clone_fd, NULL, &err);
		if (pid == 0)
			return;
		rc = pid < 0 ? pid : sync_send_child(tell_fd, pid, &err);
	}
	if (rc < 0)
		(void)sync_send(tell_fd, SYNC_FAILED, &err, &ignored);
	_exit(0);
}

static int process_meet(struct start *start, int fd, struct err *err)
{
	struct sync_message message;
	int rc = sync_receive(fd, &message, err);

	if (rc < 0)
		return rc;
	if (message.type == SYNC_FAILED)
		return sync_failure(&message, err);
	if (message.type != SYNC_CHILD || message.pid <= 0)
		return err_set(err, ERR_SYSTEM, EPROTO,
			       "an unexpected message (%u) of the clone's helper", message.type);
	start->pidfd = pidfd_of(message.pid, err); /* our child: the number stays its own */
	if (start->pidfd < 0)
		return start->pidfd;
	start->pid = message.pid;
	return 0;
}

/*
 * The other namespaces must belong to the user namespace that is joined, and there is no way back
 * from it: a helper joins it, and the first process is born as the helper's sibling.
 */
static int process_clone_in_user(struct start *start, struct err *err)
{
	struct err ignored;
	auto_fd helper = FD_NONE;
	int fds[2], status;
	int rc = sync_pair(fds, err);

	if (rc < 0)
		return rc;
	auto_fd hear = fds[0];
	auto_fd tell = fds[1];
	pid_t pid = ns_clone(0, FD_NONE, &helper, err);
	if (pid < 0)
		return pid;
	if (pid == 0) {
		process_bear(start, tell);
		start->pid = 0;
		return 0;
	}
	fd_closep(&tell);
	rc = process_meet(start, hear, err);
	(void)pidfd_wait(helper, -1, &status, &ignored);
	return rc;
}

static int process_prepare(struct start *start, struct err *err)
{
	start->stage_fd = seal_stage(err);
	int rc = start->stage_fd < 0 ? start->stage_fd : sync_pair(start->sync_fds, err);
	return rc < 0 ? rc : listener_pair(&start->filter, start->listener_fds, err);
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

static pid_t process_clone_once(struct start *start, struct err *err)
{
	return ns_clone(start->new_namespaces & ~(uint64_t)MADE_INSIDE,
			start->cgroup_entry.clone_fd, &start->pidfd, err);
}

/*
 * An ordinary user's own cgroup cannot be entered from one that is not: what both have in common would
 * have to be the user's too.
 */
static pid_t process_clone(struct start *start, struct err *err)
{
	struct err why;
	pid_t pid = process_clone_once(start, &why);

	if (pid != -EACCES || start->cgroup_entry.clone_fd < 0) {
		if (pid < 0)
			*err = why;
		return pid;
	}
	(void)err_wrap(&why, pid, "enter the control group from the runtime's own");
	int rc = step_cgroup_forgo(start, &why, err);
	return rc < 0 ? rc : process_clone_once(start, err);
}

static int process_clone_from_home(struct start *start, struct err *err)
{
	struct process_home home;
	int rc = process_leave_home(start, &home, err);

	if (rc == 0) {
		pid_t pid = process_clone(start, err);
		if (pid < 0)
			rc = pid;
		else
			start->pid = pid;
	}
	if (start->pid == 0)
		return 0;
	struct err second;
	int home_rc = process_come_home(&home, &second);
	if (rc == 0 && home_rc < 0) {
		*err = second;
		rc = home_rc;
	}
	return rc;
}

int step_process_clone(struct start *start, struct err *err)
{
	int rc = process_prepare(start, err);

	if (rc < 0)
		return rc;
	rc = start->join_fds[OCI_NS_USER] >= 0 ? process_clone_in_user(start, err)
					       : process_clone_from_home(start, err);
	if (start->pid == 0) {
		fd_closep(&start->sync_fds[0]);
		fd_closep(&start->listener_fds[0]);
		fd_closep(&start->master_fd);
		return 0;
	}
	fd_closep(&start->sync_fds[1]);
	fd_closep(&start->listener_fds[1]);
	fd_closep(&start->console_fd);
	if (rc == 0)
		rc = process_record(start, err);
	if (rc == 0)
		rc = step_systemd_attach(start, err);
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
	if (!start->options->wait_for_start) {
		struct err ignored;
		/* The record is written. Of a process that is gone start_await() hears more. */
		(void)sync_send(start->sync_fds[0], SYNC_GO, NULL, &ignored);
		return 0;
	}
	int rc = sync_await(start->sync_fds[0], SYNC_READY, start->options->warn,
			    start->options->log_context, err);
	if (rc == 0)
		step_systemd_settle(start);
	return rc;
}
