/* corten version, info, completion, man, help. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/text.h"

#define OUT_MAX (4 * 1024 * 1024)

struct format_values {
	const char *format;
};
static const struct option format_options[] = {
	OPT_STRING(struct format_values, format, 'f', "format", "text|json", HINT_WORDS,
		   "form of the output"),
};

static int check_format(const char *format, bool *ret_json, struct err *err)
{
	*ret_json = format != NULL && strcmp(format, "json") == 0;
	if (format != NULL && !*ret_json && strcmp(format, "text") != 0)
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "--format is text or json, not '%s': templates are not built",
			       format);
	return 0;
}

static int cmd_version(struct cli *cli, void *values, const struct option_args *args,
		       struct err *err)
{
	const struct format_values *v = values;
	bool json = false;

	(void)cli;
	(void)args;
	int rc = check_format(v->format, &json, err);
	if (rc == 0)
		(void)printf(json ? "{\"Version\":\"%s\"}\n" : "corten version %s\n",
			     CORTEN_VERSION);
	return rc;
}

static const struct json_field info_fields[] = {
	JSON_PLAIN(struct engine_info, containers, "Containers", JSON_TYPE_UINT64, JSON_WRITE_ZERO),
	JSON_PLAIN(struct engine_info, running, "ContainersRunning", JSON_TYPE_UINT64,
		   JSON_WRITE_ZERO),
	JSON_PLAIN(struct engine_info, images, "Images", JSON_TYPE_UINT64, JSON_WRITE_ZERO),
	JSON_STRING(struct engine_info, root, "Root"),
	JSON_STRING(struct engine_info, state, "State"),
	JSON_STRING(struct engine_info, libexec, "Runtime"),
	JSON_STRING(struct engine_info, kernel, "KernelVersion"),
	JSON_STRING(struct engine_info, machine, "Architecture"),
	JSON_STRING(struct engine_info, cgroups, "CgroupVersion"),
	JSON_UINT32(struct engine_info, cpus, "NCPU"),
	JSON_INT64(struct engine_info, memory_bytes, "MemTotal"),
	JSON_STRING(struct engine_info, version, "ServerVersion"),
	JSON_LIST_FLAGS(struct engine_info, security, "SecurityOptions", JSON_TYPE_STRING,
			JSON_WRITE_ZERO),
};
static JSON_SHAPE(info_shape, struct engine_info, info_fields);

static int cmd_info(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	const struct format_values *v = values;
	BUF_AUTO(out, OUT_MAX);
	struct engine_info info;
	bool json = false;
	char memory[32];

	(void)args;
	int rc = check_format(v->format, &json, err);
	if (rc == 0)
		rc = engine_info(cli->engine, cli->arena, &info, err);
	if (rc < 0)
		return rc;
	if (json) {
		json_write(&info_shape, &info, JSON_COMPACT, &out);
		buf_char(&out, '\n');
		return cli_print(&out, err);
	}
	text_size(info.memory_bytes, memory, sizeof(memory));
	buf_fmt(&out,
		"Version: %s\nContainers: %zu\n Running: %zu\nImages: %zu\nRoot: %s\n"
		"State: %s\nRuntime: %s\nCgroups: %s\nKernel: %s\nArchitecture: %s\nCPUs: %" PRIu32
		"\nMemory: %s\nSecurity:",
		info.version, info.containers, info.running, info.images, info.root, info.state,
		info.libexec, info.cgroups, info.kernel, info.machine, info.cpus, memory);
	for (size_t i = 0; i < info.security.count; i++)
		buf_fmt(&out, "%s %s", i > 0 ? ";" : "", info.security.items[i]);
	buf_char(&out, '\n');
	return cli_print(&out, err);
}

/* `completion containers` and `completion images` are what the shells' functions call. */
static int cmd_completion(struct cli *cli, void *values, const struct option_args *args,
			  struct err *err)
{
	BUF_AUTO(out, OUT_MAX);
	engine_containers containers = {0};
	engine_images images = {0};
	int rc = 0;

	(void)values;
	if (strcmp(args->items[0], "containers") == 0)
		rc = engine_container_list(cli->engine, cli->arena, &containers, err);
	else if (strcmp(args->items[0], "images") == 0)
		rc = engine_image_list(cli->engine, cli->arena, &images, err);
	else
		rc = completion_write(args->items[0], &out, err);
	for (size_t i = 0; rc == 0 && i < containers.count; i++)
		buf_fmt(&out, "%s\n", containers.items[i].name);
	for (size_t i = 0; rc == 0 && i < images.count; i++) {
		for (size_t n = 0; n < images.items[i].names.count; n++)
			buf_fmt(&out, "%s\n", images.items[i].names.items[n]);
	}
	return rc < 0 ? rc : cli_print(&out, err);
}

static int cmd_man(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	BUF_AUTO(out, OUT_MAX);

	(void)cli;
	(void)values;
	(void)args;
	man_program(&out);
	return cli_print(&out, err);
}

static int cmd_help(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	BUF_AUTO(out, OUT_MAX);
	size_t used = 0;

	(void)cli;
	(void)values;
	for (size_t i = 0; args->count > 0 && cli_commands[i] != NULL; i++) {
		if (!command_matches(cli_commands[i], args->items, args->count, &used))
			continue;
		help_command(cli_commands[i], &out);
		return cli_print(&out, err);
	}
	if (args->count > 0)
		return err_set(err, ERR_NOT_FOUND, 0, "'%s' is not a corten command",
			       args->items[0]);
	help_program(&out);
	return cli_print(&out, err);
}

const struct command command_version = {
	.name = "version",
	.operands = "",
	.summary = "show the version",
	.options = format_options,
	.option_count = 1,
	.values_size = sizeof(struct format_values),
	.run = cmd_version,
};
const struct command command_info = {
	.name = "info",
	.operands = "",
	.summary = "show what this installation has and where",
	.flags = COMMAND_ENGINE,
	.options = format_options,
	.option_count = 1,
	.values_size = sizeof(struct format_values),
	.run = cmd_info,
};
const struct command command_completion = {
	.name = "completion",
	.operands = "bash|zsh|fish",
	.summary = "print a shell's completion of this command line",
	.min = 1,
	.max = 1,
	.flags = COMMAND_ENGINE,
	.run = cmd_completion,
};
const struct command command_man = {
	.name = "man",
	.operands = "",
	.summary = "print the manual page in troff",
	.flags = COMMAND_HIDDEN,
	.run = cmd_man,
};
const struct command command_help = {
	.name = "help",
	.operands = "[COMMAND]",
	.summary = "show help",
	.max = 2,
	.run = cmd_help,
};
