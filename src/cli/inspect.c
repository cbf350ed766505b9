/* corten inspect, image inspect. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/access.h"
#include "cli/command.h"
#include "cli/format.h"
#include "cli/image_remote.h"

#define INSPECT_MAX  (64 << 20)
#define BAD_TEMPLATE 64 /* the exit status, as Docker has it */

struct inspect_values {
	const char *type;
	const char *format;
	bool size;
};
static const struct option inspect_options[] = {
	OPT_STRING(struct inspect_values, format, 'f', "format", "json|TEMPLATE", HINT_WORDS,
		   "json, or a template such as '{{.State.Status}}'"),
	OPT_FLAG(struct inspect_values, size, 's', "size", "with what a container's files take"),
	OPT_STRING(struct inspect_values, type, '\0', "type", "container|image", HINT_WORDS,
		   "look only for this type"),
};

struct image_values {
	struct inspect_values local;
	struct remote_inspect remote;
};
static const struct option image_inspect_options[] = {
	OPT_AUTH_FILE(struct image_values, remote.access, ""),
	OPT_CERT_FOLDER(struct image_values, remote.access, ""),
	OPT_FLAG(struct image_values, remote.config, '\0', "config",
		 "of a docker:// image its configuration"),
	OPT_CREDENTIALS(struct image_values, remote.access, ""),
	OPT_STRING(struct image_values, local.format, 'f', "format", "json|TEMPLATE", HINT_WORDS,
		   "json, or a template such as '{{.Config.Cmd}}'"),
	OPT_FLAG(struct image_values, remote.no_tags, 'n', "no-tags",
		 "do not ask for the tags of a docker:// image's repository"),
	OPT_STRING(struct image_values, remote.platform, '\0', "platform", "OS/ARCH", HINT_NONE,
		   "which docker:// image of several"),
	OPT_FLAG(struct image_values, remote.raw, '\0', "raw",
		 "of a docker:// image the manifest, or with --config the configuration, byte for "
		 "byte"),
	OPT_TLS_VERIFY(struct image_values, remote.access, ""),
};

/* What all objects become together. */
struct shown {
	const struct template *template; /* NULL: JSON */
	bool compact;
	size_t count;
	struct buf *out;
};

static int inspect_one(struct cli *cli, const struct inspect_values *v, const char *reference,
		       struct buf *out, struct err *err)
{
	struct engine_container container;
	bool any = v->type == NULL;

	if (any || strcmp(v->type, "container") == 0) {
		int rc = engine_container_find(cli->engine, reference, cli->arena, &container, err);
		if (rc == 0)
			return engine_container_inspect(cli->engine, &container, v->size, out, err);
		if (err->kind != ERR_NOT_FOUND || !any)
			return rc;
	}
	if (!any && strcmp(v->type, "image") != 0)
		return err_set(err, ERR_INVALID, 0, "--type is container or image, not '%s'",
			       v->type);
	int rc = engine_image_inspect(cli->engine, reference, out, err);
	if (rc < 0 && any && err->kind == ERR_NOT_FOUND)
		return err_set(err, ERR_NOT_FOUND, 0, "No such object: %s", reference);
	return rc;
}

static int show_compact(const struct buf *document, struct buf *out, struct err *err)
{
	ARENA_AUTO(arena, INSPECT_MAX);
	struct data data;

	int rc = data_parse(document->data, document->len, &arena, &data, err);
	if (rc == 0)
		data_write_json(&data, out);
	return rc;
}

static int show(struct shown *shown, const struct buf *document, struct err *err)
{
	int rc = 0;

	if (shown->template != NULL) {
		rc = format_document(shown->template, format_zeros, document, shown->out, err);
	} else {
		buf_str(shown->out, shown->count == 0 ? "" : ",");
		buf_str(shown->out, shown->compact ? "" : "\n");
		if (shown->compact)
			rc = show_compact(document, shown->out, err);
		else
			buf_add(shown->out, document->data, document->len);
	}
	shown->count += rc == 0;
	return rc;
}

/* As Docker: what was found is shown, then the last failure is told. */
static int inspect_all(struct cli *cli, const struct inspect_values *v,
		       const struct option_args *args, struct err *err)
{
	BUF_AUTO(out, INSPECT_MAX);
	struct shown shown = {.out = &out};
	struct err ignored = {.kind = ERR_NONE};
	int failed = 0, rc = 0;

	shown.compact = v->format != NULL && strcmp(v->format, "json") == 0;
	if (v->format != NULL && v->format[0] != '\0' && !shown.compact)
		rc = template_parse(v->format, strlen(v->format), cli->arena, &shown.template, err);
	if (rc < 0) {
		cli_print_error(err);
		return BAD_TEMPLATE;
	}
	bool list = shown.template == NULL;
	buf_str(&out, list ? "[" : "");
	for (size_t i = 0; i < args->count; i++) {
		BUF_AUTO(document, INSPECT_MAX);
		rc = inspect_one(cli, v, args->items[i], &document, err);
		if (rc == 0)
			rc = buf_check(&document, "the document", err);
		if (rc == 0)
			rc = show(&shown, &document, err);
		failed = rc < 0 ? rc : failed;
	}
	if (list)
		buf_str(&out, shown.count == 0 || shown.compact ? "]\n" : "\n]\n");
	else if (shown.count == 0)
		buf_char(&out, '\n');
	format_guard_terminal(&out);
	rc = cli_print(&out, failed < 0 ? &ignored : err);
	return failed < 0 ? failed : rc;
}

static int cmd_inspect(struct cli *cli, void *values, const struct option_args *args,
		       struct err *err)
{
	return inspect_all(cli, values, args, err);
}

static int cmd_image_inspect(struct cli *cli, void *values, const struct option_args *args,
			     struct err *err)
{
	struct image_values *v = values;
	bool remote = false;

	for (size_t i = 0; i < args->count; i++)
		remote = remote || str_starts_with(args->items[i], REMOTE_SCHEME);
	if (remote && args->count > 1)
		return err_set(err, ERR_INVALID, 0,
			       REMOTE_SCHEME " images are inspected one at a time, and alone");
	if (remote)
		return image_remote_inspect(cli, &v->remote, v->local.format,
					    str_after(args->items[0], REMOTE_SCHEME), err);
	int rc = image_remote_check_unused(&v->remote, err);
	v->local.type = "image";
	return rc < 0 ? rc : inspect_all(cli, &v->local, args, err);
}

#define ROWS(table) .options = table, .option_count = sizeof(table) / sizeof((table)[0])

const struct command command_inspect = {
	.name = "inspect",
	.operands = "NAME [NAME...]",
	.summary = "show all about containers or images",
	.min = 1,
	.max = CLI_ARGS_ANY,
	.flags = COMMAND_ENGINE | COMMAND_CONTAINER,
	ROWS(inspect_options),
	.values_size = sizeof(struct inspect_values),
	.hint = HINT_CONTAINER,
	.run = cmd_inspect,
};
const struct command command_image_inspect = {
	.name = "image inspect",
	.operands = "IMAGE [IMAGE...] | docker://NAME",
	.summary = "show all about images, here or in a registry",
	.text = "docker://NAME[:TAG|@DIGEST] is an image in a registry, of which the documents are "
		"fetched and checked\n"
		"against their digests, and no layer: what it prints is what skopeo's inspect "
		"prints. RepoTags are all\n"
		"tags of the repository.",
	.min = 1,
	.max = CLI_ARGS_ANY,
	.flags = COMMAND_ENGINE,
	ROWS(image_inspect_options),
	.values_size = sizeof(struct image_values),
	.hint = HINT_IMAGE,
	.run = cmd_image_inspect,
};
