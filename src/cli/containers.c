/* corten stop, kill, wait, rm, logs, exec, cleanup. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/text.h"
#include "engine/spec/list.h"
#include "engine/spec/value.h"

/* Does one thing to each container named; goes on after a failure, and fails in the end. */
typedef int each_fn(struct cli *cli, const struct engine_container *container, const void *values,
		    struct err *err);

static int each(struct cli *cli, const struct option_args *args, each_fn *fn, const void *values,
		bool missing_is_fine)
{
	int status = 0;

	for (size_t i = 0; i < args->count; i++) {
		struct engine_container container;
		struct err err = {.kind = ERR_NONE};
		int rc = engine_container_find(cli->engine, args->items[i], cli->arena, &container,
					       &err);
		if (rc < 0 && err.kind == ERR_NOT_FOUND && missing_is_fine)
			continue;
		if (rc == 0)
			rc = fn(cli, &container, values, &err);
		if (rc == 0) {
			(void)printf("%s\n", args->items[i]);
		} else if (rc < 0) {
			cli_print_error(&err);
			status = 1;
		}
	}
	return status;
}

struct stop_values {
	const char *timeout;
};
static const struct option stop_options[] = {
	OPT_STRING(struct stop_values, timeout, 't', "time", "SECONDS", HINT_NONE,
		   "how long to wait before killing (default 10)"),
	OPT_STRING(struct stop_values, timeout, '\0', "timeout", "SECONDS", HINT_NONE,
		   "the same as --time"),
};

static int stop_one(struct cli *cli, const struct engine_container *container, const void *values,
		    struct err *err)
{
	const struct stop_values *v = values;
	int64_t seconds = -1;

	if (v->timeout != NULL) {
		int rc = value_parse_int(v->timeout, "--time", -1, INT32_MAX, &seconds, err);
		if (rc < 0)
			return rc;
		if (seconds < 0)
			seconds = INT32_MAX;
	}
	return engine_container_stop(cli->engine, container, seconds < 0 ? -1 : seconds * 1000,
				     err);
}

static int cmd_stop(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	(void)err;
	return each(cli, args, stop_one, values, false);
}

struct kill_values {
	const char *signal;
};
static const struct option kill_options[] = {
	OPT_STRING(struct kill_values, signal, 's', "signal", "SIGNAL", HINT_NONE,
		   "the signal to send (default KILL)"),
};

static int kill_one(struct cli *cli, const struct engine_container *container, const void *values,
		    struct err *err)
{
	const struct kill_values *v = values;
	int signal = SIGKILL;

	int rc = v->signal != NULL ? value_parse_signal(v->signal, &signal, err) : 0;
	return rc < 0 ? rc : engine_container_signal(cli->engine, container, signal, err);
}

static int cmd_kill(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	(void)err;
	return each(cli, args, kill_one, values, false);
}

static int wait_one(struct cli *cli, const struct engine_container *container, const void *values,
		    struct err *err)
{
	int code = 0;

	(void)values;
	int rc = engine_container_wait(cli->engine, container, -1, &code, err);
	if (rc == 1)
		(void)printf("%d\n", code);
	return rc; /* 1: printed here */
}

static int cmd_wait(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	(void)err;
	return each(cli, args, wait_one, values, false);
}

struct rm_values {
	bool force;
	bool volumes;
};
static const struct option rm_options[] = {
	OPT_FLAG(struct rm_values, force, 'f', "force", "kill a running container first"),
	OPT_FLAG(struct rm_values, volumes, 'v', "volumes",
		 "accepted: anonymous volumes always go with their container"),
};

static int rm_one(struct cli *cli, const struct engine_container *container, const void *values,
		  struct err *err)
{
	const struct rm_values *v = values;

	return engine_container_remove(cli->engine, container, v->force, err);
}

static int cmd_rm(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	const struct rm_values *v = values;

	(void)err;
	return each(cli, args, rm_one, values, v->force);
}

struct logs_values {
	bool follow;
	bool timestamps;
	const char *tail;
	const char *since;
	const char *until;
};
static const struct option logs_options[] = {
	OPT_FLAG(struct logs_values, follow, 'f', "follow", "go on until the container ends"),
	OPT_STRING(struct logs_values, since, '\0', "since", "TIME", HINT_NONE,
		   "from TIME: 2026-01-02T15:04:05Z, 10m, or seconds since 1970"),
	OPT_STRING(struct logs_values, tail, 'n', "tail", "N", HINT_NONE,
		   "the last N lines, or all"),
	OPT_FLAG(struct logs_values, timestamps, 't', "timestamps",
		 "show when each line was written"),
	OPT_STRING(struct logs_values, until, '\0', "until", "TIME", HINT_NONE, "up to TIME"),
};
static const struct logs_values logs_defaults = {.tail = "all"};

static int64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int cmd_logs(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	const struct logs_values *v = values;
	struct engine_logs request = {.follow = v->follow, .timestamps = v->timestamps, .tail = -1};
	struct engine_container container;
	int rc = 0;

	if (strcmp(v->tail, "all") != 0)
		rc = value_parse_int(v->tail, "--tail", -1, INT64_MAX, &request.tail, err);
	if (rc == 0 && v->since != NULL)
		rc = text_parse_time(v->since, now_ns(), &request.since_ns, err);
	if (rc == 0 && v->until != NULL)
		rc = text_parse_time(v->until, now_ns(), &request.until_ns, err);
	if (rc == 0)
		rc = engine_container_find(cli->engine, args->items[0], cli->arena, &container,
					   err);
	return rc < 0 ? rc : engine_container_logs(cli->engine, &container, &request, err);
}

static const struct option exec_options[] = {
	OPT_FLAG(struct engine_exec, detach, 'd', "detach", "run in the background"),
	OPT_LIST(struct engine_exec, env, 'e', "env", "NAME[=VALUE]", HINT_NONE, "set a variable"),
	OPT_LIST(struct engine_exec, env_files, '\0', "env-file", "FILE", HINT_FILE,
		 "read variables from FILE"),
	OPT_FLAG(struct engine_exec, interactive, 'i', "interactive", "keep stdin open"),
	OPT_FLAG(struct engine_exec, privileged, '\0', "privileged", "all capabilities"),
	OPT_FLAG(struct engine_exec, tty, 't', "tty", "give the process a terminal"),
	OPT_STRING(struct engine_exec, user, 'u', "user", "USER[:GROUP]", HINT_NONE,
		   "user, by name or number"),
	OPT_STRING(struct engine_exec, workdir, 'w', "workdir", "DIR", HINT_NONE, "working folder"),
};

static int cmd_exec(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	struct engine_exec *request = values;
	struct engine_container container;
	int status = 125;

	if (request->tty && request->interactive && !request->detach && isatty(STDIN_FILENO) != 1)
		return err_set(err, ERR_INVALID, 0, "the input device is not a TTY");
	int rc = engine_container_find(cli->engine, args->items[0], cli->arena, &container, err);
	for (size_t i = 1; rc == 0 && i < args->count; i++)
		rc = list_push_text(&request->args, args->items[i], cli->arena, err);
	if (rc == 0)
		rc = engine_container_exec(cli->engine, &container, request, cli->env, &status,
					   err);
	return rc < 0 ? rc : status;
}

static int cmd_cleanup(struct cli *cli, void *values, const struct option_args *args,
		       struct err *err)
{
	(void)values;
	return engine_container_cleanup(cli->engine, args->items[0], err);
}

#define ROWS(table) .options = table, .option_count = sizeof(table) / sizeof((table)[0])

const struct command command_stop = {
	.name = "stop",
	.operands = "CONTAINER [CONTAINER...]",
	.summary = "stop running containers",
	.min = 1,
	.max = CLI_ARGS_ANY,
	.flags = COMMAND_ENGINE | COMMAND_CONTAINER,
	ROWS(stop_options),
	.values_size = sizeof(struct stop_values),
	.hint = HINT_CONTAINER,
	.run = cmd_stop,
};
const struct command command_kill = {
	.name = "kill",
	.operands = "CONTAINER [CONTAINER...]",
	.summary = "send a signal to running containers",
	.min = 1,
	.max = CLI_ARGS_ANY,
	.flags = COMMAND_ENGINE | COMMAND_CONTAINER,
	ROWS(kill_options),
	.values_size = sizeof(struct kill_values),
	.hint = HINT_CONTAINER,
	.run = cmd_kill,
};
const struct command command_wait = {
	.name = "wait",
	.operands = "CONTAINER [CONTAINER...]",
	.summary = "wait until containers end and print their exit codes",
	.min = 1,
	.max = CLI_ARGS_ANY,
	.flags = COMMAND_ENGINE | COMMAND_CONTAINER,
	.hint = HINT_CONTAINER,
	.run = cmd_wait,
};
const struct command command_rm = {
	.name = "rm",
	.operands = "CONTAINER [CONTAINER...]",
	.summary = "remove containers",
	.min = 1,
	.max = CLI_ARGS_ANY,
	.flags = COMMAND_ENGINE | COMMAND_CONTAINER,
	ROWS(rm_options),
	.values_size = sizeof(struct rm_values),
	.hint = HINT_CONTAINER,
	.run = cmd_rm,
};
const struct command command_logs = {
	.name = "logs",
	.operands = "CONTAINER",
	.summary = "show what a container wrote",
	.min = 1,
	.max = 1,
	.flags = COMMAND_ENGINE | COMMAND_CONTAINER,
	ROWS(logs_options),
	.defaults = &logs_defaults,
	.values_size = sizeof(struct logs_values),
	.hint = HINT_CONTAINER,
	.run = cmd_logs,
};
const struct command command_exec = {
	.name = "exec",
	.operands = "CONTAINER COMMAND [ARG...]",
	.summary = "run a command in a running container",
	.min = 2,
	.max = CLI_ARGS_ANY,
	.flags = COMMAND_ENGINE | COMMAND_OPERAND_ENDS | COMMAND_CONTAINER,
	.failure = 125,
	ROWS(exec_options),
	.values_size = sizeof(struct engine_exec),
	.hint = HINT_CONTAINER,
	.run = cmd_exec,
};
const struct command command_cleanup = {
	.name = "cleanup",
	.operands = "CONTAINER",
	.summary = "what a monitor executes after run --rm",
	.min = 1,
	.max = 1,
	.flags = COMMAND_ENGINE | COMMAND_HIDDEN,
	.run = cmd_cleanup,
};
