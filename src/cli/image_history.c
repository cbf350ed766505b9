/* corten image history. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "cli/format.h"
#include "cli/text.h"
#include "engine/spec/list.h"

#define OUT_MAX     (64 << 20)
#define SHORT_ID    12
#define SHORT_WORDS 45
#define NANO        1000000000

struct history_values {
	bool human;
	bool no_trunc;
	bool quiet;
	const char *format;
};
static const struct option history_options[] = {
	OPT_STRING(struct history_values, format, '\0', "format", FORMAT_METAVAR, HINT_WORDS,
		   "form of the output, such as '{{.CreatedBy}} {{.Size}}'"),
	OPT_FLAG(struct history_values, human, 'H', "human",
		 "ages and sizes for people (default; --human=false: times and bytes)"),
	OPT_FLAG(struct history_values, no_trunc, '\0', "no-trunc", "cut nothing"),
	OPT_FLAG(struct history_values, quiet, 'q', "quiet", "ids alone"),
};
static const struct history_values history_defaults = {.human = true};

struct history_row {
	const char *comment;
	const char *created_at;
	const char *created_by;
	const char *created_since;
	const char *id;
	const char *size;
};
#define ROW(member, name) \
	JSON_PLAIN(struct history_row, member, name, JSON_TYPE_STRING, JSON_WRITE_ZERO)
static const struct json_field history_fields[] = {
	ROW(comment, "Comment"),
	ROW(created_at, "CreatedAt"),
	ROW(created_by, "CreatedBy"),
	ROW(created_since, "CreatedSince"),
	ROW(id, "ID"),
	ROW(size, "Size"),
};
static JSON_SHAPE(history_shape, struct history_row, history_fields);
static const struct format_head history_heads[] = {{"Comment", "COMMENT"},
						   {"CreatedAt", "CREATED AT"},
						   {"CreatedBy", "CREATED BY"},
						   {"CreatedSince", "CREATED"},
						   {"ID", "IMAGE"},
						   {"Size", "SIZE"},
						   {NULL, NULL}};
static const struct format_kind history_kind = {"history", &history_shape, history_heads, false};

#define HISTORY_HEAD "table {{.ID}}\\t"
#define HISTORY_TAIL "\\t{{.CreatedBy}}\\t{{.Size}}\\t{{.Comment}}"
#define HUMAN_TABLE  HISTORY_HEAD "{{.CreatedSince}}" HISTORY_TAIL
#define PLAIN_TABLE  HISTORY_HEAD "{{.CreatedAt}}" HISTORY_TAIL

static const char *created_by(const struct engine_history *step, bool no_trunc, struct arena *arena)
{
	char *copy = arena_strndup(arena, step->created_by, strlen(step->created_by));

	for (char *at = copy; at != NULL && *at != '\0'; at++)
		*at = *at == '\t' ? ' ' : *at;
	const char *text = copy != NULL ? text_printable(copy, arena) : NULL;
	return text == NULL || no_trunc ? text : text_ellipsis(text, SHORT_WORDS, arena);
}

static int make_row(const struct history_values *v, const struct engine_history *step,
		    struct arena *arena, struct history_row *row, struct err *err)
{
	char age[64] = "N/A", at[64] = "", size[32];
	int64_t ns = 0;
	struct tm parts;
	bool known = step->created != NULL && text_parse_rfc3339(step->created, &ns) == 0;
	time_t seconds = (time_t)(ns / NANO);

	if (known && localtime_r(&seconds, &parts) != NULL) {
		text_duration((int64_t)time(NULL) - seconds, age, sizeof(age));
		/* RFC 3339 has "Z" for UTC. */
		if (strftime(at, sizeof(at),
			     parts.tm_gmtoff == 0 ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%dT%H:%M:%S%z",
			     &parts) == 0)
			at[0] = '\0';
	}
	text_size(step->size_bytes, size, sizeof(size));
	row->comment = text_printable(step->comment, arena);
	row->created_at = list_text(arena, "%s", at);
	row->created_by = created_by(step, v->no_trunc, arena);
	row->created_since =
		!v->human ? row->created_at : list_text(arena, known ? "%s ago" : "%s", age);
	row->size = v->human ? list_text(arena, "%s", size)
			     : list_text(arena, "%" PRId64, step->size_bytes);
	return row->comment == NULL || row->created_at == NULL || row->created_by == NULL ||
			       row->created_since == NULL || row->size == NULL
		       ? list_no_memory(err)
		       : 0;
}

static int cmd_history(struct cli *cli, void *values, const struct option_args *args,
		       struct err *err)
{
	const struct history_values *v = values;
	BUF_AUTO(out, OUT_MAX);
	FORMAT_AUTO(format);
	struct engine_image image;
	engine_histories steps = {0};
	bool quiet = v->quiet && (v->format == NULL || strcmp(v->format, "table") == 0);

	int rc = format_begin(&format, &history_kind, quiet ? "{{.ID}}" : v->format,
			      v->human ? HUMAN_TABLE : PLAIN_TABLE, cli->arena, err);
	if (rc == 0)
		rc = engine_image_find(cli->engine, args->items[0], cli->arena, &image, err);
	if (rc == 0)
		rc = engine_image_history(cli->engine, &image, cli->arena, &steps, err);
	for (size_t i = 0; rc == 0 && i < steps.count; i++) {
		/* The image itself is the newest; its steps have no images of their own. */
		struct history_row row = {.id = "<missing>"};
		if (i == 0)
			row.id = v->no_trunc ? list_text(cli->arena, "sha256:%s", image.id)
					     : arena_strndup(cli->arena, image.id, SHORT_ID);
		rc = row.id == NULL ? list_no_memory(err)
				    : make_row(v, &steps.items[i], cli->arena, &row, err);
		if (rc == 0)
			rc = format_row(&format, &row, NULL, err);
	}
	if (rc == 0)
		rc = format_end(&format, &out, err);
	return rc < 0 ? rc : cli_print(&out, err);
}

const struct command command_image_history = {
	.name = "image history",
	.aliases = "history",
	.operands = "IMAGE",
	.summary = "show what made an image",
	.min = 1,
	.max = 1,
	.flags = COMMAND_ENGINE,
	.options = history_options,
	.option_count = sizeof(history_options) / sizeof(history_options[0]),
	.defaults = &history_defaults,
	.values_size = sizeof(struct history_values),
	.hint = HINT_IMAGE,
	.run = cmd_history,
};
