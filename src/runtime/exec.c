#include "runtime/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
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
#include "runtime/keyring.h"
#include "runtime/limits.h"
#include "runtime/listener.h"
#include "runtime/payload.h"
#include "runtime/pid_file.h"
#include "runtime/rdt.h"
#include "runtime/seal.h"
#include "runtime/start.h"
#include "runtime/steps/steps.h"
#include "runtime/sync.h"
#include "runtime/terminal.h"
#include "runtime/tune.h"

struct exec {
	struct container *container;
	const struct exec_options *options;
	struct oci_process process; /* a copy: the environment grows */
	struct proc_status self;    /* the runtime */
	struct caps_sets caps;
	struct labels labels;
	struct filter filter;
	struct cgroup_host cgroup_host;
	struct cgroup cgroup;
	struct cgroup_entry entry;
	int init_pidfd;
	int console_fd;
	int stage_fd;
	int sync_fds[2];
	int listener_fds[2]; /* FD_NONE: the filter has no listener */
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
	for (size_t i = 0; i < 2; i++) {
		exec->sync_fds[i] = FD_NONE;
		exec->listener_fds[i] = FD_NONE;
	}
}

static void exec_done(struct exec *exec)
{
	cgroup_entry_done(&exec->entry);
	cgroup_host_close(&exec->cgroup_host);
	fd_closep(&exec->init_pidfd);
	fd_closep(&exec->console_fd);
	fd_closep(&exec->stage_fd);
	for (size_t i = 0; i < 2; i++) {
		fd_closep(&exec->sync_fds[i]);
		fd_closep(&exec->listener_fds[i]);
	}
}

static int exec_find_container(struct exec *exec, struct exec_process *process, struct err *err)
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

static int exec_resolve(struct exec *exec, struct exec_process *process, struct err *err)
{
	const struct exec_options *options = exec->options;
	BUF_AUTO(unknown, 4096);
	char names[1024], text[4200];
	uint64_t dropped = 0;

	proc_status_read(&exec->self);
	int rc = config_resolve_caps(&exec->process, &exec->self, &exec->caps, &dropped, &unknown,
				     err);

	if (rc == 0)
		rc = labels_resolve(&exec->process, NULL, &exec->labels, err);
	if (rc == 0)
		rc = filter_prepare(&exec->container->config.linux->seccomp,
				    exec->container->root_fd, &exec->container->arena,
				    &exec->filter, err);
	if (rc < 0)
		return rc;
	if (oci_config_namespace(&exec->container->config, OCI_NS_USER) != NULL) {
		config_grant_caps(&exec->process, &exec->caps);
	} else if (dropped != 0) {
		(void)snprintf(text, sizeof(text),
			       "capabilities not granted, as the runtime lacks them: %s",
			       caps_format(dropped, names, sizeof(names)));
		options->warn(options->log_context, text);
	}
	if (unknown.len > 0) {
		(void)snprintf(text, sizeof(text), "unknown capabilities ignored: %s",
			       unknown.data);
		options->warn(options->log_context, text);
	}
	return 0;
}

static int exec_open_cgroup(struct exec *exec, struct exec_process *process, struct err *err)
{
	const json_strings *dirs = &exec->container->record.cgroup_paths;

	if (dirs->count == 0) /* it runs without one */
		return exec->options->cgroup_count == 0
			       ? 0
			       : err_set(err, ERR_INVALID, 0,
					 "--cgroup '%s': container '%s' runs without a control "
					 "group",
					 exec->options->cgroups[0], exec->container->record.id);
	int rc = cgroup_host_open(&exec->cgroup_host, err);

	if (rc == 0)
		rc = cgroup_from_dirs(&exec->cgroup_host, dirs->items, dirs->count, &exec->cgroup,
				      err);
	if (rc == 0)
		rc = cgroup_entry_open_each(&exec->cgroup, exec->options->cgroups,
					    exec->options->cgroup_count, &exec->entry, err);
	return rc;
}

static int exec_open_channels(struct exec *exec, struct exec_process *process, struct err *err)
{
	int rc = console_connect(&exec->process, exec->options->console_socket,
				 exec->options->proxy_terminal, &exec->console_fd,
				 &process->master_fd, err);

	if (rc == 0)
		rc = sync_pair(exec->sync_fds, err);
	if (rc == 0)
		rc = listener_pair(&exec->filter, exec->listener_fds, err);
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
	const struct exec *exec = context;
	struct err about = {.kind = ERR_NONE}, ignored;

	(void)err_set(&about, ERR_INVALID, 0,
		      "process.rlimits: %s lowered to %" PRIu64 ", the most that this host allows",
		      name, hard);
	(void)sync_send(exec->sync_fds[1], SYNC_WARNING, &about, &ignored);
}

/* The container's session keyring; runc's name for it is how it is found. */
static int exec_join_keyring(const struct exec *exec, struct err *err)
{
	struct err about;
	int rc = exec->container->record.no_new_keyring
			 ? 0
			 : keyring_join(exec->container->record.id, false, &about);

	if (rc < 0 && rc != -ENOSYS)
		*err = about;
	return rc == -ENOSYS ? 0 : rc;
}

static int exec_join(const struct exec *exec, struct err *err)
{
	int all = exec_namespaces(exec);
	struct err refused;

	/* First, while it may; it is children that are born there, see exec_bear(). */
	if (oci_config_namespace(&exec->container->config, OCI_NS_PID) != NULL) {
		int rc = ns_join_pidfd(exec->init_pidfd, CLONE_NEWPID, &refused);
		/* An ordinary user may by the rights alone that the container's user namespace gives. */
		if (rc == -EPERM && (all & CLONE_NEWUSER) != 0) {
			all |= CLONE_NEWPID;
		} else if (rc < 0) {
			*err = refused;
			return rc;
		}
	}
	return ns_join_pidfd(exec->init_pidfd, all, err);
}

static int exec_enter(struct exec *exec, int *ret_root_fd, struct err *err)
{
	const int32_t *score = exec->process.oom_score_adj;
	bool label_keyring =
		exec->labels.selinux != NULL && !exec->container->record.no_new_keyring;
	int rc = cgroup_enter_self(&exec->entry, err);

	if (rc == 0)
		rc = rdt_join_self(exec->container, err);
	if (rc == 0)
		rc = tune_arrive(&exec->process, err);
	if (rc == 0 && (score != NULL || label_keyring)) {
		auto_fd proc = procfs_open_by(PROCFS_HOST, err);
		rc = proc < 0 ? proc : 0;
		if (rc == 0 && score != NULL)
			rc = procfs_set_oom_score_adj(proc, *score, err);
		if (rc == 0 && label_keyring)
			rc = labels_set_keyring(&exec->labels, proc, err);
	}
	if (rc == 0)
		rc = seal_hide(err); /* its entries of /proc are root's from now on */
	/* What of the host's is open must not be there for others to find in the container. */
	cgroup_entry_done(&exec->entry);
	cgroup_host_close(&exec->cgroup_host);
	fd_closep(&exec->container->dir_fd);
	fd_closep(&exec->container->root_fd);
	if (rc == 0)
		rc = exec_join(exec, err);
	fd_closep(&exec->init_pidfd);
	if (rc < 0)
		return err_wrap(err, rc, "enter container '%s'", exec->container->record.id);
	if (oci_config_namespace(&exec->container->config, OCI_NS_USER) != NULL)
		rc = step_become_root(err);
	if (rc == 0)
		rc = exec_join_keyring(exec, err);
	if (rc < 0)
		return rc;
	*ret_root_fd = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *ret_root_fd < 0 ? err_errno(err, "open the container's root") : 0;
}

static int exec_set_up(struct exec *exec, int root_fd, int *ret_slave, struct err *err)
{
	struct oci_process *process = &exec->process;
	bool proxy = exec->options->proxy_terminal && exec->options->console_socket == NULL;
	int rc = console_open(process, root_fd, exec->console_fd, false, proxy, ret_slave, err);

	if (rc == 0)
		rc = environment_enter_cwd(root_fd, process->cwd, err);
	if (rc == 0)
		rc = environment_add_home(root_fd, process, &exec->container->arena, err);
	if (rc == 0)
		rc = exec_find(root_fd, process->args.items[0],
			       environment_get(&process->env, "PATH"), process->cwd, exec->path,
			       sizeof(exec->path), err);
	if (rc == 0)
		rc = limits_set(process, 0, exec->options->clamp_rlimits, exec_clamped, exec, err);
	return rc;
}

/* The process itself. Never returns. */
static void exec_become(struct exec *exec, int slave)
{
	struct err err, ignored;
	struct payload payload = {
		.process = &exec->process,
		.caps = &exec->caps,
		.path = exec->path,
		.filter = &exec->filter,
		.labels = exec->labels,
		.set_groups = true,
		.preserve_fds = exec->options->preserve_fds,
		.stage_fd = exec->stage_fd,
		.go_fd = FD_NONE,
		.linger = true,
		.result_fd = exec->sync_fds[1],
		.listener_fd = exec->listener_fds[1],
	};
	int rc = console_take(slave, &err);

	/* Only now is this process in the PID namespace whose procfs it needs. */
	if (rc == 0 && labels_are_set(&payload.labels)) {
		payload.labels.proc_fd = procfs_open(&err);
		rc = payload.labels.proc_fd < 0 ? payload.labels.proc_fd : 0;
	}
	if (rc == 0)
		rc = tune_process(&exec->process, exec->container->config.linux, &err);
	if (rc == 0)
		(void)payload_execute(&payload, &err);
	(void)sync_send(exec->sync_fds[1], SYNC_FAILED, &err, &ignored);
	_exit(1);
}

/*
 * The process is born last of all: until then nobody in the container sees anything of it, and from
 * then on its root and descriptors are the container's. Its parent is the runtime itself.
 */
static int exec_bear(struct exec *exec, int slave, struct err *err)
{
	pid_t pid = ns_clone(CLONE_PARENT, FD_NONE, NULL, err);

	if (pid == 0)
		exec_become(exec, slave);
	return pid < 0 ? pid : sync_send_child(exec->sync_fds[1], pid, err);
}

/* The helper, which enters the container but for its PID namespace. Never returns. */
static void exec_inside(struct exec *exec)
{
	struct err err, ignored;
	int root_fd = FD_NONE, slave = FD_NONE;

	terminal_reset_signals(exec->self.signals_ignored);
	fd_closep(&exec->sync_fds[0]);
	fd_closep(&exec->listener_fds[0]);
	int rc = exec_enter(exec, &root_fd, &err);
	if (rc == 0)
		rc = exec_set_up(exec, root_fd, &slave, &err);
	if (rc == 0)
		rc = exec_bear(exec, slave, &err);
	if (rc < 0)
		(void)sync_send(exec->sync_fds[1], SYNC_FAILED, &err, &ignored);
	_exit(0);
}

/*
 * Hears of the process's birth from the helper, and keeps what the process itself may have said before; that
 * alone, when the helper failed.
 */
static int exec_meet(struct exec *exec, struct exec_process *process,
		     struct sync_message *ret_early, bool *ret_executes, struct err *err)
{
	struct sync_message message;

	ret_early->type = 0;
	*ret_executes = false;
	for (;;) {
		int rc = sync_receive(exec->sync_fds[0], &message, err);
		if (rc == -EPIPE && ret_early->type != 0)
			return 0;
		if (rc < 0)
			return rc;
		if (message.type == SYNC_CHILD && message.pid > 0)
			break;
		if (message.type == SYNC_WARNING) {
			exec->options->warn(exec->options->log_context, message.err.text);
			continue;
		}
		if (message.type == SYNC_EXECUTES) {
			*ret_executes = true;
			continue;
		}
		if ((message.type != SYNC_FAILED && message.type != SYNC_STAGE) ||
		    ret_early->type != 0)
			return err_set(err, ERR_SYSTEM, EPROTO,
				       "an unexpected message (%u) during exec", message.type);
		*ret_early = message;
	}
	process->pid = message.pid;
	process->pidfd = pidfd_of(process->pid, err); /* our child: the number stays its own */
	return process->pidfd < 0 ? process->pidfd : 0;
}

static int exec_explain_stage(const struct exec *exec, const struct exec_process *process,
			      const struct sync_message *message, struct err *err)
{
	char root[32];

	(void)snprintf(root, sizeof(root), "/proc/%d/root", process->pid);
	auto_fd root_fd = openat(AT_FDCWD, root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return start_explain_result(&message->result, root_fd, &exec->process, err);
}

static int exec_follow(struct exec *exec, struct exec_process *process, struct err *err)
{
	const struct exec_options *options = exec->options;
	struct sync_message early, message;
	bool executes;
	int rc = exec_meet(exec, process, &early, &executes, err);

	if (rc < 0)
		return rc;
	if (early.type == SYNC_FAILED) {
		*err = early.err;
		return err->sys > 0 ? -err->sys : -EIO;
	}
	if (early.type == SYNC_STAGE)
		return exec_explain_stage(exec, process, &early, err);
	if (options->pidfd_socket != NULL)
		rc = pidfd_socket_send(options->pidfd_socket, process->pidfd, "setns", err);
	if (rc == 0 && options->pid_file != NULL)
		rc = pid_file_write(options->pid_file, process->pid, err);
	if (rc == 0 && exec->listener_fds[0] >= 0) {
		struct oci_state state = container_state(exec->container, OCI_STATUS_RUNNING);
		rc = listener_forward(exec->listener_fds[0], &exec->filter, &state, process->pid,
				      err);
	}
	if (rc >= 0)
		rc = sync_await_exec(exec->sync_fds[0], executes, &message, options->warn,
				     options->log_context, err);
	return rc <= 0 ? rc : exec_explain_stage(exec, process, &message, err);
}

static int exec_clone(struct exec *exec, struct exec_process *process, struct err *err)
{
	struct err ignored;
	auto_fd helper = FD_NONE;
	struct number_list home;
	int status;
	int rc = tune_leave(&exec->process, &home, err);

	if (rc < 0)
		return rc;
	pid_t pid = ns_clone(0, exec->entry.clone_fd, &helper, err);
	if (pid == 0)
		exec_inside(exec);
	(void)tune_return(&home, &ignored);
	if (pid < 0)
		return pid;
	fd_closep(&exec->sync_fds[1]);
	fd_closep(&exec->listener_fds[1]);
	fd_closep(&exec->console_fd);
	rc = exec_follow(exec, process, err);
	(void)pidfd_wait(helper, -1, &status, &ignored);
	if (rc < 0 && process->pidfd >= 0) {
		(void)pidfd_signal(process->pidfd, SIGKILL, &ignored);
		(void)pidfd_wait(process->pidfd, -1, &status, &ignored);
	}
	return rc;
}

int exec_start(struct container *container, const struct exec_options *options,
	       struct exec_process *ret_process, struct err *err)
{
	static const struct {
		const char *name;
		int (*run)(struct exec *exec, struct exec_process *process, struct err *err);
	} steps[] = {
		{"find the container", exec_find_container},
		{"resolve capabilities and seccomp", exec_resolve},
		{"open the cgroup", exec_open_cgroup},
		{"open the channels", exec_open_channels},
		{"clone the process", exec_clone},
	};
	struct exec exec;
	char text[128];
	int rc = 0;

	exec_init(&exec, container, options);
	*ret_process = (struct exec_process){0, FD_NONE, FD_NONE};
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && rc == 0; i++) {
		(void)snprintf(text, sizeof(text), "exec: %s", steps[i].name);
		if (options->step != NULL)
			options->step(options->log_context, text);
		rc = steps[i].run(&exec, ret_process, err);
	}
	exec_done(&exec);
	if (rc < 0) {
		fd_closep(&ret_process->pidfd);
		fd_closep(&ret_process->master_fd);
	}
	return rc;
}
