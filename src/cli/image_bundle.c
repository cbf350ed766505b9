/* corten image bundle. */
#include "cli/command.h"
#include "engine/output.h"

static int cmd_bundle(struct cli *cli, void *values, const struct option_args *args,
		      struct err *err)
{
	struct output output;

	(void)values;
	int rc = output_open(&output, args->items[1], true, err);
	if (rc < 0)
		return rc;
	rc = engine_image_bundle(cli->engine, args->items[0], output.fd, cli->arena, err);
	if (rc == 0)
		rc = output_commit(&output, err);
	output_done(&output);
	return rc;
}

const struct command command_image_bundle = {
	.name = "image bundle",
	.operands = "IMAGE FOLDER",
	.summary = "unpack an image as an OCI bundle, which any OCI runtime runs",
	.text = "The folder gets the root filesystem, rootfs, and a config.json as corten run "
		"makes it without options:\n"
		"runc run --bundle FOLDER NAME, crun and corten-runtime start the image's command. "
		"It may exist if it is\n"
		"empty, and is there only when it is complete.",
	.min = 2,
	.max = 2,
	.flags = COMMAND_ENGINE,
	.hint = HINT_IMAGE,
	.run = cmd_bundle,
};
