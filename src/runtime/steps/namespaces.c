/* Opens the namespaces to join before the clone; joins and unshares in the container's process. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kern/ns/ns.h"
#include "kern/proc/procfs.h"
#include "kern/uapi.h"
#include "runtime/steps/steps.h"
#include "runtime/sync.h"

static const int namespace_flags[OCI_NS_COUNT] = {
	[OCI_NS_PID] = CLONE_NEWPID,       [OCI_NS_NETWORK] = CLONE_NEWNET,
	[OCI_NS_MOUNT] = CLONE_NEWNS,      [OCI_NS_IPC] = CLONE_NEWIPC,
	[OCI_NS_UTS] = CLONE_NEWUTS,       [OCI_NS_USER] = CLONE_NEWUSER,
	[OCI_NS_CGROUP] = CLONE_NEWCGROUP, [OCI_NS_TIME] = CLONE_NEWTIME,
};

bool step_has_userns(const struct start *start)
{
	return oci_config_namespace(start->config, OCI_NS_USER) != NULL;
}

int step_namespaces_open(struct start *start, struct err *err)
{
	const struct oci_linux *config = start->config->linux;

	for (size_t i = 0; i < config->namespaces.count; i++) {
		const struct oci_namespace *namespace = &config->namespaces.items[i];
		int flag = namespace_flags[namespace->type];
		if (namespace->path == NULL || namespace->path[0] == '\0') {
			start->new_namespaces |= (uint64_t)flag;
			continue;
		}
		int fd = ns_open(namespace->path, flag, err);
		if (fd < 0)
			return err_wrap(err, fd, "linux.namespaces[%zu].path", i);
		start->join_fds[namespace->type] = fd;
	}
	return 0;
}

static int namespaces_join(struct start *start, struct err *err)
{
	static const enum oci_namespace_type order[] = {
		OCI_NS_NETWORK, OCI_NS_IPC, OCI_NS_UTS, OCI_NS_CGROUP, OCI_NS_TIME, OCI_NS_MOUNT,
	};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		int fd = start->join_fds[order[i]];
		if (fd < 0)
			continue;
		int rc = ns_join(fd, namespace_flags[order[i]], err);
		if (rc < 0)
			return err_wrap(err, rc, "join the %s namespace",
					oci_namespace_names[order[i]]);
	}
	return 0;
}

static int namespaces_set_time(struct start *start, struct err *err)
{
	const struct oci_linux *config = start->config->linux;
	int rc = 0;

	if (!(start->new_namespaces & CLONE_NEWTIME))
		return config->time_offsets.count == 0
			       ? 0
			       : err_set(err, ERR_INVALID, 0,
					 "linux.timeOffsets needs a new time namespace");
	rc = ns_unshare(CLONE_NEWTIME, err);
	for (size_t i = 0; rc == 0 && i < config->time_offsets.count; i++)
		rc = ns_set_time_offset(start->proc_fd, config->time_offsets.items[i].clock,
					config->time_offsets.items[i].secs,
					config->time_offsets.items[i].nanosecs, err);
	if (rc < 0)
		return rc;
	auto_fd fd = procfs_open_at(start->proc_fd, "self/ns", O_RDONLY | O_DIRECTORY, err);
	if (fd < 0)
		return fd;
	auto_fd time = openat(fd, "time_for_children", O_RDONLY | O_CLOEXEC);
	if (time < 0)
		return err_errno(err, "open the new time namespace");
	return ns_join(time, CLONE_NEWTIME, err);
}

int step_become_root(struct err *err)
{
	int rc = caps_set_user(0, 0, NULL, 0, err);

	return rc == -EINVAL ? err_wrap(err, rc, "linux.uidMappings: id 0 must be mapped") : rc;
}

int step_sync_namespaces(struct start *start, struct err *err)
{
	struct sync_message message;
	int rc = sync_send(start->sync_fds[1], SYNC_NAMESPACES, NULL, err);

	return rc < 0 ? rc : sync_receive(start->sync_fds[1], &message, err);
}

bool step_holds_namespaces(const struct start *start)
{
	/* It must be in its cgroup before it gets a namespace of it: see step_systemd_attach(). */
	return (start->new_namespaces & CLONE_NEWUSER) != 0 ||
	       start->config->linux->net_devices.count > 0 || step_systemd_attaches(start);
}

int step_namespaces_release(struct start *start, struct err *err)
{
	if (!step_holds_namespaces(start))
		return 0;
	int rc = sync_await(start->sync_fds[0], SYNC_NAMESPACES, start->options->warn,
			    start->options->log_context, err);
	return rc < 0 ? rc : sync_send(start->sync_fds[0], SYNC_GO, NULL, err);
}

/* The kernel takes its time to end an instance: only those make one that write there. */
static bool namespaces_need_procfs(const struct start *start)
{
	return (start->new_namespaces & CLONE_NEWTIME) != 0 ||
	       start->config->linux->sysctl.count > 0 || labels_are_set(&start->labels);
}

int step_namespaces_enter(struct start *start, struct err *err)
{
	int rc = namespaces_join(start, err);

	if (rc == 0 && step_holds_namespaces(start))
		rc = step_sync_namespaces(start, err);
	if (rc < 0)
		return rc;
	if (namespaces_need_procfs(start)) {
		start->proc_fd = procfs_open(err);
		rc = start->proc_fd < 0 ? start->proc_fd : 0;
	}
	if (rc == 0 && (start->new_namespaces & CLONE_NEWCGROUP) != 0)
		rc = ns_unshare(CLONE_NEWCGROUP, err);
	if (rc == 0)
		rc = namespaces_set_time(start, err);
	if (rc < 0 || !step_has_userns(start))
		return rc;
	rc = step_sources_open_inside(start, err);
	return rc < 0 ? rc : step_become_root(err);
}
