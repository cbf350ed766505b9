/* corten version, info, completion, man, help. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "cli/command.h"
#include "cli/format.h"
#include "cli/text.h"

#define OUT_MAX (4 * 1024 * 1024)

struct format_values {
	const char *format;
};
static const struct option format_options[] = {
	OPT_STRING(struct format_values, format, 'f', "format", "text|json|TEMPLATE", HINT_WORDS,
		   "form of the output"),
};

/* 1: the document was printed; 0: the text for people is wanted. */
static int print_document(struct cli *cli, const char *format, const struct json_shape *shape,
			  const void *object, struct err *err)
{
	BUF_AUTO(document, OUT_MAX);
	BUF_AUTO(out, OUT_MAX);
	const struct template *template = NULL;

	if (format == NULL || format[0] == '\0' || strcmp(format, "text") == 0)
		return 0;
	json_write(shape, object, JSON_COMPACT, &document);
	if (strcmp(format, "json") == 0) {
		buf_char(&document, '\n');
		int rc = cli_print(&document, err);
		return rc < 0 ? rc : 1;
	}
	int rc = template_parse(format, strlen(format), cli->arena, &template, err);
	if (rc == 0)
		rc = format_document(template, NULL, &document, &out, err);
	if (rc == 0)
		rc = cli_print(&out, err);
	return rc < 0 ? rc : 1;
}

/* Docker's two halves are the same program here. */
struct version_half {
	const char *version;
	const char *os;
	const char *machine;
	const char *kernel;
};
static const struct json_field half_fields[] = {
	JSON_STRING(struct version_half, version, "Version"),
	JSON_STRING(struct version_half, os, "Os"),
	JSON_STRING(struct version_half, machine, "Arch"),
	JSON_STRING(struct version_half, kernel, "KernelVersion"),
};
static JSON_SHAPE(half_shape, struct version_half, half_fields);

struct version_view {
	const char *version;
	struct version_half *client;
	struct version_half *server;
};
static const struct json_field version_fields[] = {
	JSON_STRING(struct version_view, version, "Version"),
	JSON_OBJECT(struct version_view, client, "Client", half_shape),
	JSON_OBJECT(struct version_view, server, "Server", half_shape),
};
static JSON_SHAPE(version_shape, struct version_view, version_fields);

/* Go's name of a processor. */
static const char *go_machine(const char *machine)
{
	if (strcmp(machine, "x86_64") == 0)
		return "amd64";
	return strcmp(machine, "aarch64") == 0 ? "arm64" : machine;
}

static int cmd_version(struct cli *cli, void *values, const struct option_args *args,
		       struct err *err)
{
	const struct format_values *v = values;
	struct utsname names;

	(void)args;
	if (uname(&names) < 0)
		return err_errno(err, "ask the kernel's name");
	struct version_half half = {CORTEN_VERSION, "linux", go_machine(names.machine),
				    names.release};
	const struct version_view view = {CORTEN_VERSION, &half, &half};
	int rc = print_document(cli, v->format, &version_shape, &view, err);
	if (rc == 0)
		(void)printf("corten version %s\n", CORTEN_VERSION);
	return rc < 0 ? rc : 0;
}

struct info_view {
	struct engine_info info;
	size_t stopped;
	const char *name;
	const char *os;
	const char *driver;
};
#define INFO_NUMBER(member, name) \
	JSON_PLAIN(struct info_view, member, name, JSON_TYPE_UINT64, JSON_WRITE_ZERO)
static const struct json_field info_fields[] = {
	INFO_NUMBER(info.containers, "Containers"),
	INFO_NUMBER(info.running, "ContainersRunning"),
	INFO_NUMBER(stopped, "ContainersStopped"),
	INFO_NUMBER(info.images, "Images"),
	JSON_STRING(struct info_view, driver, "Driver"),
	JSON_STRING(struct info_view, info.root, "DockerRootDir"),
	JSON_STRING(struct info_view, info.root, "Root"),
	JSON_STRING(struct info_view, info.state, "State"),
	JSON_STRING(struct info_view, info.libexec, "Runtime"),
	JSON_STRING(struct info_view, name, "Name"),
	JSON_STRING(struct info_view, os, "OSType"),
	JSON_STRING(struct info_view, info.kernel, "KernelVersion"),
	JSON_STRING(struct info_view, info.machine, "Architecture"),
	JSON_STRING(struct info_view, info.cgroups, "CgroupVersion"),
	JSON_UINT32(struct info_view, info.cpus, "NCPU"),
	JSON_INT64(struct info_view, info.memory_bytes, "MemTotal"),
	JSON_STRING(struct info_view, info.version, "ServerVersion"),
	JSON_LIST_FLAGS(struct info_view, info.security, "SecurityOptions", JSON_TYPE_STRING,
			JSON_WRITE_ZERO),
};
static JSON_SHAPE(info_shape, struct info_view, info_fields);

static int print_info(const struct engine_info *info, struct err *err)
{
	BUF_AUTO(out, OUT_MAX);
	char memory[32];

	text_size(info->memory_bytes, memory, sizeof(memory));
	buf_fmt(&out,
		"Version: %s\nContainers: %zu\n Running: %zu\nImages: %zu\nRoot: %s\n"
		"State: %s\nRuntime: %s\nCgroups: %s\nKernel: %s\nArchitecture: %s\nCPUs: %" PRIu32
		"\nMemory: %s\nSecurity:",
		info->version, info->containers, info->running, info->images, info->root,
		info->state, info->libexec, info->cgroups, info->kernel, info->machine, info->cpus,
		memory);
	for (size_t i = 0; i < info->security.count; i++)
		buf_fmt(&out, "%s %s", i > 0 ? ";" : "", info->security.items[i]);
	buf_char(&out, '\n');
	return cli_print(&out, err);
}

static int cmd_info(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	const struct format_values *v = values;
	struct info_view view = {.os = "linux", .driver = "overlay"};
	struct utsname names;

	(void)args;
	if (uname(&names) < 0)
		return err_errno(err, "ask the host's name");
	int rc = engine_info(cli->engine, cli->arena, &view.info, err);
	if (rc < 0)
		return rc;
	view.stopped = view.info.containers - view.info.running;
	view.name = names.nodename;
	rc = print_document(cli, v->format, &info_shape, &view, err);
	if (rc == 0)
		rc = print_info(&view.info, err);
	return rc < 0 ? rc : 0;
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
	.aliases = "system info",
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
