/* corten image verify. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "engine/spec/list.h"

struct verified {
	const char *name;
	size_t findings;
};

static int show_finding(void *arg, const char *text, struct err *err)
{
	struct verified *image = arg;

	(void)err;
	(void)printf("%s: %s\n", image->name, text);
	image->findings++;
	return 0;
}

static int verify_one(struct cli *cli, const char *name, const char *reference, int *status,
		      struct err *err)
{
	struct verified image = {.name = name};

	int rc = engine_image_verify(cli->engine, reference, show_finding, &image, err);
	if (rc == 0 && image.findings == 0)
		(void)printf("%s: ok\n", name);
	*status |= image.findings > 0;
	return rc;
}

static int cmd_verify(struct cli *cli, void *values, const struct option_args *args,
		      struct err *err)
{
	engine_images images = {0};
	int status = 0, rc = 0;

	(void)values;
	for (size_t i = 0; i < args->count; i++) {
		struct err failed = {.kind = ERR_NONE};
		if (verify_one(cli, args->items[i], args->items[i], &status, &failed) < 0) {
			cli_print_error(&failed);
			status = 1;
		}
	}
	if (args->count == 0)
		rc = engine_image_list(cli->engine, cli->arena, &images, err);
	for (size_t i = 0; rc == 0 && i < images.count; i++) {
		const struct engine_image *image = &images.items[i];
		rc = verify_one(cli, image->names.count > 0 ? image->names.items[0] : image->id,
				image->id, &status, err);
	}
	return rc < 0 ? rc : status;
}

const struct command command_image_verify = {
	.name = "image verify",
	.operands = "[IMAGE...]",
	.summary = "check that images are what their digests say",
	.text = "The configuration and the manifest are read and compared with the digests that "
		"name them,\n"
		"the layers must be those that the configuration lists, and be there. The files in "
		"a layer\n"
		"are not read. Without an image: all. What is wrong is printed, and the status is "
		"1.",
	.max = CLI_ARGS_ANY,
	.flags = COMMAND_ENGINE,
	.hint = HINT_IMAGE,
	.run = cmd_verify,
};
