/* corten push. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/access.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "engine/output.h"

#define DIGEST_SHOWN 12

struct push_values {
	struct engine_access access;
	const char *packing;
	const char *level;
	const char *form;
	const char *digest_file;
	bool all_tags;
	bool quiet;
};
static const struct option push_options[] = {
	OPT_FLAG(struct push_values, all_tags, 'a', "all-tags",
		 "push every tag of the repository NAME"),
	OPT_AUTH_FILE(struct push_values, access, ""),
	OPT_CERT_FOLDER(struct push_values, access, ""),
	OPT_STRING(struct push_values, packing, '\0', "compression-format", "gzip|none|zstd",
		   HINT_WORDS, "how all layers are packed (default: as they were, or gzip)"),
	OPT_STRING(struct push_values, level, '\0', "compression-level", "N", HINT_NONE,
		   "how hard what is packed now: gzip 1 to 9, zstd 1 to 22"),
	OPT_CREDENTIALS(struct push_values, access, ""),
	OPT_STRING(struct push_values, digest_file, '\0', "digestfile", "FILE", HINT_FILE,
		   "write the manifest's digest there"),
	OPT_STRING(struct push_values, form, 'f', "format", "oci|v2s2", HINT_WORDS,
		   "form of the manifest (default: as the image's own is, or oci)"),
	OPT_FLAG(struct push_values, quiet, 'q', "quiet", "print the complete name alone"),
	OPT_TLS_VERIFY(struct push_values, access, ""),
};

/* What became of a layer goes to stdout as with Docker, a bar to stderr. */
static void show(void *arg, const struct engine_progress *event)
{
	struct progress *progress = arg;

	if (!event->done) {
		progress_show(progress, event);
		return;
	}
	if (progress->form == PROGRESS_NONE)
		return;
	progress_end(progress);
	progress->drawn = false;
	(void)printf("%.*s: ", DIGEST_SHOWN, event->name);
	if (event->from != NULL)
		(void)printf("Mounted from %s\n", event->from);
	else
		(void)printf("%s\n", event->known ? "Layer already exists" : "Pushed");
	(void)fflush(stdout);
}

static int push_one(struct cli *cli, const struct push_values *v, const struct engine_push *wanted,
		    struct engine_pushed *ret_pushed, struct err *err)
{
	struct engine_push request = *wanted;
	struct progress progress;

	enum progress_form form = isatty(STDERR_FILENO) == 1 ? PROGRESS_BARS : PROGRESS_LINES;
	progress_begin(&progress, v->quiet ? PROGRESS_NONE : form);
	request.progress = show;
	request.progress_arg = &progress;
	int rc = engine_image_push(cli->engine, &request, cli->arena, ret_pushed, err);
	progress_end(&progress);
	if (rc < 0)
		return rc;
	if (v->quiet)
		(void)printf("%s\n", ret_pushed->destination);
	else
		(void)printf("%s: digest: %s size: %lld\n", ret_pushed->tag, ret_pushed->digest,
			     (long long)ret_pushed->manifest_bytes);
	return 0;
}

/* A colon after the last slash begins a tag, a digest has its '@'. */
static bool has_tag(const char *name)
{
	const char *slash = strrchr(name, '/');

	return strchr(name, '@') != NULL || strchr(slash != NULL ? slash : name, ':') != NULL;
}

static int push_all(struct cli *cli, const struct push_values *v, const struct engine_push *wanted,
		    struct err *err)
{
	struct engine_push request = *wanted;
	struct engine_pushed pushed;
	json_strings names = {0};

	if (has_tag(request.reference))
		return err_set(err, ERR_INVALID, 0, "tag can't be used with --all-tags/-a");
	int rc = engine_image_tags(cli->engine, request.reference, cli->arena, &names, err);
	if (rc == 0 && names.count == 0)
		rc = err_set(err, ERR_NOT_FOUND, 0, "no image is named '%s' (corten image ls)",
			     request.reference);
	for (size_t i = 0; rc == 0 && i < names.count; i++) {
		request.reference = names.items[i];
		rc = push_one(cli, v, &request, &pushed, err);
	}
	return rc;
}

static int parse_level(const char *text, int *ret_level, struct err *err)
{
	char *end = NULL;

	if (text == NULL)
		return 0;
	long level = strtol(text, &end, 10);
	if (*text == '\0' || *end != '\0' || level < 1 || level > 100)
		return err_set(err, ERR_INVALID, 0, "--compression-level is a number, not '%.50s'",
			       text);
	*ret_level = (int)level;
	return 0;
}

static int write_digest(const char *file, const char *digest, struct err *err)
{
	struct output output;

	if (file == NULL)
		return 0;
	int rc = output_open(&output, file, false, err);
	if (rc < 0)
		return rc;
	rc = fd_write_all(output.fd, digest, strlen(digest));
	rc = rc < 0 ? err_set(err, err_kind_of(-rc), -rc, "write '%s'", file)
		    : output_commit(&output, err);
	output_done(&output);
	return rc;
}

static int cmd_push(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	const struct push_values *v = values;
	struct engine_push request = {
		.reference = args->items[0],
		.destination = args->count > 1 ? args->items[1] : NULL,
		.access = v->access,
		.form = v->form,
		.packing = v->packing,
	};
	struct engine_pushed pushed = {0};

	if (v->all_tags && (args->count > 1 || v->digest_file != NULL))
		return err_set(err, ERR_INVALID, 0, "--all-tags takes no %s",
			       args->count > 1 ? "DESTINATION" : "--digestfile");
	int rc = parse_level(v->level, &request.level, err);
	if (rc == 0)
		rc = engine_image_push_target(&request, cli->arena, &pushed, err);
	if (rc < 0)
		return rc;
	if (!v->quiet && !cli->config.offline) {
		(void)printf("The push refers to repository [%s]\n", pushed.repository);
		(void)fflush(stdout);
	}
	if (v->all_tags)
		return push_all(cli, v, &request, err);
	rc = push_one(cli, v, &request, &pushed, err);
	return rc < 0 ? rc : write_digest(v->digest_file, pushed.digest, err);
}

const struct command command_image_push = {
	.name = "image push",
	.aliases = "push",
	.operands = "NAME[:TAG] [DESTINATION]",
	.summary = "put an image into a registry",
	.text = "Layers that the registry has are not sent; those that another of its repositories "
		"has are mounted from there.\n"
		"The manifest that the image came with is put as it is where all that it names is "
		"in the registry, or becomes the same\n"
		"when it is packed; else there is a new one, of the same configuration and so of "
		"the "
		"same image id.\n"
		"The same layer packed in the same way gives the same bytes.\n"
		"\n"
		"Examples:\n"
		"  corten push registry.example.com/me/box:1.0\n"
		"  corten push box localhost:5000/box\n"
		"  corten push -a --compression-format zstd registry.example.com/me/box",
	.min = 1,
	.max = 2,
	.flags = COMMAND_ENGINE,
	.options = push_options,
	.option_count = sizeof(push_options) / sizeof(push_options[0]),
	.values_size = sizeof(struct push_values),
	.hint = HINT_IMAGE,
	.run = cmd_push,
};
