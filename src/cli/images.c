/* corten image ls, load, import, rm, tag, inspect. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/command.h"
#include "cli/filter.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "engine/spec/list.h"

#define OUT_MAX  (16 * 1024 * 1024)
#define SHORT_ID 12
#define NO_NAME  "<none>"

struct ls_values {
	bool quiet;
	bool no_trunc;
	const char *format;
	json_strings filters;
};
static const struct option ls_options[] = {
	OPT_LIST(struct ls_values, filters, 'f', "filter", "KEY=VALUE", HINT_NONE,
		 "reference, dangling"),
	OPT_STRING(struct ls_values, format, '\0', "format", "table|json", HINT_WORDS,
		   "form of the output"),
	OPT_FLAG(struct ls_values, no_trunc, '\0', "no-trunc", "cut nothing"),
	OPT_FLAG(struct ls_values, quiet, 'q', "quiet", "ids alone"),
};

struct ls_row {
	const char *repository;
	const char *tag;
	const char *id;
	const char *created_since;
	const char *created_at;
	const char *size;
};
static const struct json_field ls_fields[] = {
	JSON_STRING(struct ls_row, repository, "Repository"),
	JSON_STRING(struct ls_row, tag, "Tag"),
	JSON_STRING(struct ls_row, id, "ID"),
	JSON_STRING(struct ls_row, created_since, "CreatedSince"),
	JSON_STRING(struct ls_row, created_at, "CreatedAt"),
	JSON_STRING(struct ls_row, size, "Size"),
};
static JSON_SHAPE(ls_shape, struct ls_row, ls_fields);

/* Splits "repository:tag"; a colon before a slash belongs to a port. */
static void split_name(const char *name, struct arena *arena, struct ls_row *row)
{
	const char *slash = strrchr(name, '/');
	const char *colon = strchr(slash != NULL ? slash : name, ':');
	size_t len = colon != NULL ? (size_t)(colon - name) : strlen(name);

	row->repository = arena_strndup(arena, name, len);
	row->tag = colon != NULL ? colon + 1 : NO_NAME;
}

static int add_row(const struct ls_values *v, const struct engine_image *image, const char *name,
		   struct arena *arena, json_strings *cells, struct buf *out, struct err *err)
{
	char age[64] = "N/A", at[64], size[32];
	struct ls_row row = {.repository = NO_NAME, .tag = NO_NAME};

	if (image->created_s > 0)
		text_duration((int64_t)time(NULL) - image->created_s, age, sizeof(age));
	text_time(image->created_s * 1000000000, at, sizeof(at));
	text_size(image->size_bytes, size, sizeof(size));
	if (name != NULL)
		split_name(name, arena, &row);
	row.id = v->no_trunc ? list_text(arena, "sha256:%s", image->id)
			     : arena_strndup(arena, image->id, SHORT_ID);
	row.created_since = list_text(arena, image->created_s > 0 ? "%s ago" : "%s", age);
	row.created_at = list_text(arena, "%s", at);
	row.size = list_text(arena, "%s", size);
	if (row.repository == NULL || row.id == NULL || row.created_since == NULL ||
	    row.created_at == NULL || row.size == NULL)
		return list_no_memory(err);
	if (v->format != NULL && strcmp(v->format, "json") == 0) {
		json_write(&ls_shape, &row, JSON_COMPACT, out);
		buf_char(out, '\n');
		return 0;
	}
	const char *const texts[] = {row.repository, row.tag, row.id, row.created_since, row.size};
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < 5; i++)
		rc = list_push_text(cells, texts[i], arena, err);
	return rc;
}

static int cmd_ls(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	static const char *const keys[] = {"reference", "dangling", NULL};
	static const char *const head[] = {"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"};
	const struct ls_values *v = values;
	BUF_AUTO(out, OUT_MAX);
	engine_images images;
	struct filters filters;
	json_strings cells = {0}, texts = v->filters;
	int rc = 0;

	if (v->format != NULL && strcmp(v->format, "json") != 0 && strcmp(v->format, "table") != 0)
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "--format is table or json, not '%s': templates are not built",
			       v->format);
	if (args->count > 0) {
		const char *text = list_text(cli->arena, "reference=%s", args->items[0]);
		json_strings copy = {0};
		for (size_t i = 0; rc == 0 && i < texts.count; i++)
			rc = list_push_text(&copy, texts.items[i], cli->arena, err);
		if (rc == 0)
			rc = text == NULL ? list_no_memory(err)
					  : list_push_text(&copy, text, cli->arena, err);
		texts = copy;
	}
	if (rc == 0)
		rc = filters_parse(&texts, keys, cli->arena, &filters, err);
	if (rc == 0)
		rc = engine_image_list(cli->engine, cli->arena, &images, err);
	for (size_t i = 0; rc == 0 && i < 5; i++)
		rc = list_push_text(&cells, head[i], cli->arena, err);
	for (size_t i = 0; rc == 0 && i < images.count; i++) {
		const struct engine_image *image = &images.items[i];
		if (!filters_match_image(&filters, image))
			continue;
		if (v->quiet) {
			buf_fmt(&out, "%s%.*s\n", v->no_trunc ? "sha256:" : "",
				v->no_trunc ? 64 : SHORT_ID, image->id);
			continue;
		}
		for (size_t n = 0; rc == 0 && (n == 0 || n < image->names.count); n++)
			rc = add_row(v, image,
				     image->names.count > 0 ? image->names.items[n] : NULL,
				     cli->arena, &cells, &out, err);
	}
	if (rc < 0)
		return rc;
	if (!v->quiet && (v->format == NULL || strcmp(v->format, "table") == 0))
		text_table(&cells, 5, &out);
	return cli_print(&out, err);
}

static int open_input(const char *path, int *ret_fd, struct err *err)
{
	if (path == NULL || strcmp(path, "-") == 0) {
		if (isatty(STDIN_FILENO) == 1)
			return err_set(err, ERR_INVALID, 0,
				       "the archive comes from stdin, which is a terminal: name a "
				       "file or use "
				       "a pipe");
		*ret_fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	} else {
		*ret_fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	return *ret_fd < 0 ? err_errno(err, "open '%s'", path != NULL ? path : "stdin") : 0;
}

struct load_values {
	const char *input;
	const char *platform;
	const char *name;
	bool quiet;
};
static const struct option load_options[] = {
	OPT_STRING(struct load_values, input, 'i', "input", "FILE", HINT_FILE,
		   "archive, or folder of an OCI layout (default: stdin)"),
	OPT_STRING(struct load_values, name, '\0', "name", "NAME", HINT_NONE,
		   "name of an archive's only image"),
	OPT_STRING(struct load_values, platform, '\0', "platform", "OS/ARCH", HINT_NONE,
		   "which image of several"),
	OPT_FLAG(struct load_values, quiet, 'q', "quiet", "no progress"),
};

static int load(struct cli *cli, struct engine_load *request, const char *path, bool quiet,
		engine_images *ret_images, struct err *err)
{
	auto_fd input = FD_NONE;
	struct progress progress;

	int rc = open_input(path, &input, err);
	if (rc < 0)
		return rc;
	request->input_fd = input;
	progress_begin(&progress,
		       !quiet && isatty(STDERR_FILENO) == 1 ? PROGRESS_BARS : PROGRESS_NONE);
	request->progress = progress_show;
	request->progress_arg = &progress;
	rc = engine_image_load(cli->engine, request, cli->arena, ret_images, err);
	progress_end(&progress);
	request->progress_arg = NULL;
	return rc;
}

static int cmd_load(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	const struct load_values *v = values;
	struct engine_load request = {.name = v->name, .platform = v->platform};
	const char *input = v->input != NULL || args->count == 0 ? v->input : args->items[0];
	engine_images images;

	int rc = load(cli, &request, input, v->quiet, &images, err);
	for (size_t i = 0; rc == 0 && i < images.count; i++) {
		const struct engine_image *image = &images.items[i];
		for (size_t n = 0; n < image->names.count; n++)
			(void)printf("Loaded image: %s\n", image->names.items[n]);
		if (image->names.count == 0)
			(void)printf("Loaded image ID: sha256:%s\n", image->id);
	}
	return rc;
}

struct import_values {
	json_strings changes;
	const char *message;
	const char *platform;
	bool quiet;
};
static const struct option import_options[] = {
	OPT_LIST(struct import_values, changes, 'c', "change", "INSTRUCTION", HINT_NONE,
		 "a line as of a Dockerfile: CMD, ENTRYPOINT, ENV, USER, WORKDIR, VOLUME, ..."),
	OPT_STRING(struct import_values, message, 'm', "message", "TEXT", HINT_NONE,
		   "comment in the image's history"),
	OPT_STRING(struct import_values, platform, '\0', "platform", "OS/ARCH", HINT_NONE,
		   "what the image is for (default: this machine)"),
	OPT_FLAG(struct import_values, quiet, 'q', "quiet", "no progress"),
};

static int cmd_import(struct cli *cli, void *values, const struct option_args *args,
		      struct err *err)
{
	const struct import_values *v = values;
	struct engine_load request = {.import = true,
				      .name = args->count > 1 ? args->items[1] : NULL,
				      .changes = v->changes,
				      .message = v->message,
				      .platform = v->platform};
	engine_images images;

	int rc = load(cli, &request, args->items[0], v->quiet, &images, err);
	for (size_t i = 0; rc == 0 && i < images.count; i++)
		(void)printf("sha256:%s\n", images.items[i].id);
	return rc;
}

struct rm_values {
	bool force;
	bool no_prune;
};
static const struct option rm_options[] = {
	OPT_FLAG(struct rm_values, force, 'f', "force",
		 "remove all names of an id, and names that stopped containers use"),
};

static int cmd_rm(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	const struct rm_values *v = values;
	int status = 0;

	(void)err;
	for (size_t i = 0; i < args->count; i++) {
		struct engine_image_removed removed;
		struct err failed = {.kind = ERR_NONE};
		char text[1024];
		int rc = engine_image_remove(cli->engine, args->items[i], v->force, cli->arena,
					     &removed, &failed);
		if (rc < 0) {
			if (v->force && failed.kind == ERR_NOT_FOUND)
				continue;
			(void)fflush(stdout);
			(void)fprintf(stderr, "corten: %s\n",
				      err_format(&failed, text, sizeof(text)));
			status = 1;
			continue;
		}
		for (size_t n = 0; n < removed.untagged.count; n++)
			(void)printf("Untagged: %s\n", removed.untagged.items[n]);
		if (removed.deleted != NULL)
			(void)printf("Deleted: sha256:%s\n", removed.deleted);
	}
	return status;
}

static int cmd_tag(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	(void)values;
	return engine_image_tag(cli->engine, args->items[0], args->items[1], err);
}

static int cmd_inspect(struct cli *cli, void *values, const struct option_args *args,
		       struct err *err)
{
	BUF_AUTO(out, OUT_MAX);
	int rc = 0;

	(void)values;
	buf_str(&out, "[\n");
	for (size_t i = 0; rc == 0 && i < args->count; i++) {
		buf_str(&out, i > 0 ? ",\n" : "");
		rc = engine_image_inspect(cli->engine, args->items[i], &out, err);
	}
	buf_str(&out, "\n]\n");
	return rc < 0 ? rc : cli_print(&out, err);
}

#define ROWS(table) .options = table, .option_count = sizeof(table) / sizeof((table)[0])

const struct command command_image_ls = {
	.name = "image ls",
	.aliases = "images,image list",
	.operands = "[NAME]",
	.summary = "list images",
	.max = 1,
	.flags = COMMAND_ENGINE,
	ROWS(ls_options),
	.values_size = sizeof(struct ls_values),
	.run = cmd_ls,
};
const struct command command_image_load = {
	.name = "image load",
	.aliases = "load",
	.operands = "[FILE]",
	.summary = "bring in images from an archive of docker save or an OCI layout",
	.max = 1,
	.flags = COMMAND_ENGINE,
	ROWS(load_options),
	.values_size = sizeof(struct load_values),
	.hint = HINT_FILE,
	.run = cmd_load,
};
const struct command command_image_import = {
	.name = "image import",
	.aliases = "import",
	.operands = "FILE|FOLDER|- [NAME]",
	.summary = "make an image of a root filesystem, a tar archive or a folder",
	.min = 1,
	.max = 2,
	.flags = COMMAND_ENGINE,
	ROWS(import_options),
	.values_size = sizeof(struct import_values),
	.hint = HINT_FILE,
	.run = cmd_import,
};
const struct command command_image_rm = {
	.name = "image rm",
	.aliases = "rmi,image remove",
	.operands = "IMAGE [IMAGE...]",
	.summary = "remove images",
	.min = 1,
	.max = CLI_ARGS_ANY,
	.flags = COMMAND_ENGINE,
	ROWS(rm_options),
	.values_size = sizeof(struct rm_values),
	.hint = HINT_IMAGE,
	.run = cmd_rm,
};
const struct command command_image_tag = {
	.name = "image tag",
	.aliases = "tag",
	.operands = "IMAGE NAME",
	.summary = "give an image one more name",
	.min = 2,
	.max = 2,
	.flags = COMMAND_ENGINE,
	.hint = HINT_IMAGE,
	.run = cmd_tag,
};
const struct command command_image_inspect = {
	.name = "image inspect",
	.operands = "IMAGE [IMAGE...]",
	.summary = "show all about images as JSON",
	.min = 1,
	.max = CLI_ARGS_ANY,
	.flags = COMMAND_ENGINE,
	.hint = HINT_IMAGE,
	.run = cmd_inspect,
};
