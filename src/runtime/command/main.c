#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "oci/state.h"
#include "runtime/command/command.h"

#define DEFAULT_ROOT   "/run/corten-runtime"
#define ERROR_TEXT_MAX 1024

static const struct option global_options[] = {
	OPTION_HELP(struct command_globals),
	OPTION_ROW(struct command_globals, root, "root", 0, OPTION_STRING, "DIR",
		   "folder of the containers' state (default " DEFAULT_ROOT ")"),
	OPTION_ROW(struct command_globals, log, "log", 0, OPTION_STRING, "FILE",
		   "write errors and warnings to FILE too"),
	OPTION_ROW(struct command_globals, log_format, "log-format", 0, OPTION_STRING, "text|json",
		   "form of the log (default text)"),
	OPTION_ROW(struct command_globals, debug, "debug", 0, OPTION_BOOL, NULL,
		   "accepted; nothing more is logged yet"),
	OPTION_ROW(struct command_globals, systemd_cgroup, "systemd-cgroup", 0, OPTION_BOOL, NULL,
		   "not built yet: refused"),
	OPTION_ROW(struct command_globals, version, "version", 'v', OPTION_BOOL, NULL,
		   "show the version"),
};
#define GLOBAL_COUNT (sizeof(global_options) / sizeof(global_options[0]))

static const struct command *const commands[] = {
	&command_create, &command_start, &command_run,      &command_exec,  &command_kill,
	&command_delete, &command_state, &command_list,     &command_pause, &command_resume,
	&command_update, &command_spec,  &command_features,
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

/* One line in runc's form; logs to FILE go on when it cannot be written. */
static void log_line(int fd, bool json, const char *level, const char *text)
{
	BUF_AUTO(line, 16384);
	char stamp[64];
	struct timespec now;
	struct tm parts;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &parts);
	(void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &parts);
	if (json)
		buf_fmt(&line, "{\"level\":\"%s\",\"msg\":", level);
	else
		buf_fmt(&line, "time=\"%s\" level=%s msg=", stamp, level);
	json_write_string(&line, text);
	if (json)
		buf_fmt(&line, ",\"time\":\"%s\"}", stamp);
	buf_char(&line, '\n');
	if (!line.failed)
		(void)fd_write_all(fd, line.data, line.len);
}

static int log_open(const struct command_globals *globals)
{
	if (globals->log == NULL)
		return FD_NONE;
	return openat(AT_FDCWD, globals->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

static bool log_is_json(const struct command_globals *globals)
{
	return globals->log_format != NULL && strcmp(globals->log_format, "json") == 0;
}

static void warn(void *context, const char *text)
{
	const struct command_globals *globals = context;
	auto_fd fd = log_open(globals);

	log_line(fd >= 0 ? fd : STDERR_FILENO, log_is_json(globals), "warning", text);
}

static int report(const struct command_globals *globals, const struct err *err, int status)
{
	char text[ERROR_TEXT_MAX];
	auto_fd fd = log_open(globals);

	(void)err_format(err, text, sizeof(text));
	if (fd >= 0)
		log_line(fd, log_is_json(globals), "error", text);
	(void)fprintf(stderr, "corten-runtime: %s\n", text);
	return status;
}

static void show_help(void)
{
	BUF_AUTO(out, 16384);

	buf_str(&out, "Usage: corten-runtime [GLOBAL OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]\n\n"
		      "An OCI container runtime.\n\nCommands:\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		buf_fmt(&out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	buf_str(&out, "\nGlobal options:\n");
	options_help(global_options, GLOBAL_COUNT, &out);
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

static int globals_check(struct command_globals *globals, struct err *err)
{
	auto_fd log = log_open(globals);

	if (globals->log != NULL && log < 0) {
		int rc = err_errno(err, "open --log '%s'", globals->log);
		globals->log = NULL;
		return rc;
	}
	if (globals->log_format != NULL && strcmp(globals->log_format, "text") != 0 &&
	    strcmp(globals->log_format, "json") != 0)
		return err_set(err, ERR_INVALID, 0, "--log-format '%s' is neither text nor json",
			       globals->log_format);
	if (globals->systemd_cgroup)
		return err_set(
			err, ERR_UNSUPPORTED, 0,
			"--systemd-cgroup is not built yet: use the cgroupfs driver (Podman: "
			"cgroup_manager = \"cgroupfs\"; Docker: native.cgroupdriver=cgroupfs)");
	if (globals->root == NULL || globals->root[0] == '\0')
		globals->root = DEFAULT_ROOT;
	return 0;
}

static int command_run_one(const struct command_globals *globals, const struct command *command,
			   int argc, char **argv)
{
	struct err err;
	void *values = calloc(1, command->values_size);

	if (values == NULL)
		return 1;
	int used = options_parse(command->options, command->option_count, argc, argv, values, &err);
	if (used >= 0 && *(bool *)values) {
		show_command_help(command);
		free(values);
		return 0;
	}
	int rc = used;
	int left = argc - used;
	if (used >= 0 && (left < command->operands_min ||
			  (command->operands_max >= 0 && left > command->operands_max)))
		rc = err_set(
			&err, ERR_INVALID, 0, "%s needs %s: %d given (see --help)", command->name,
			command->operands[0] != '\0' ? command->operands : "no argument", left);
	else if (used >= 0)
		rc = command->run(globals, values, left, argv + used, &err);
	free(values);
	if (rc < 0)
		return report(globals, &err, command == &command_exec ? 255 : 1);
	return rc;
}

int command_main(int argc, char **argv, char **envp)
{
	struct command_globals globals = {.argv = argv, .envp = envp, .warn = warn};
	struct err err;

	globals.warn_context = &globals;
	int used = options_parse(global_options, GLOBAL_COUNT, argc - 1, argv + 1, &globals, &err);
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
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i]->name, argv[0]) == 0)
			return command_run_one(&globals, commands[i], argc - 1, argv + 1);
	(void)err_set(&err, ERR_INVALID, 0, "unknown command '%s' (see --help)", argv[0]);
	return report(&globals, &err, 1);
}
