#include <unistd.h>

#include "base/fd.h"
#include "runtime/command/command.h"
#include "runtime/command/create_options.h"
#include "runtime/control.h"
#include "runtime/notify.h"
#include "runtime/start.h"
#include "runtime/terminal.h"

static const struct option options[] = {
	CREATE_OPTION_ROWS,
	OPTION_ROW(struct create_values, detach, "detach", 'd', OPTION_BOOL, NULL,
		   "leave the container running and return"),
	OPTION_ROW(struct create_values, keep, "keep", 0, OPTION_BOOL, NULL,
		   "do not delete the container when it ends"),
};

/* What the host's service manager waits for; see notify.h. */
struct run_notify {
	const struct command_globals *globals;
	const char *address;
	int listener;
	pid_t pid;
	int pidfd;
};

static void run_warn(const struct command_globals *globals, const struct err *about)
{
	char text[sizeof(about->text)];

	globals->warn(globals->log_context, err_format(about, text, sizeof(text)));
}

/* In the foreground the runtime itself stays the service's main process. */
static bool run_hear(void *context)
{
	const struct run_notify *notify = context;
	struct err err;
	int rc = notify_receive(notify->listener, &err);

	if (rc > 0)
		rc = notify_tell(notify->address, notify->pid, &err) < 0 ? -1 : 1;
	if (rc < 0)
		run_warn(notify->globals, &err);
	return rc == 0;
}

/* The payload runs; waits for it when in the foreground. */
static int run_attend(struct start *start, const struct create_values *values,
		      struct run_notify *notify, struct err *err)
{
	auto_fd master = FD_NONE;
	struct terminal_extras extras = {
		.reap = start->options->reap_orphans && control_shares_pids(&start->container),
		.watch = notify->listener >= 0 ? run_hear : NULL,
		.context = notify,
		.watch_fd = notify->listener,
	};
	struct err about;

	if (values->detach) {
		if (notify->listener >= 0 && notify_forward(notify->listener, notify->address,
							    start->pid, start->pidfd, &about) < 0)
			run_warn(notify->globals, &about);
		return 0;
	}
	notify->pid = getpid();
	if (start->master_fd >= 0) {
		master = terminal_receive(start->master_fd, err);
		if (master < 0)
			return master;
	}
	return terminal_attend(start->pidfd, master, &extras, err);
}

static int run_delete(struct start *start, int status, struct err *err)
{
	struct err delete_err;
	int rc = control_delete(&start->container, true, start->options->warn,
				start->options->log_context, &delete_err);

	if (rc < 0 && status >= 0) {
		*err = delete_err;
		return rc;
	}
	return status;
}

/* The process ends here, and the kernel frees all at once, and sooner. Sanitizers want to see it freed. */
static void run_leave(struct start *start)
{
#ifdef __SANITIZE_ADDRESS__
	start_done(start);
#else
	(void)start;
#endif
}

static int run_run(const struct command_globals *globals, void *values_, int argc, char **argv,
		   struct err *err)
{
	const struct create_values *values = values_;
	struct start start;
	struct start_options how;
	int rc = create_options_convert(globals, values, argv[0], &how, err);

	(void)argc;
	if (rc < 0)
		return rc;
	how.proxy_terminal = !values->detach;
	how.reap_orphans = !values->detach && !values->no_subreaper;
	if (!values->detach)
		rc = terminal_block_signals(err);
	if (rc < 0)
		return rc;
	rc = start_create(&how, &start, err);
	if (rc < 0)
		return rc;
	struct run_notify notify = {
		.globals = globals, .address = how.notify_socket, .listener = start.notify_fd};
	rc = start_await(&start, err);
	if (rc == 0)
		rc = control_poststart(&start.container, &start.gone, err);
	if (rc < 0) {
		start_undo(&start);
		start_done(&start);
		return rc;
	}
	container_unlock(&start.container);
	rc = run_attend(&start, values, &notify, err);
	if (!values->detach && !values->keep)
		rc = run_delete(&start, rc, err);
	run_leave(&start);
	return rc;
}

const struct command command_run = {
	.name = "run",
	.operands = "ID",
	.summary = "create and start a container",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.values_size = sizeof(struct create_values),
	.operands_min = 1,
	.operands_max = 1,
	.run = run_run,
};
