/* corten image copy. */
#include <stdio.h>
#include <unistd.h>

#include "cli/access.h"
#include "cli/command.h"
#include "cli/progress.h"

struct copy_values {
	struct engine_access source;
	struct engine_access destination;
	const char *auth_file;
	const char *platform;
	bool all;
	bool quiet;
};
static const struct option copy_options[] = {
	OPT_FLAG(struct copy_values, all, 'a', "all",
		 "of an index all that it names, not one platform's image"),
	OPT_STRING(struct copy_values, auth_file, '\0', "authfile", "FILE", HINT_FILE,
		   "names and passwords of registries, for both sides"),
	OPT_AUTH_FILE(struct copy_values, destination, "dest-"),
	OPT_CERT_FOLDER(struct copy_values, destination, "dest-"),
	OPT_CREDENTIALS(struct copy_values, destination, "dest-"),
	OPT_TLS_VERIFY(struct copy_values, destination, "dest-"),
	OPT_STRING(struct copy_values, platform, '\0', "platform", "OS/ARCH", HINT_NONE,
		   "which image of several (default: this machine's)"),
	OPT_FLAG(struct copy_values, quiet, 'q', "quiet", "no progress"),
	OPT_AUTH_FILE(struct copy_values, source, "src-"),
	OPT_CERT_FOLDER(struct copy_values, source, "src-"),
	OPT_CREDENTIALS(struct copy_values, source, "src-"),
	OPT_TLS_VERIFY(struct copy_values, source, "src-"),
};

static int cmd_copy(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	const struct copy_values *v = values;
	struct engine_copy request = {.source = args->items[0],
				      .destination = args->items[1],
				      .source_access = v->source,
				      .destination_access = v->destination,
				      .platform = v->platform,
				      .all = v->all};
	const char *digest = NULL;
	struct progress progress;

	if (v->all && v->platform != NULL)
		return err_set(err, ERR_INVALID, 0,
			       "--all takes every platform, --platform one: which?");
	if (request.source_access.auth_file == NULL)
		request.source_access.auth_file = v->auth_file;
	if (request.destination_access.auth_file == NULL)
		request.destination_access.auth_file = v->auth_file;
	enum progress_form form = isatty(STDERR_FILENO) == 1 ? PROGRESS_BARS : PROGRESS_LINES;
	progress_begin(&progress, v->quiet ? PROGRESS_NONE : form);
	request.progress = progress_show;
	request.progress_arg = &progress;
	int rc = engine_image_copy(cli->engine, &request, cli->arena, &digest, err);
	progress_end(&progress);
	if (rc == 0)
		(void)printf("%s\n", digest);
	return rc;
}

const struct command command_image_copy = {
	.name = "image copy",
	.operands = "SOURCE DESTINATION",
	.summary = "copy an image between registries, layouts and archives, without unpacking it",
	.text = "SOURCE and DESTINATION are docker://NAME[:TAG] (a source also "
		"docker://NAME@DIGEST), "
		"oci:FOLDER[:TAG], oci-archive:FILE[:TAG],\n"
		"docker-archive:FILE[:NAME[:TAG]], or dir:FOLDER (a destination alone). Every blob "
		"is compared with its digest and\n"
		"written as it is; digests stay. Of an archive that docker save wrote before "
		"version "
		"25 a manifest is made.\n"
		"What is written shows under its name when all of it is there. The digest of what "
		"was copied is printed.",
	.min = 2,
	.max = 2,
	.flags = COMMAND_ENGINE,
	.options = copy_options,
	.option_count = sizeof(copy_options) / sizeof(copy_options[0]),
	.values_size = sizeof(struct copy_values),
	.hint = HINT_FILE,
	.run = cmd_copy,
};
