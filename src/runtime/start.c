#include "runtime/start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "kern/exec/exec.h"
#include "kern/pidfd/pidfd.h"
#include "runtime/environment.h"
#include "runtime/hooks.h"
#include "runtime/payload.h"
#include "runtime/steps/steps.h"
#include "runtime/sync.h"
#include "runtime/terminal.h"

struct host_step {
	const char *name;
	int (*run)(struct start *start, struct err *err);
	void (*undo)(struct start *start); /* NULL: nothing to undo */
};

static const struct host_step host_steps[] = {
	{"load the configuration", step_config_load, NULL},
	{"seal the runtime", step_runtime_seal, NULL},
	{"reserve the state", step_state_reserve, step_state_release},
	{"take a service manager's place", step_service_prepare, NULL},
	{"resolve the identity", step_identity_resolve, NULL},
	{"prepare seccomp", step_seccomp_prepare, NULL},
	{"connect the console", step_console_connect, NULL},
	{"plan the resctrl groups", step_resctrl_plan, NULL},
	{"write the journal", step_journal_write, NULL},
	{"make the cgroup", step_cgroup_create, step_cgroup_remove},
	{"make the resctrl groups", step_resctrl_make, step_resctrl_remove},
	{"open namespaces", step_namespaces_open, NULL},
	{"open mount sources", step_sources_open, NULL},
	{"make device nodes", step_nodes_make, NULL},
	{"clone the first process", step_process_clone, step_process_kill},
	{"enter the resctrl groups", step_resctrl_join, NULL},
	{"map the user namespace", step_userns_map, NULL},
	{"move network devices", step_net_devices_move, NULL},
	{"give device nodes their owners", step_nodes_own, NULL},
	{"let the first process enter its namespaces", step_namespaces_release, NULL},
	{"keep the configuration", step_config_keep, NULL},
	{"bring lo up", step_loopback_raise, NULL},
	{"apply held-back device rules", step_device_rules_apply, NULL},
	{"run the runtime's hooks", step_hooks_host, NULL},
	{"wait for the first process", step_process_ready, NULL},
	{"hand on the seccomp listener", step_listener_forward, NULL},
	{"announce the pid", step_pid_announce, NULL},
};
#define HOST_COUNT (sizeof(host_steps) / sizeof(host_steps[0]))

struct container_step {
	const char *name;
	int (*run)(struct start *start, struct err *err);
};

static const struct container_step container_steps[] = {
	{"set the out-of-memory score", step_oom_score_set},
	{"enter the cgroup", step_cgroup_enter},
	{"open the start's FIFOs", step_fifos_open},
	{"enter namespaces", step_namespaces_enter},
	{"hand out a socket", step_loopback_offer},
	{"join a session keyring", step_keyring_join},
	{"mount the root", step_root_mount},
	{"attach mounts", step_mounts_attach},
	{"make devices", step_devices_make},
	{"wait for held-back device rules", step_device_rules_await},
	{"attach the console", step_console_attach},
	{"make the working folder", step_cwd_make},
	{"protect paths", step_paths_protect},
	{"wait for the runtime's hooks", step_hooks_await},
	{"run createContainer hooks", step_hooks_container},
	{"enter the root", step_root_enter},
	{"set kernel parameters", step_kernel_set},
	{"set limits", step_limits_set},
	{"find the payload", step_payload_find},
	{"tune the process", step_process_tune},
};

void start_warn(struct start *start, const char *fmt, ...)
{
	struct err about = {.kind = ERR_NONE};
	struct err ignored;
	char text[sizeof(about.text)];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (start->pid != 0) { /* the host's side, or before the clone */
		start->options->warn(start->options->log_context, text);
		return;
	}
	(void)err_set(&about, ERR_INVALID, 0, "%s", text);
	(void)sync_send(start->sync_fds[1], SYNC_WARNING, &about, &ignored);
}

static void start_tell(const struct start *start, const char *side, const char *name)
{
	char text[128];

	if (start->options->step == NULL)
		return;
	(void)snprintf(text, sizeof(text), "%s: %s", side, name);
	start->options->step(start->options->log_context, text);
}

/* The container's side, from the clone to the stage. Never returns. */
static void start_inside(struct start *start)
{
	struct err err, ignored;
	int rc = 0;

	terminal_reset_signals(start->self.signals_ignored);
	for (size_t i = 0; i < sizeof(container_steps) / sizeof(container_steps[0]) && rc >= 0;
	     i++) {
		start_tell(start, "container", container_steps[i].name);
		rc = container_steps[i].run(start, &err);
	}
	if (rc >= 0)
		(void)payload_stage(start, &err);
	(void)sync_send(start->sync_fds[1], SYNC_FAILED, &err, &ignored);
	_exit(1);
}

static void start_init(struct start *start, const struct start_options *options)
{
	memset(start, 0, offsetof(struct start, bundle));
	start->bundle[0] = start->path[0] = '\0';
	cgroup_host_init(&start->cgroup_host);
	cgroup_init(&start->cgroup, &start->cgroup_host);
	start->options = options;
	start->pid = -1; /* not cloned yet: warnings go out directly */
	start->bundle_fd = FD_NONE;
	start->cgroup_entry.clone_fd = FD_NONE;
	start->notify_fd = FD_NONE;
	start->console_fd = FD_NONE;
	start->stage_fd = FD_NONE;
	start->pidfd = FD_NONE;
	start->nodes_fd = FD_NONE;
	start->proc_fd = FD_NONE;
	start->root_fd = FD_NONE;
	start->go_fd = FD_NONE;
	start->result_fd = FD_NONE;
	start->master_fd = FD_NONE;
	container_init(&start->container);
	for (size_t i = 0; i < 2; i++) {
		start->sync_fds[i] = FD_NONE;
		start->listener_fds[i] = FD_NONE;
	}
	for (size_t i = 0; i < OCI_NS_COUNT; i++)
		start->join_fds[i] = FD_NONE;
}

static void start_undo_from(struct start *start, size_t done)
{
	bool born = start->pid > 0;

	while (done-- > 0)
		if (host_steps[done].undo != NULL)
			host_steps[done].undo(start);
	if (!born)
		return;
	/* Hooks may have made what those after the end are to remove. */
	struct oci_state state = container_state(&start->container, OCI_STATUS_STOPPED);
	hooks_run_poststop(start->config->hooks, &state, start->bundle, start->options->warn,
			   start->options->log_context);
}

int start_create(const struct start_options *options, struct start *start, struct err *err)
{
	start_init(start, options);
	for (size_t i = 0; i < HOST_COUNT; i++) {
		start_tell(start, "host", host_steps[i].name);
		int rc = host_steps[i].run(start, err);
		if (rc < 0) {
			start_undo_from(start, i);
			start_done(start);
			return rc;
		}
		if (start->pid == 0)
			start_inside(start);
	}
	return 0;
}

void start_undo(struct start *start)
{
	if (start->gone)
		step_process_kill(start); /* the rest was deleted, and may be another's by now */
	else
		start_undo_from(start, HOST_COUNT);
}

void start_done(struct start *start)
{
	step_systemd_done(start);
	cgroup_entry_done(&start->cgroup_entry);
	cgroup_host_close(&start->cgroup_host);
	if (start->mount_fds != NULL)
		for (size_t i = 0; i < start->config->mounts.count; i++)
			fd_closep(&start->mount_fds[i]);
	start->mount_fds = NULL;
	for (size_t i = 0; i < OCI_NS_COUNT; i++)
		fd_closep(&start->join_fds[i]);
	for (size_t i = 0; i < 2; i++) {
		fd_closep(&start->sync_fds[i]);
		fd_closep(&start->listener_fds[i]);
	}
	fd_closep(&start->notify_fd);
	fd_closep(&start->console_fd);
	fd_closep(&start->stage_fd);
	fd_closep(&start->bundle_fd);
	fd_closep(&start->nodes_fd);
	fd_closep(&start->pidfd);
	fd_closep(&start->master_fd);
	fd_closep(&start->root_fd);
	container_close(&start->container);
}

static const char *const stage_step_names[STAGE_STEP_COUNT] = {
	[STAGE_STEP_PLAN] = "read the plan",
	[STAGE_STEP_WAIT] = "wait for the start",
	[STAGE_STEP_APPARMOR] = "apply the AppArmor profile (process.apparmorProfile)",
	[STAGE_STEP_SELINUX] = "set the SELinux context (process.selinuxLabel)",
	[STAGE_STEP_GROUPS] = "set the supplementary groups",
	[STAGE_STEP_GID] = "set the group id",
	[STAGE_STEP_UID] = "set the user id",
	[STAGE_STEP_CAPS] = "set the capabilities",
	[STAGE_STEP_NO_NEW_PRIVS] = "set no-new-privileges",
	[STAGE_STEP_SECCOMP] = "load the seccomp program",
	[STAGE_STEP_LISTENER] = "hand over the seccomp program's listener",
	[STAGE_STEP_EXEC] = "execute",
};

/* What the kernel answers with EINVAL: an id that the user namespace does not know. */
static int start_explain_id(enum stage_step step, const struct oci_user *user, struct err *err)
{
	if (step == STAGE_STEP_UID)
		return err_set(err, ERR_INVALID, EINVAL,
			       "process.user.uid: %u is not mapped in the container's user "
			       "namespace; the namespace's uid mappings must hold it",
			       user->uid);
	if (step == STAGE_STEP_GID)
		return err_set(err, ERR_INVALID, EINVAL,
			       "process.user.gid: %u is not mapped in the container's user "
			       "namespace; the namespace's gid mappings must hold it",
			       user->gid);
	return err_set(
		err, ERR_INVALID, EINVAL,
		"process.user.additionalGids: one of %zu groups, the first being %u, is not "
		"mapped in the container's user namespace; the namespace's gid mappings must "
		"hold them all",
		user->additional_gids.count,
		user->additional_gids.count > 0 ? user->additional_gids.items[0] : 0);
}

int start_explain_result(const struct stage_result *result, int root_fd,
			 const struct oci_process *process, struct err *err)
{
	int sys = result->sys > 0 && result->sys < 4096 ? result->sys : EIO;
	const char *argv0 = process->args.items[0];
	char path[STAGE_PATH_MAX];
	struct err ignored;

	if (result->step >= STAGE_STEP_COUNT)
		return err_set(err, ERR_SYSTEM, EPROTO, "a malformed message from the stage");
	if (sys == EINVAL && result->step >= STAGE_STEP_GROUPS && result->step <= STAGE_STEP_UID)
		return start_explain_id((enum stage_step)result->step, &process->user, err);
	if (result->step == STAGE_STEP_GROUPS && sys == EPERM)
		return err_set(
			err, ERR_DENIED, EPERM,
			"process.user.additionalGids: the container's user namespace, or the "
			"runtime's lack of CAP_SETGID, denies setgroups; leave them out, or map "
			"groups of /etc/subgid");
	if (result->step != STAGE_STEP_EXEC || root_fd < 0) {
		errno = sys;
		return err_errno(err, "%s in the container", stage_step_names[result->step]);
	}
	/* The program is looked for again, as the container's process did. */
	if (exec_find(root_fd, argv0, environment_get(&process->env, "PATH"), process->cwd, path,
		      sizeof(path), &ignored) < 0)
		(void)snprintf(path, sizeof(path), "%s", argv0);
	(void)exec_explain(root_fd, path, argv0, sys, err);
	return -sys;
}

/* The image's own hooks may take any time: until they are done, others can kill and delete. */
static int start_await_hooks(struct start *start, struct err *err)
{
	const struct oci_hooks *hooks = start->config->hooks;
	struct err lock_err;

	if (hooks == NULL || hooks->start_container.count == 0)
		return 0;
	container_unlock(&start->container);
	int rc = sync_await(start->sync_fds[0], SYNC_HOOKED, start->options->warn,
			    start->options->log_context, err);
	int lock_rc = container_relock(&start->container, &lock_err);
	if (lock_rc == 0)
		return rc;
	start->gone = true;
	*err = lock_err;
	return lock_rc;
}

int start_await(struct start *start, struct err *err)
{
	struct sync_message message;
	char path[32];
	int rc = start_await_hooks(start, err);

	if (rc >= 0)
		rc = sync_await_exec(start->sync_fds[0], false, &message, start->options->warn,
				     start->options->log_context, err);
	step_systemd_settle(start);
	if (rc <= 0)
		return rc;
	(void)snprintf(path, sizeof(path), "/proc/%d/root", start->pid);
	auto_fd root_fd = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return start_explain_result(&message.result, root_fd, start->config->process, err);
}
