#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "oci/state.h"
#include "runtime/command/command.h"
#include "runtime/command/globals.h"

#define ERROR_TEXT_MAX 1024

const struct option command_global_options[] = {
	OPTION_HELP(struct command_globals),
	OPTION_ROW(struct command_globals, root, "root", 0, OPTION_STRING, "DIR",
		   "folder of the containers' state (default " COMMAND_DEFAULT_ROOT ")"),
	OPTION_ROW(struct command_globals, log, "log", 0, OPTION_STRING, "FILE",
		   "write errors, and warnings instead of to standard error, to FILE"),
	OPTION_ROW(struct command_globals, log_format, "log-format", 0, OPTION_STRING, "text|json",
		   "form of the log (default text)"),
	OPTION_ROW(struct command_globals, log_level, "log-level", 0, OPTION_STRING,
		   "error|warning|info|debug", "what is logged (default warning)"),
	OPTION_ROW(struct command_globals, debug, "debug", 0, OPTION_BOOL, NULL,
		   "log each step, as --log-level debug does"),
	OPTION_ROW(struct command_globals, rootless, "rootless", 0, OPTION_STRING,
		   "true|false|auto", "do without a cgroup where none may be made (default auto)"),
	OPTION_ROW(struct command_globals, clamp_rlimits, "clamp-rlimits", 0, OPTION_BOOL, NULL,
		   "lower limits that may not be raised, with a warning"),
	OPTION_ROW(struct command_globals, systemd_cgroup, "systemd-cgroup", 0, OPTION_BOOL, NULL,
		   "have systemd make the cgroup, as a scope; as --cgroup-manager systemd"),
	OPTION_ROW(struct command_globals, cgroup_manager, "cgroup-manager", 0, OPTION_STRING,
		   "cgroupfs|systemd|disabled", "who makes the cgroup (default cgroupfs)"),
	OPTION_ROW(struct command_globals, version, "version", 'v', OPTION_BOOL, NULL,
		   "show the version"),
};
const size_t command_global_option_count =
	sizeof(command_global_options) / sizeof(command_global_options[0]);

const struct command *const command_table[] = {
	&command_checkpoint,
	&command_create,
	&command_delete,
	&command_events,
	&command_exec,
	&command_features,
	&command_kill,
	&command_list,
	&command_pause,
	&command_ps,
	&command_restore,
	&command_resume,
	&command_run,
	&command_spec,
	&command_start,
	&command_state,
	&command_update,
	&command_completion,
	NULL,
};

static int report(const struct command_globals *globals, const struct err *err, int status)
{
	char text[ERROR_TEXT_MAX];

	(void)err_format(err, text, sizeof(text));
	globals_log(globals, LOG_LEVEL_ERROR, text);
	(void)fprintf(stderr, "corten-runtime: %s\n", text);
	return status;
}

static void show_help(void)
{
	BUF_AUTO(out, 16384);

	buf_str(&out, "Usage: corten-runtime [GLOBAL OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]\n\n"
		      "An OCI container runtime.\n\nCommands:\n");
	for (size_t i = 0; command_table[i] != NULL; i++)
		buf_fmt(&out, "  %-10s %s\n", command_table[i]->name, command_table[i]->summary);
	buf_str(&out, "\nGlobal options:\n");
	options_help(command_global_options, command_global_option_count, &out);
	buf_str(&out, "\nSee 'corten-runtime COMMAND --help'.\n");
	(void)fd_write_all(STDOUT_FILENO, out.data, out.len);
}

static void show_command_help(const struct command *command)
{
	BUF_AUTO(out, 16384);

	buf_fmt(&out, "Usage: corten-runtime %s [OPTIONS] %s\n\n%s\n\nOptions:\n", command->name,
		command->operands, command->summary);
	options_help(command->options, command->option_count, &out);
	(void)fd_write_all(STDOUT_FILENO, out.data, out.len);
}

static void show_version(void)
{
	(void)printf("corten-runtime version %s\nspec: %s\n", CORTEN_VERSION, OCI_VERSION);
}

int command_print(const struct buf *out, const char *what, struct err *err)
{
	int rc = buf_check(out, what, err);

	if (rc < 0 || out->len == 0)
		return rc;
	rc = fd_write_all(STDOUT_FILENO, out->data, out->len);
	if (rc < 0) {
		errno = -rc;
		return err_errno(err, "write %s to standard output", what);
	}
	return 0;
}

static int command_call(const struct command_globals *globals, const struct command *command,
			void *values, int argc, char **argv, struct err *err)
{
	char line[128];

	if (argc < command->operands_min ||
	    (command->operands_max >= 0 && argc > command->operands_max))
		return err_set(
			err, ERR_INVALID, 0, "%s needs %s: %d given (see --help)", command->name,
			command->operands[0] != '\0' ? command->operands : "no argument", argc);
	(void)snprintf(line, sizeof(line), "%s: state in '%.80s'", command->name, globals->root);
	globals_log(globals, LOG_LEVEL_DEBUG, line);
	return command->run(globals, values, argc, argv, err);
}

static int command_run_with(struct command_globals *globals, const struct command *command,
			    int argc, char **argv, void *values, char **operands)
{
	struct err err;
	if (command->options_until == COMMAND_HELP_ALONE && argc > 0 &&
	    strcmp(argv[0], "--help") != 0 && strcmp(argv[0], "-h") != 0)
		argc = 0;
	int count = options_split(command->options, command->option_count, argc, argv,
				  command->options_until, values, operands, &err);
	if (count < 0)
		return report(globals, &err, 1);
	if (*(bool *)values) {
		show_command_help(command);
		return 0;
	}
	int rc = command_call(globals, command, values, count, operands, &err);
	if (rc < 0)
		rc = report(globals, &err, command == &command_exec && count > 0 ? 255 : 1);
	return rc;
}

static int command_run_one(struct command_globals *globals, const struct command *command, int argc,
			   char **argv)
{
	void *values = calloc(1, command->values_size);
	char **operands = calloc((size_t)argc + 1, sizeof(*operands));
	int rc = 1;

	if (values != NULL && operands != NULL)
		rc = command_run_with(globals, command, argc, argv, values, operands);
	free(operands);
	free(values);
	fd_closep(&globals->debug_fd);
	return rc;
}

int command_main(int argc, char **argv, char **envp)
{
	struct command_globals globals = {
		.argv = argv, .envp = envp, .warn = globals_warn, .debug_fd = FD_NONE};
	struct err err;

	globals.log_context = &globals;
	int used = options_parse(command_global_options, command_global_option_count, argc - 1,
				 argv + 1, &globals, &err);
	if (used < 0)
		return report(&globals, &err, 1);
	if (globals.version) {
		show_version();
		return 0;
	}
	argc -= used + 1;
	argv += used + 1;
	if (globals.help || argc == 0 || strcmp(argv[0], "help") == 0) {
		show_help();
		return 0;
	}
	if (globals_check(&globals, &err) < 0)
		return report(&globals, &err, 1);
	if (globals.debug)
		globals.step = globals_debug;
	for (size_t i = 0; command_table[i] != NULL; i++)
		if (strcmp(command_table[i]->name, argv[0]) == 0)
			return command_run_one(&globals, command_table[i], argc - 1, argv + 1);
	(void)err_set(&err, ERR_INVALID, 0, "unknown command '%s' (see --help)", argv[0]);
	return report(&globals, &err, 1);
}
