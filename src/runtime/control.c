#include "runtime/control.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/cgroup/cgroup.h"
#include "kern/cgroup/control.h"
#include "kern/cgroup/systemd.h"
#include "kern/pidfd/pidfd.h"
#include "runtime/config.h"
#include "runtime/hooks.h"
#include "runtime/notify.h"
#include "runtime/rdt.h"
#include "runtime/resources.h"
#include "runtime/stage/plan.h"
#include "runtime/start.h"
#include "runtime/sync.h"

#define CONTROL_EXIT_TIMEOUT_MS    10000
#define CONTROL_CGROUP_TIMEOUT_MS  5000
#define CONTROL_PLANNED_TIMEOUT_MS 200
#define CONTROL_FREEZE_TIMEOUT_MS  10000

/*
 * The image's own hooks may take any time: until they are done, others can kill and delete; of two
 * starts the second is refused.
 */
static int control_await_hooks(struct container *container, int hear, bool *ret_failed,
			       struct err *err)
{
	struct sync_message message = {0};
	struct err lock_err;

	container_unlock(container);
	int rc = sync_read(hear, &message, err);
	if (rc == -EPIPE)
		(void)err_set(err, ERR_SYSTEM, 0,
			      "its first process ended while its startContainer hooks ran");
	else if (rc == 0 && message.type == SYNC_FAILED)
		rc = sync_failure(&message, err);
	else if (rc == 0 && message.type != SYNC_HOOKED)
		rc = err_set(err, ERR_SYSTEM, EPROTO, "an unexpected message (%u) of its hooks",
			     message.type);
	int lock_rc = container_relock(container, &lock_err);
	if (lock_rc < 0)
		*err = lock_err;
	*ret_failed = lock_rc == 0 && rc < 0 && rc != -EPIPE;
	return lock_rc < 0 ? lock_rc : rc;
}

static bool control_has_inner_hooks(const struct container *container)
{
	const struct oci_hooks *hooks = container->config.hooks;

	return hooks != NULL && hooks->start_container.count > 0;
}

static int control_wake(struct container *container, int root_fd, bool *ret_hook_failed,
			struct err *err)
{
	struct stage_result result;
	bool hooks = control_has_inner_hooks(container);
	int rc = 0;
	auto_fd hear = openat(container->dir_fd, "result.fifo",
			      O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	auto_fd wake = openat(container->dir_fd, "start.fifo",
			      O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);

	if (hooks && hear >= 0 && flock(hear, LOCK_EX | LOCK_NB) < 0)
		return err_set(err, ERR_CONFLICT, 0, "another start of it is running its hooks");
	/* Held for reading as well: no SIGPIPE, should the process be killed just now. */
	auto_fd hold = openat(container->dir_fd, "start.fifo",
			      O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (hear < 0 || wake < 0 || hold < 0 || fcntl(hear, F_SETFL, 0) < 0)
		return err_errno(err, "reach the waiting process of container '%s'",
				 container->record.id);
	if (write(wake, (const char[]){STAGE_GO}, 1) != 1)
		return err_errno(err, "wake the process of container '%s'", container->record.id);
	if (hooks)
		rc = control_await_hooks(container, hear, ret_hook_failed, err);
	if (rc < 0)
		return rc;
	rc = sync_read_exec(hear, &result, err);
	return rc <= 0 ? rc
		       : start_explain_result(&result, root_fd, container->config.process, err);
}

int control_poststart(struct container *container, bool *ret_gone, struct err *err)
{
	const struct oci_hooks *hooks = container->config.hooks;
	struct oci_state state = container_state(container, OCI_STATUS_RUNNING);
	struct err ignored, lock_err;

	*ret_gone = false;
	if (hooks == NULL || hooks->poststart.count == 0)
		return 0;
	container_unlock(container);
	int rc = hooks_run(&hooks->poststart, "poststart", &state, container->record.bundle,
			   FD_NONE, err);
	int lock_rc = container_relock(container, &lock_err);
	if (lock_rc < 0) {
		*ret_gone = true;
		*err = lock_err;
		return lock_rc;
	}
	if (rc < 0)
		(void)control_kill(container, SIGKILL, true, &ignored);
	return rc;
}

int control_open_cgroup(const struct container *container, struct cgroup_host *host,
			struct cgroup *cgroup, struct err *err)
{
	if (container->record.cgroup_paths.count == 0)
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "container '%s' runs without a control group", container->record.id);
	int rc = cgroup_host_open(host, err);
	if (rc < 0)
		return rc;
	rc = cgroup_from_dirs(host, container->record.cgroup_paths.items,
			      container->record.cgroup_paths.count, cgroup, err);
	if (rc < 0)
		cgroup_host_close(host);
	return rc;
}

static int control_kill_all(const struct container *container, int signal, struct err *err)
{
	struct cgroup_host host;
	struct cgroup cgroup;
	int rc = control_open_cgroup(container, &host, &cgroup, err);

	if (rc < 0)
		return rc;
	rc = cgroup_kill(&cgroup, signal, err);
	cgroup_host_close(&host);
	return rc;
}

int control_list_pids(const struct container *container, pid_t *pids, size_t max, size_t *ret_count,
		      struct err *err)
{
	enum oci_status status = container_status(container, NULL);
	struct cgroup_host host;
	struct cgroup cgroup;

	*ret_count = 0;
	/* The cgroup of one that has ended may be another's by now. */
	if (status == OCI_STATUS_STOPPED || status == OCI_STATUS_CREATING)
		return 0;
	int rc = control_open_cgroup(container, &host, &cgroup, err);
	if (rc < 0)
		return rc;
	rc = cgroup_list_pids(&cgroup, pids, max, ret_count, err);
	cgroup_host_close(&host);
	return rc;
}

enum oci_status control_status(const struct container *container)
{
	enum oci_status status = container_status(container, NULL);
	struct cgroup_host host;
	struct cgroup cgroup;
	struct err ignored;
	bool frozen = false;

	if (status != OCI_STATUS_RUNNING ||
	    control_open_cgroup(container, &host, &cgroup, &ignored) < 0)
		return status;
	(void)cgroup_is_frozen(&cgroup, &frozen, &ignored);
	cgroup_host_close(&host);
	return frozen ? OCI_STATUS_PAUSED : status;
}

int control_pause(struct container *container, bool pause, struct err *err)
{
	enum oci_status wanted = pause ? OCI_STATUS_RUNNING : OCI_STATUS_PAUSED;
	enum oci_status status = control_status(container);
	struct cgroup_host host;
	struct cgroup cgroup;

	if (status != wanted)
		return err_set(err, ERR_CONFLICT, 0, "cannot %s container '%s': it is %s, not %s",
			       pause ? "pause" : "resume", container->record.id,
			       oci_status_names[status], oci_status_names[wanted]);
	int rc = control_open_cgroup(container, &host, &cgroup, err);
	if (rc < 0)
		return rc;
	rc = pause ? cgroup_freeze(&cgroup, CONTROL_FREEZE_TIMEOUT_MS, err)
		   : cgroup_thaw(&cgroup, err);
	cgroup_host_close(&host);
	return rc;
}

/* First systemd, which writes its own idea of a limit, then the files, which hold all. */
static int control_update_unit(const struct container *container, const struct cgroup_host *host,
			       const struct cgroup_limits *limits, struct err *err)
{
	struct dbus bus;
	int rc = cgroup_systemd_open(container->record.systemd_user, &bus, err);

	if (rc < 0)
		return rc;
	rc = cgroup_systemd_update(&bus, host, container->record.systemd_unit, limits, err);
	dbus_close(&bus);
	return rc;
}

int control_update(struct container *container, const struct oci_resources *resources,
		   void (*warn)(void *context, const char *text), void *context, struct err *err)
{
	struct cgroup_limits limits;
	struct cgroup_host host;
	struct cgroup cgroup;
	uint32_t warnings = 0;

	if (container_status(container, NULL) == OCI_STATUS_STOPPED)
		return err_set(err, ERR_CONFLICT, 0, "cannot update container '%s': it is stopped",
			       container->record.id);
	int rc = control_open_cgroup(container, &host, &cgroup, err);
	if (rc < 0)
		return rc;
	rc = resources_convert(resources, &container->arena, &limits, err);
	if (resources->devices.count == 0)
		limits.device_count = 0; /* the defaults hold already */
	if (rc == 0 && container->record.systemd_unit != NULL)
		rc = control_update_unit(container, &host, &limits, err);
	if (rc == 0)
		rc = cgroup_update(&cgroup, &limits, &warnings, err);
	cgroup_host_close(&host);
	for (uint32_t bit = 1; rc == 0 && bit != 0 && bit <= warnings; bit <<= 1)
		if (warnings & bit)
			warn(context, cgroup_warning_text((enum cgroup_warning)bit));
	return rc;
}

bool control_shares_pids(const struct container *container)
{
	const struct oci_namespace *pid = oci_config_namespace(&container->config, OCI_NS_PID);

	return pid == NULL || (pid->path != NULL && pid->path[0] != '\0');
}

/* As runc: without a PID namespace of its own, the end of the first process ends no other. */
static bool control_outlives(struct container *container)
{
	struct err ignored;

	return container_load_config(container, &ignored) == 0 && control_shares_pids(container);
}

int control_kill(struct container *container, int signal, bool all, struct err *err)
{
	int pidfd;
	enum oci_status status = container_status(container, &pidfd);
	auto_fd owned = pidfd;

	if (all && status == OCI_STATUS_STOPPED) {
		int rc = container_load_config(container, err);
		if (rc < 0)
			return rc;
		if (!control_shares_pids(container))
			return 0; /* its cgroup may be another container's by now */
	}
	/* Without a cgroup it has a PID namespace of its own, whose first process takes all with it. */
	all = all && container->record.cgroup_paths.count > 0;
	if (all ||
	    (signal == SIGKILL && status != OCI_STATUS_STOPPED && control_outlives(container)))
		return control_kill_all(container, signal, err);
	if (status == OCI_STATUS_STOPPED || status == OCI_STATUS_CREATING)
		return err_set(err, ERR_CONFLICT, 0, "container not running: '%s' is %s",
			       container->record.id, oci_status_names[status]);
	int rc = pidfd_signal(owned, signal, err);
	return rc < 0 ? err_wrap(err, rc, "signal container '%s'", container->record.id) : 0;
}

static int control_stop(struct container *container, bool force, struct err *err)
{
	int pidfd;
	struct err ignored;
	enum oci_status status = container_status(container, &pidfd);
	auto_fd owned = pidfd;

	if (status == OCI_STATUS_STOPPED || status == OCI_STATUS_CREATING)
		return 0;
	/* A created container has run nothing of the user's yet: runc lets it go, and engines rely on that. */
	if (!force && status != OCI_STATUS_CREATED)
		return err_set(err, ERR_CONFLICT, 0,
			       "cannot delete container '%s' that is not stopped: it is %s (use "
			       "--force)",
			       container->record.id, oci_status_names[status]);
	(void)control_kill_all(container, SIGKILL, &ignored);
	int rc = pidfd_signal(owned, SIGKILL, err);
	if (rc < 0 && rc != -ESRCH)
		return rc;
	struct pollfd end = {.fd = owned, .events = POLLIN};
	if (poll(&end, 1, CONTROL_EXIT_TIMEOUT_MS) > 0)
		return 0;
	return err_set(err, ERR_SYSTEM, ETIMEDOUT,
		       "the first process of container '%s' (pid %d) does not die of SIGKILL",
		       container->record.id, container->record.pid);
}

struct control_report {
	void (*warn)(void *context, const char *text);
	void *context;
};

static int control_stop_unit(const struct container *container, struct err *err)
{
	const struct container_record *record = &container->record;
	struct dbus bus;
	int rc = cgroup_systemd_open(record->systemd_user, &bus, err);

	if (rc < 0)
		return rc;
	rc = cgroup_systemd_stop(
		&bus, record->systemd_unit,
		record->systemd_description != NULL ? record->systemd_description : "", err);
	dbus_close(&bus);
	return rc;
}

/*
 * A create that was killed before it could write down its process's number may have left the process: it
 * waits for `start`, and is told to end. The lock was free, so it is past all that could still fail.
 */
static bool control_dismiss(const struct container *container)
{
	auto_fd wake = openat(container->dir_fd, "start.fifo",
			      O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	auto_fd hold = FD_NONE;

	if (wake < 0) /* ENXIO: nobody waits */
		return false;
	/* No SIGPIPE, should it end by itself just now. */
	hold = openat(container->dir_fd, "start.fifo",
		      O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	return hold >= 0 && write(wake, (const char[]){STAGE_END}, 1) == 1;
}

/*
 * After the first process has gone, processes are left only where its PID namespace is not its own.
 * Otherwise, and when a killed create only planned the cgroup, what is in there by now is another
 * container's: nothing is killed, and a cgroup in use is left alone.
 */
static int control_remove_cgroup(const struct container *container, bool shares_pids,
				 const struct control_report *report, struct err *err)
{
	struct err about, ignored;
	char text[sizeof(about.text)];

	const json_strings *paths = &container->record.cgroup_paths;
	bool had_process = container->record.pid != 0;
	bool ends = had_process || control_dismiss(container);

	/* systemd would first ask them to end, and wait. */
	if (container->record.systemd_unit != NULL && had_process && shares_pids)
		(void)control_kill_all(container, SIGKILL, &ignored);
	if (container->record.systemd_unit != NULL && control_stop_unit(container, &about) < 0)
		report->warn(report->context, err_format(&about, text, sizeof(text)));
	if (paths->count == 0)
		return 0;
	int rc = cgroup_remove(paths->items, paths->count,
			       ends ? CONTROL_CGROUP_TIMEOUT_MS : CONTROL_PLANNED_TIMEOUT_MS,
			       had_process && shares_pids ? CGROUP_REMOVE_KILL : 0, err);

	return had_process && shares_pids ? rc : 0;
}

int control_delete(struct container *container, bool force,
		   void (*warn)(void *context, const char *text), void *context, struct err *err)
{
	struct err ignored;
	bool has_config = container_load_config(container, &ignored) == 0;
	int rc = control_stop(container, force, err);

	if (rc < 0)
		return rc;
	const struct control_report report = {warn, context};
	rc = control_remove_cgroup(container, has_config && control_shares_pids(container), &report,
				   err);
	if (rc < 0)
		return err_wrap(err, rc, "delete container '%s'", container->record.id);
	struct err problem;
	char text[sizeof(problem.text)];
	if (rdt_remove(&container->record, &problem) < 0)
		warn(context, err_format(&problem, text, sizeof(text)));
	rc = container_forget(container, err);
	if (rc < 0 || !has_config)
		return rc;
	struct oci_state state = container_state(container, OCI_STATUS_STOPPED);
	hooks_run_poststop(container->config.hooks, &state, container->record.bundle, warn,
			   context);
	return 0;
}

/* A hook failed: what the specification calls "continue the lifecycle at step 12", the end of it all. */
static void control_destroy(struct container *container,
			    void (*warn)(void *context, const char *text), void *context)
{
	struct err err;
	char text[sizeof(err.text)];

	if (control_delete(container, true, warn, context, &err) < 0)
		warn(context, err_format(&err, text, sizeof(text)));
}

static int control_go(struct container *container, bool *ret_hook_failed, struct err *err)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d/root", container->record.pid);
	auto_fd root_fd = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int rc = control_wake(container, root_fd, ret_hook_failed, err);
	if (rc < 0 && err->kind == ERR_CONFLICT)
		return err_wrap(err, rc, "start container '%s'", container->record.id);
	if (unlinkat(container->dir_fd, "start.fifo", 0) == 0)
		(void)unlinkat(container->dir_fd, "result.fifo", 0);
	if (rc == 0) {
		bool gone;
		rc = control_poststart(container, &gone, err);
		*ret_hook_failed = rc < 0 && !gone;
	}
	return rc < 0 ? err_wrap(err, rc, "start container '%s'", container->record.id) : 0;
}

int control_start(struct container *container, const char *notify_socket,
		  void (*warn)(void *context, const char *text), void *context, struct err *err)
{
	bool hook_failed = false;
	int pidfd;
	enum oci_status status = container_status(container, &pidfd);
	auto_fd owned = pidfd;
	auto_fd listener = FD_NONE;

	if (status != OCI_STATUS_CREATED)
		return err_set(err, ERR_CONFLICT, 0,
			       "cannot start container '%s': it is %s, not created",
			       container->record.id, oci_status_names[status]);
	int rc = container_load_config(container, err);
	if (rc == 0 && !config_has_process(&container->config))
		return err_set(
			err, ERR_INVALID, 0,
			"cannot start container '%s': its config.json has no process; delete "
			"it, or use exec",
			container->record.id);
	if (rc == 0 && notify_socket != NULL) {
		listener = notify_listen(container->dir_fd, err);
		rc = listener < 0 && listener != FD_NONE ? listener : 0;
	}
	if (rc == 0)
		rc = control_go(container, &hook_failed, err);
	if (hook_failed)
		control_destroy(container, warn, context);
	if (rc < 0 || listener < 0)
		return rc;
	/* Others may look at the container, stop it, run more in it, before it says that it is ready. */
	container_unlock(container);
	return notify_forward(listener, notify_socket, container->record.pid, owned, err);
}

static const struct {
	const char *name;
	int number;
} signals[] = {
	{"HUP", SIGHUP},     {"INT", SIGINT},       {"QUIT", SIGQUIT},     {"ILL", SIGILL},
	{"TRAP", SIGTRAP},   {"ABRT", SIGABRT},     {"IOT", SIGABRT},      {"BUS", SIGBUS},
	{"FPE", SIGFPE},     {"KILL", SIGKILL},     {"USR1", SIGUSR1},     {"SEGV", SIGSEGV},
	{"USR2", SIGUSR2},   {"PIPE", SIGPIPE},     {"ALRM", SIGALRM},     {"TERM", SIGTERM},
	{"CHLD", SIGCHLD},   {"STKFLT", SIGSTKFLT}, {"CONT", SIGCONT},     {"STOP", SIGSTOP},
	{"TSTP", SIGTSTP},   {"TTIN", SIGTTIN},     {"TTOU", SIGTTOU},     {"URG", SIGURG},
	{"XCPU", SIGXCPU},   {"XFSZ", SIGXFSZ},     {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF},
	{"WINCH", SIGWINCH}, {"IO", SIGIO},         {"POLL", SIGIO},       {"PWR", SIGPWR},
	{"SYS", SIGSYS},
};

#define SIGNAL_RTMIN 34 /* as the C libraries have it; the kernel starts at 32 */
#define SIGNAL_MAX   64

static int control_realtime_signal(const char *name)
{
	int base = strncasecmp(name, "RTMIN", 5) == 0   ? SIGNAL_RTMIN
		   : strncasecmp(name, "RTMAX", 5) == 0 ? SIGNAL_MAX
							: -1;
	char *end = NULL;

	if (base < 0)
		return -1;
	if (name[5] == '\0')
		return base;
	long offset = strtol(name + 5, &end, 10);
	if ((name[5] != '+' && name[5] != '-') || *end != '\0' || labs(offset) > 30)
		return -1;
	int number = base + (int)offset;
	return number >= SIGNAL_RTMIN && number <= SIGNAL_MAX ? number : -1;
}

int control_parse_signal(const char *text, int *ret_signal, struct err *err)
{
	const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
	char *end = NULL;

	if (isdigit((unsigned char)text[0])) {
		long number = strtol(text, &end, 10);
		if (*end == '\0' && number <= SIGNAL_MAX) /* 0 asks whether it lives */ {
			*ret_signal = (int)number;
			return 0;
		}
	}
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (strcasecmp(signals[i].name, name) == 0) {
			*ret_signal = signals[i].number;
			return 0;
		}
	*ret_signal = control_realtime_signal(name);
	if (*ret_signal > 0)
		return 0;
	return err_set(err, ERR_INVALID, 0, "unknown signal '%s'", text);
}
