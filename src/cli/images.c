/* corten image load, import, rm, tag, untag, exists. */
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
	bool all;
	bool force;
	bool ignore;
	bool no_prune;
};
static const struct option rm_options[] = {
	OPT_FLAG(struct rm_values, all, 'a', "all", "remove all images"),
	OPT_FLAG(struct rm_values, force, 'f', "force",
		 "remove all names of an id, and names that stopped containers use"),
	OPT_FLAG(struct rm_values, ignore, 'i', "ignore", "what is not there is no failure"),
	OPT_FLAG(struct rm_values, no_prune, '\0', "no-prune",
		 "accepted: an image has no parents that would go with it"),
};

/* 0, or 1 when it failed, which is told. */
static int remove_one(struct cli *cli, const struct rm_values *v, const char *reference)
{
	struct engine_image_removed removed;
	struct err failed = {.kind = ERR_NONE};

	int rc = engine_image_remove(cli->engine, reference, v->force, cli->arena, &removed,
				     &failed);
	if (rc < 0) {
		if ((v->force || v->ignore) && failed.kind == ERR_NOT_FOUND)
			return 0;
		cli_print_error(&failed);
		return 1;
	}
	for (size_t n = 0; n < removed.untagged.count; n++)
		(void)printf("Untagged: %s\n", removed.untagged.items[n]);
	if (removed.deleted != NULL)
		(void)printf("Deleted: sha256:%s\n", removed.deleted);
	return 0;
}

/* Name by name, since an id with several takes force. */
static int remove_all(struct cli *cli, const struct rm_values *v, struct err *err)
{
	engine_images images;
	int status = 0;

	int rc = engine_image_list(cli->engine, cli->arena, &images, err);
	for (size_t i = 0; rc == 0 && i < images.count; i++) {
		const struct engine_image *image = &images.items[i];
		bool by_id = v->force || image->names.count == 0;
		for (size_t n = 0; n < (by_id ? 1 : image->names.count); n++)
			status |= remove_one(cli, v, by_id ? image->id : image->names.items[n]);
	}
	return rc < 0 ? rc : status;
}

static int cmd_rm(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	const struct rm_values *v = values;
	int status = 0;

	if (v->all == (args->count > 0)) {
		(void)err_set(err, ERR_INVALID, 0,
			      "\"corten image rm\" requires names of images, or --all alone");
		cli_print_error(err);
		(void)fprintf(stderr, "See 'corten image rm --help'.\n");
		return 125;
	}
	if (v->all)
		return remove_all(cli, v, err);
	for (size_t i = 0; i < args->count; i++)
		status |= remove_one(cli, v, args->items[i]);
	return status;
}

static int cmd_untag(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	json_strings names = {0};
	int rc = 0;

	(void)values;
	for (size_t i = 1; rc == 0 && i < args->count; i++)
		rc = list_push_text(&names, args->items[i], cli->arena, err);
	return rc < 0 ? rc : engine_image_untag(cli->engine, args->items[0], &names, err);
}

static int cmd_exists(struct cli *cli, void *values, const struct option_args *args,
		      struct err *err)
{
	struct engine_image image;
	struct err failed = {.kind = ERR_NONE};

	(void)values;
	int rc = engine_image_find(cli->engine, args->items[0], cli->arena, &image, &failed);
	if (rc < 0 && failed.kind == ERR_NOT_FOUND)
		return 1;
	if (rc < 0)
		*err = failed;
	return rc;
}

static int cmd_tag(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	(void)values;
	return engine_image_tag(cli->engine, args->items[0], args->items[1], err);
}

#define ROWS(table) .options = table, .option_count = sizeof(table) / sizeof((table)[0])

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
	.operands = "[IMAGE...]",
	.summary = "remove images",
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
const struct command command_image_untag = {
	.name = "image untag",
	.aliases = "untag",
	.operands = "IMAGE [NAME...]",
	.summary = "take names from an image, or all of them",
	.min = 1,
	.max = CLI_ARGS_ANY,
	.flags = COMMAND_ENGINE,
	.hint = HINT_IMAGE,
	.run = cmd_untag,
};
const struct command command_image_exists = {
	.name = "image exists",
	.operands = "IMAGE",
	.summary = "exit with 0 when there is such an image, with 1 when not",
	.min = 1,
	.max = 1,
	.flags = COMMAND_ENGINE,
	.failure = 125,
	.hint = HINT_IMAGE,
	.run = cmd_exists,
};
