/* corten image mount, image unmount. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

static const char mount_text[] = "The files appear read-only in a folder whose name is printed, "
				 "and only in the mount namespace\n"
				 "of the caller, with which they go. In the host's own namespace "
				 "the command refuses to work:\n"
				 "    unshare --mount sh -c 'ls $(corten image mount IMAGE)'\n"
				 "Without an image it lists what is mounted in this namespace. An "
				 "image that is removed meanwhile\n"
				 "loses its files here as well.";

static int list_mounts(struct cli *cli, struct err *err)
{
	engine_image_mounts mounts = {0};

	int rc = engine_image_mount_list(cli->engine, cli->arena, &mounts, err);
	for (size_t i = 0; rc == 0 && i < mounts.count; i++) {
		struct engine_image image = {.id = mounts.items[i].id};
		struct err gone;
		/* An image that was removed has its id alone. */
		bool named = engine_image_find(cli->engine, mounts.items[i].id, cli->arena, &image,
					       &gone) == 0 &&
			     image.names.count > 0;
		(void)printf("%s %s\n", named ? image.names.items[0] : mounts.items[i].id,
			     mounts.items[i].path);
	}
	return rc;
}

static int cmd_mount(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	int status = 0;

	(void)values;
	if (args->count == 0)
		return list_mounts(cli, err);
	for (size_t i = 0; i < args->count; i++) {
		const char *path = NULL;
		struct err failed = {.kind = ERR_NONE};
		int rc =
			engine_image_mount(cli->engine, args->items[i], cli->arena, &path, &failed);
		if (rc < 0) {
			cli_print_error(&failed);
			status = 1;
		} else if (args->count == 1) {
			(void)printf("%s\n", path);
		} else {
			(void)printf("%s %s\n", args->items[i], path);
		}
	}
	return status;
}

struct unmount_values {
	bool all;
	bool force;
};
static const struct option unmount_options[] = {
	OPT_FLAG(struct unmount_values, all, 'a', "all", "all that are mounted in this namespace"),
	OPT_FLAG(struct unmount_values, force, 'f', "force",
		 "accepted: who still works in it does not keep it"),
};

static int unmount_one(struct cli *cli, const char *id, struct err *err)
{
	int rc = engine_image_unmount(cli->engine, id, err);

	if (rc == 0)
		(void)printf("%s\n", id);
	return rc;
}

static int cmd_unmount(struct cli *cli, void *values, const struct option_args *args,
		       struct err *err)
{
	const struct unmount_values *v = values;
	engine_image_mounts mounts = {0};
	int status = 0;

	if (v->all == (args->count > 0)) {
		(void)err_set(err, ERR_INVALID, 0,
			      "\"corten image unmount\" requires names of images, or --all alone");
		cli_print_error(err);
		return 125;
	}
	int rc = v->all ? engine_image_mount_list(cli->engine, cli->arena, &mounts, err) : 0;
	for (size_t i = 0; rc == 0 && i < mounts.count; i++)
		rc = unmount_one(cli, mounts.items[i].id, err);
	for (size_t i = 0; i < args->count; i++) {
		struct engine_image image;
		struct err failed = {.kind = ERR_NONE};
		int found =
			engine_image_find(cli->engine, args->items[i], cli->arena, &image, &failed);
		if (found < 0 || unmount_one(cli, image.id, &failed) < 0) {
			cli_print_error(&failed);
			status = 1;
		}
	}
	return rc < 0 ? rc : status;
}

const struct command command_image_mount = {
	.name = "image mount",
	.operands = "[IMAGE...]",
	.summary = "show images' files in a mount namespace of one's own",
	.text = mount_text,
	.max = CLI_ARGS_ANY,
	.flags = COMMAND_ENGINE,
	.hint = HINT_IMAGE,
	.run = cmd_mount,
};
const struct command command_image_unmount = {
	.name = "image unmount",
	.aliases = "image umount",
	.operands = "[IMAGE...]",
	.summary = "take images' files away again",
	.max = CLI_ARGS_ANY,
	.flags = COMMAND_ENGINE,
	.options = unmount_options,
	.option_count = sizeof(unmount_options) / sizeof(unmount_options[0]),
	.values_size = sizeof(struct unmount_values),
	.hint = HINT_IMAGE,
	.run = cmd_unmount,
};
