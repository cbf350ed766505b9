#include "runtime/payload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/proc/descriptors.h"
#include "kern/uapi.h"
#include "runtime/environment.h"
#include "runtime/hooks.h"
#include "runtime/start.h"
#include "runtime/steps/steps.h"
#include "runtime/sync.h"

#define LABEL_APPARMOR "exec "
#define PAYLOAD_UMASK  0022 /* as runc and crun have it, whatever the caller's */

/* What follows the plan: the seccomp program, "exec PROFILE", the SELinux context. */
static struct iovec payload_part(const void *data, size_t size)
{
	return (struct iovec){(void *)(uintptr_t)data, size};
}

static void payload_fill_plan(const struct payload *payload, struct stage_plan *plan)
{
	const struct oci_user *user = &payload->process->user;

	plan->magic = STAGE_PLAN_MAGIC;
	plan->flags = (payload->process->no_new_privileges ? STAGE_NO_NEW_PRIVS : 0) |
		      (payload->set_groups ? STAGE_SET_GROUPS : 0) |
		      (payload->filter->insns != NULL ? STAGE_FILTER : 0) |
		      (payload->caps != NULL ? STAGE_SET_CAPS : 0) |
		      (payload->linger ? STAGE_LINGER : 0) |
		      (payload->listener_fd >= 0 ? STAGE_LISTENER : 0);
	plan->go_fd = payload->go_fd >= 0 ? payload->go_fd : -1;
	plan->result_fd = payload->result_fd;
	plan->listener_fd = payload->listener_fd;
	plan->uid = user->uid;
	plan->gid = user->gid;
	plan->group_count = (uint32_t)user->additional_gids.count;
	for (size_t i = 0; i < user->additional_gids.count; i++)
		plan->groups[i] = user->additional_gids.items[i];
	plan->proc_fd = payload->labels.proc_fd;
	if (payload->labels.apparmor != NULL)
		plan->apparmor_size =
			(uint32_t)(strlen(LABEL_APPARMOR) + strlen(payload->labels.apparmor));
	if (payload->labels.selinux != NULL)
		plan->selinux_size = (uint32_t)strlen(payload->labels.selinux);
	plan->filter_count = payload->filter->count;
	plan->filter_flags = payload->filter->flags;
	if (payload->caps != NULL) {
		plan->last_cap = (uint32_t)caps_last();
		plan->bounding = payload->caps->bounding;
		plan->effective = payload->caps->effective;
		plan->permitted = payload->caps->permitted;
		plan->inheritable = payload->caps->inheritable;
		/* The kernel raises no others. */
		plan->ambient = payload->caps->ambient & payload->caps->permitted &
				payload->caps->inheritable;
	}
}

/* The plan and the seccomp program into a pipe that holds them whole. Returns the reading end. */
static int payload_write_plan(const struct payload *payload, struct err *err)
{
	struct stage_plan plan;
	int ends[2];

	memset(&plan, 0, sizeof(plan));
	if (payload->process->user.additional_gids.count > STAGE_GROUPS_MAX)
		return err_set(err, ERR_INVALID, 0,
			       "process.user.additionalGids: %zu groups; %d are allowed",
			       payload->process->user.additional_gids.count, STAGE_GROUPS_MAX);
	if (strlen(payload->path) >= sizeof(plan.path))
		return err_set(err, ERR_INVALID, ENAMETOOLONG, "executable '%s'", payload->path);
	memcpy(plan.path, payload->path, strlen(payload->path) + 1);
	payload_fill_plan(payload, &plan);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(err, "make the stage's pipe");
	auto_fd reading = ends[0];
	auto_fd writing = ends[1];
	size_t filter_size = (size_t)payload->filter->count * STAGE_FILTER_BYTES;
	size_t size = sizeof(plan) + filter_size + plan.apparmor_size + plan.selinux_size;
	if (fcntl(writing, F_SETPIPE_SZ, (int)size) < 0)
		return err_errno(err, "make room for the stage's plan");
	const struct labels *labels = &payload->labels;
	bool apparmor = labels->apparmor != NULL;
	const struct iovec parts[] = {
		{&plan, sizeof(plan)},
		payload_part(payload->filter->insns, filter_size),
		payload_part(LABEL_APPARMOR, apparmor ? strlen(LABEL_APPARMOR) : 0),
		payload_part(labels->apparmor, apparmor ? strlen(labels->apparmor) : 0),
		payload_part(labels->selinux,
			     labels->selinux != NULL ? strlen(labels->selinux) : 0),
	};
	ssize_t done = writev(writing, parts, sizeof(parts) / sizeof(parts[0]));
	if (done < 0)
		return err_errno(err, "write the stage's plan");
	if ((size_t)done != size)
		return err_set(err, ERR_SYSTEM, EIO, "write the stage's plan: the pipe is full");
	return fd_take(&reading);
}

static int payload_keep(int fd, struct err *err)
{
	if (fd >= 0 && fcntl(fd, F_SETFD, 0) < 0)
		return err_errno(err, "hand descriptor %d to the stage", fd);
	return 0;
}

int payload_execute(const struct payload *payload, struct err *err)
{
	char number[16];
	int plan_fd = payload_write_plan(payload, err);

	if (plan_fd < 0)
		return plan_fd;
	(void)snprintf(number, sizeof(number), "%d", plan_fd);
	char **argv = environment_vector(number, &payload->process->args);
	char **envp = environment_variables(&payload->process->env);
	if (argv == NULL || envp == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "the arguments of the payload");
	(void)umask(payload->process->user.umask != NULL ? *payload->process->user.umask
							 : PAYLOAD_UMASK);
	/* Whatever leaked into the runtime must not reach the payload (CVE-2024-21626). */
	int rc = descriptors_close(3U + payload->preserve_fds, ~0U, true, err);
	if (rc == 0)
		rc = payload_keep(plan_fd, err);
	if (rc == 0)
		rc = payload_keep(payload->go_fd, err);
	if (rc == 0)
		rc = payload_keep(payload->result_fd, err);
	if (rc == 0)
		rc = payload_keep(payload->listener_fd, err);
	if (rc == 0)
		rc = payload_keep(payload->labels.proc_fd, err);
	if (rc < 0)
		return rc;
	(void)syscall(SYS_execveat, payload->stage_fd, "", argv, envp, AT_EMPTY_PATH);
	return err_errno(err, "execute the stage");
}

/*
 * No stage has been executed yet that would have closed them: without this, the container's lock stays
 * held until the start that needs it, and the host's folders stay open in the container.
 */
static int payload_drop_host_fds(struct start *start, const struct payload *payload,
				 struct err *err)
{
	int go_fd = payload->go_fd;
	const int keep[] = {go_fd, payload->result_fd, start->stage_fd, payload->labels.proc_fd};
	unsigned first = 3 + start->options->preserve_fds;

	if (go_fd >= 0)
		start->sync_fds[1] = FD_NONE; /* nobody listens after the creation */
	/* In ascending order, all between two that are kept. */
	for (;;) {
		unsigned next = ~0U;
		for (size_t i = 0; i < sizeof(keep) / sizeof(keep[0]); i++)
			if (keep[i] >= 0 && (unsigned)keep[i] >= first && (unsigned)keep[i] < next)
				next = (unsigned)keep[i];
		unsigned last = next == ~0U ? next : next - 1;
		int rc = first <= last ? descriptors_close(first, last, false, err) : 0;
		if (rc < 0)
			return rc;
		if (next == ~0U)
			return 0;
		first = next + 1;
	}
}

/* A hook of the image's own gets what the payload gets: its identity, capabilities and seccomp. */
static void payload_execute_hook(void *context, const struct oci_hook *hook)
{
	struct payload payload = *(const struct payload *)context;
	struct oci_process process = *payload.process;
	const char *words[] = {hook->path};
	struct err err;
	char text[512];

	process.args = hook->args;
	if (hook->args.count == 0)
		process.args = (json_strings){words, 1};
	process.env = hook->env;
	payload.process = &process;
	payload.path = hook->path;
	payload.linger = false;
	payload.preserve_fds = 0;
	payload.listener_fd = FD_NONE;
	payload.go_fd = FD_NONE;
	payload.result_fd = memfd_create("result", MFD_CLOEXEC); /* its exit status tells enough */
	if (payload.result_fd < 0)
		(void)err_errno(&err, "make the hook's result");
	else
		(void)payload_execute(&payload, &err);
	(void)err_format(&err, text, sizeof(text));
	(void)fd_write_all(2, text, strlen(text));
	_exit(126);
}

/* startContainer hooks run inside, after the start and before the payload. */
static int payload_run_hooks(struct start *start, struct payload *payload, struct err *err)
{
	const struct oci_hooks *hooks = start->config->hooks;
	struct oci_state state = container_state(&start->container, OCI_STATUS_CREATED);
	struct err ignored;
	char byte;

	if (hooks == NULL || hooks->start_container.count == 0)
		return 0;
	int rc = payload_drop_host_fds(start, payload, err);
	if (rc < 0)
		return rc;
	if (payload->go_fd >= 0 && fd_read_full(payload->go_fd, &byte, 1) != 1)
		return err_set(err, ERR_SYSTEM, EPIPE, "wait for the start");
	if (payload->go_fd >= 0 && byte != STAGE_GO)
		_exit(1); /* nobody listens any more */
	fd_closep(&payload->go_fd);
	state.pid = getpid();
	rc = hooks_run_by(&hooks->start_container, "startContainer", &state, payload_execute_hook,
			  payload, err);
	if (rc < 0) {
		(void)sync_write(payload->result_fd, SYNC_FAILED, err, &ignored);
		_exit(1);
	}
	return sync_write(payload->result_fd, SYNC_HOOKED, NULL, err);
}

int payload_stage(struct start *start, struct err *err)
{
	struct payload payload = {
		.process = start->config->process,
		.caps = &start->caps,
		.path = start->path,
		.filter = &start->filter,
		.labels = start->labels,
		.set_groups = true,
		.linger = !start->options->wait_for_start,
		.preserve_fds = start->options->preserve_fds,
		.stage_fd = start->stage_fd,
		.go_fd = FD_NONE,
		.result_fd = start->sync_fds[1],
		.listener_fd = start->listener_fds[1],
	};
	int rc = 0;

	payload.labels.proc_fd = labels_are_set(&payload.labels) ? start->proc_fd : FD_NONE;
	if (start->options->wait_for_start) {
		payload.go_fd = start->go_fd;
		payload.result_fd = start->result_fd;
		rc = sync_send(start->sync_fds[1], SYNC_READY, NULL, err);
	} else {
		/* Nothing of the user's runs before the record names its process: see step_process_ready. */
		struct sync_message message;
		rc = sync_receive(start->sync_fds[1], &message, err);
	}
	if (rc == 0)
		rc = payload_run_hooks(start, &payload, err);
	return rc < 0 ? rc : payload_execute(&payload, err);
}
