#include "runtime/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/cgroup/cgroup.h"
#include "kern/exec/exec.h"
#include "kern/ns/ns.h"
#include "kern/pidfd/pidfd.h"
#include "kern/proc/procfs.h"
#include "runtime/config.h"
#include "runtime/console.h"
#include "runtime/control.h"
#include "runtime/environment.h"
#include "runtime/filter.h"
#include "runtime/limits.h"
#include "runtime/payload.h"
#include "runtime/pid_file.h"
#include "runtime/seal.h"
#include "runtime/start.h"
#include "runtime/sync.h"
#include "runtime/terminal.h"

struct exec {
	struct container *container;
	const struct exec_options *options;
	struct oci_process process; /* a copy: the environment grows */
	struct caps_sets caps;
	struct filter filter;
	struct cgroup_host cgroup_host;
	struct cgroup cgroup;
	struct cgroup_entry entry;
	int init_pidfd;
	int console_fd;
	int stage_fd;
	int sync_fds[2];
	char path[STAGE_PATH_MAX];
};

static void exec_init(struct exec *exec, struct container *container,
		      const struct exec_options *options)
{
	memset(exec, 0, sizeof(*exec));
	exec->container = container;
	exec->options = options;
	exec->process = *options->process;
	exec->cgroup_host.root_fd = FD_NONE;
	exec->entry.clone_fd = FD_NONE;
	exec->init_pidfd = FD_NONE;
	exec->console_fd = FD_NONE;
	exec->stage_fd = FD_NONE;
	for (size_t i = 0; i < 2; i++)
		exec->sync_fds[i] = FD_NONE;
}

static void exec_done(struct exec *exec)
{
	cgroup_entry_done(&exec->entry);
	cgroup_host_close(&exec->cgroup_host);
	fd_closep(&exec->init_pidfd);
	fd_closep(&exec->console_fd);
	fd_closep(&exec->stage_fd);
	for (size_t i = 0; i < 2; i++)
		fd_closep(&exec->sync_fds[i]);
}

static int exec_find_container(struct exec *exec, struct err *err)
{
	enum oci_status status = container_status(exec->container, &exec->init_pidfd);

	if (status != OCI_STATUS_RUNNING && status != OCI_STATUS_CREATED)
		return err_set(err, ERR_CONFLICT, 0,
			       "cannot exec in container '%s': it is %s, not running",
			       exec->container->record.id, oci_status_names[status]);
	if (!exec->options->ignore_paused && control_status(exec->container) == OCI_STATUS_PAUSED)
		return err_set(
			err, ERR_CONFLICT, 0,
			"cannot exec in a paused container (use --ignore-paused to override)");
	return 0;
}

static int exec_resolve(struct exec *exec, struct err *err)
{
	const struct exec_options *options = exec->options;
	char names[1024], text[1200];
	uint64_t dropped = 0;
	int rc = config_resolve_caps(&exec->process, &exec->caps, &dropped, NULL, err);

	if (rc == 0)
		rc = filter_prepare(&exec->container->config.linux->seccomp,
				    exec->container->root_fd, &exec->container->arena,
				    &exec->filter, err);
	if (rc < 0)
		return rc;
	if (dropped != 0 && oci_config_namespace(&exec->container->config, OCI_NS_USER) == NULL) {
		(void)snprintf(text, sizeof(text),
			       "capabilities not granted, as the runtime lacks them: %s",
			       caps_format(dropped, names, sizeof(names)));
		options->warn(options->warn_context, text);
	}
	return 0;
}

static int exec_open_cgroup(struct exec *exec, struct err *err)
{
	const json_strings *dirs = &exec->container->record.cgroup_paths;
	int rc = cgroup_host_open(&exec->cgroup_host, err);

	if (rc == 0)
		rc = cgroup_from_dirs(&exec->cgroup_host, dirs->items, dirs->count, &exec->cgroup,
				      err);
	if (rc == 0)
		rc = cgroup_entry_open(&exec->cgroup, exec->options->cgroup, &exec->entry, err);
	return rc;
}

static int exec_open_channels(struct exec *exec, int *ret_master, struct err *err)
{
	int rc = console_connect(&exec->process, exec->options->console_socket,
				 exec->options->proxy_terminal, &exec->console_fd, ret_master, err);

	if (rc == 0)
		rc = sync_pair(exec->sync_fds, err);
	if (rc < 0)
		return rc;
	exec->stage_fd = seal_stage(err);
	return exec->stage_fd < 0 ? exec->stage_fd : 0;
}

/* Every namespace that the container was given; the PID namespace is entered by being born in it. */
static int exec_namespaces(const struct exec *exec)
{
	static const int flags[OCI_NS_COUNT] = {
		[OCI_NS_NETWORK] = CLONE_NEWNET, [OCI_NS_MOUNT] = CLONE_NEWNS,
		[OCI_NS_IPC] = CLONE_NEWIPC,     [OCI_NS_UTS] = CLONE_NEWUTS,
		[OCI_NS_USER] = CLONE_NEWUSER,   [OCI_NS_CGROUP] = CLONE_NEWCGROUP,
	};
	const struct oci_linux *config = exec->container->config.linux;
	int all = 0;

	for (size_t i = 0; i < config->namespaces.count; i++)
		all |= flags[config->namespaces.items[i].type];
	return all;
}

static void exec_clamped(void *context, const char *name, uint64_t hard)
{
	(void)context;
	(void)name;
	(void)hard;
}

static int exec_enter(struct exec *exec, int *ret_root_fd, struct err *err)
{
	int rc = cgroup_enter_self(&exec->entry, err);

	if (rc == 0)
		rc = ns_join_pidfd(exec->init_pidfd, exec_namespaces(exec), err);
	if (rc < 0)
		return err_wrap(err, rc, "enter container '%s'", exec->container->record.id);
	if (oci_config_namespace(&exec->container->config, OCI_NS_USER) != NULL)
		rc = caps_set_user(0, 0, NULL, 0, err);
	if (rc < 0)
		return rc;
	*ret_root_fd = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *ret_root_fd < 0 ? err_errno(err, "open the container's root") : 0;
}

static int exec_set_up(struct exec *exec, int root_fd, struct err *err)
{
	struct oci_process *process = &exec->process;
	int rc = console_attach(process, root_fd, exec->console_fd, false, err);

	if (rc == 0 && process->oom_score_adj != NULL) {
		auto_fd proc = procfs_open(err);
		rc = proc < 0 ? proc : procfs_set_oom_score_adj(proc, *process->oom_score_adj, err);
	}
	if (rc == 0)
		rc = environment_enter_cwd(root_fd, process->cwd, err);
	if (rc == 0)
		rc = environment_add_home(root_fd, process, &exec->container->arena, err);
	if (rc == 0)
		rc = exec_find(root_fd, process->args.items[0],
			       environment_get(&process->env, "PATH"), process->cwd, exec->path,
			       sizeof(exec->path), err);
	if (rc == 0)
		rc = limits_set(process, 0, false, exec_clamped, NULL, err);
	return rc;
}

/* The child's side. Never returns. */
static void exec_inside(struct exec *exec)
{
	struct err err, ignored;
	int root_fd = FD_NONE;

	terminal_unblock_signals();
	fd_closep(&exec->sync_fds[0]);
	int rc = exec_enter(exec, &root_fd, &err);
	if (rc == 0)
		rc = exec_set_up(exec, root_fd, &err);
	struct payload payload = {
		.process = &exec->process,
		.caps = &exec->caps,
		.path = exec->path,
		.filter = exec->filter.insns,
		.filter_count = exec->filter.count,
		.filter_flags = exec->filter.flags,
		.set_groups = true,
		.preserve_fds = exec->options->preserve_fds,
		.stage_fd = exec->stage_fd,
		.go_fd = FD_NONE,
		.linger = true,
		.result_fd = exec->sync_fds[1],
	};
	if (rc == 0)
		(void)payload_execute(&payload, &err);
	(void)sync_send(exec->sync_fds[1], SYNC_FAILED, &err, &ignored);
	_exit(1);
}

static int exec_follow(struct exec *exec, pid_t pid, struct err *err)
{
	const struct exec_options *options = exec->options;
	struct sync_message message;
	char root[32];
	int rc = options->pid_file != NULL ? pid_file_write(options->pid_file, pid, err) : 0;

	if (rc == 0)
		rc = sync_await_exec(exec->sync_fds[0], &message, options->warn,
				     options->warn_context, err);
	if (rc <= 0)
		return rc;
	(void)snprintf(root, sizeof(root), "/proc/%d/root", pid);
	auto_fd root_fd = openat(AT_FDCWD, root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return start_explain_result(&message.result, root_fd, &exec->process, err);
}

static int exec_clone(struct exec *exec, struct exec_process *process, struct err *err)
{
	int rc = 0;

	/* Only children enter a PID namespace: the runtime itself stays outside. */
	if (oci_config_namespace(&exec->container->config, OCI_NS_PID) != NULL)
		rc = ns_join_pidfd(exec->init_pidfd, CLONE_NEWPID, err);
	if (rc < 0)
		return rc;
	process->pid = ns_clone(0, exec->entry.clone_fd, &process->pidfd, err);
	if (process->pid < 0)
		return process->pid;
	if (process->pid == 0)
		exec_inside(exec);
	fd_closep(&exec->sync_fds[1]);
	fd_closep(&exec->console_fd);
	rc = exec_follow(exec, process->pid, err);
	if (rc < 0) {
		struct err ignored;
		int status;
		(void)pidfd_signal(process->pidfd, SIGKILL, &ignored);
		(void)pidfd_wait(process->pidfd, -1, &status, &ignored);
	}
	return rc;
}

int exec_start(struct container *container, const struct exec_options *options,
	       struct exec_process *ret_process, struct err *err)
{
	struct exec exec;

	exec_init(&exec, container, options);
	*ret_process = (struct exec_process){0, FD_NONE, FD_NONE};
	int rc = exec_find_container(&exec, err);
	if (rc == 0)
		rc = exec_resolve(&exec, err);
	if (rc == 0)
		rc = exec_open_cgroup(&exec, err);
	if (rc == 0)
		rc = exec_open_channels(&exec, &ret_process->master_fd, err);
	if (rc == 0)
		rc = exec_clone(&exec, ret_process, err);
	exec_done(&exec);
	if (rc < 0) {
		fd_closep(&ret_process->pidfd);
		fd_closep(&ret_process->master_fd);
	}
	return rc;
}
