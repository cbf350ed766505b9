/* corten inspect, image inspect. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/format.h"

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
static const struct option image_inspect_options[] = {
	OPT_STRING(struct inspect_values, format, 'f', "format", "json|TEMPLATE", HINT_WORDS,
		   "json, or a template such as '{{.Config.Cmd}}'"),
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
	struct inspect_values *v = values;

	v->type = "image";
	return inspect_all(cli, v, args, err);
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
	.operands = "IMAGE [IMAGE...]",
	.summary = "show all about images",
	.min = 1,
	.max = CLI_ARGS_ANY,
	.flags = COMMAND_ENGINE,
	ROWS(image_inspect_options),
	.values_size = sizeof(struct inspect_values),
	.hint = HINT_IMAGE,
	.run = cmd_image_inspect,
};
