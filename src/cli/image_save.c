/* corten image save. */
#include <string.h>

#include "base/fd.h"
#include "cli/command.h"
#include "engine/output.h"

struct save_values {
	const char *output;
	const char *format;
	const char *packing;
	bool compress;
	bool multi;
	bool quiet;
};
static const struct option save_options[] = {
	OPT_FLAG(struct save_values, compress, '\0', "compress", "pack layers with gzip"),
	OPT_STRING(struct save_values, packing, '\0', "compression-format", "gzip|none|zstd",
		   HINT_WORDS, "how layers are packed (default: gzip in OCI forms, else none)"),
	OPT_STRING(struct save_values, format, '\0', "format",
		   "docker-archive|docker-dir|oci-archive|oci-dir", HINT_WORDS,
		   "form of the output (default docker-archive)"),
	OPT_FLAG(struct save_values, multi, 'm', "multi-image-archive",
		 "several images in one archive: that is so anyway"),
	OPT_STRING(struct save_values, output, 'o', "output", "FILE", HINT_FILE,
		   "file to write, or folder of the -dir forms (default: stdout)"),
	OPT_FLAG(struct save_values, quiet, 'q', "quiet", "no progress: there is none"),
};

static int cmd_save(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	const struct save_values *v = values;
	struct engine_save request = {.form = v->format, .packing = v->packing};
	const char **references = arena_alloc(cli->arena, args->count * sizeof(*references));
	bool folder = v->format != NULL &&
		      (strcmp(v->format, "docker-dir") == 0 || strcmp(v->format, "oci-dir") == 0);
	struct output output;

	if (references == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "list images to save");
	for (size_t i = 0; i < args->count; i++)
		references[i] = args->items[i];
	request.references = (json_strings){references, args->count};
	if (v->compress && request.packing == NULL)
		request.packing = "gzip";
	int rc = output_open(&output, v->output, folder, err);
	if (rc < 0)
		return rc;
	request.output_fd = output.fd;
	rc = engine_image_save(cli->engine, &request, cli->arena, err);
	if (rc == 0)
		rc = output_commit(&output, err);
	output_done(&output);
	return rc;
}

const struct command command_image_save = {
	.name = "image save",
	.aliases = "save",
	.operands = "IMAGE [IMAGE...]",
	.summary = "write images to an archive or a folder that docker load and others read",
	.text = "Layers come out byte for byte as they came in, and configurations too: ids stay "
		"the same wherever the images\n"
		"are loaded. A name without a tag stands for all tags of its repository, an id for "
		"the image without its names.\n"
		"A file shows under its name when it is whole, and not before.\n"
		"docker-archive is what Docker writes since version 25: an OCI layout in which "
		"older readers find manifest.json.\n"
		"docker-dir is a folder of one image, as skopeo's dir: has it.",
	.min = 1,
	.max = CLI_ARGS_ANY,
	.flags = COMMAND_ENGINE,
	.options = save_options,
	.option_count = sizeof(save_options) / sizeof(save_options[0]),
	.values_size = sizeof(struct save_values),
	.hint = HINT_IMAGE,
	.run = cmd_save,
};
