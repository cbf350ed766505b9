/* corten image diff. */
#include <string.h>

#include "cli/command.h"
#include "cli/format.h"
#include "engine/spec/list.h"

#define OUT_MAX (256 << 20)

struct diff_values {
	const char *format;
};
static const struct option diff_options[] = {
	OPT_STRING(struct diff_values, format, '\0', "format", "json", HINT_WORDS,
		   "json: three lists instead of lines"),
};

/* Lines as they come, or the three lists of Podman's JSON. */
struct collected {
	struct buf lines;
	struct buf lists[3];
	bool json;
};

static const char kinds[] = "CAD";

static int collect(void *arg, char change, const char *path, struct err *err)
{
	struct collected *all = arg;

	if (!all->json) {
		buf_fmt(&all->lines, "%c %s\n", change, path);
		return buf_check(&all->lines, "the output", err);
	}
	struct buf *list = &all->lists[strchr(kinds, change) - kinds];
	buf_str(list, list->len > 0 ? "," : "");
	json_write_string(list, path);
	return buf_check(list, "the output", err);
}

static void write_json(struct collected *all, struct buf *out)
{
	static const char *const names[] = {"changed", "added", "deleted"};
	bool first = true;

	buf_char(out, '{');
	for (size_t i = 0; i < 3; i++) {
		if (all->lists[i].len == 0)
			continue;
		buf_fmt(out, "%s\"%s\":[", first ? "" : ",", names[i]);
		buf_add(out, all->lists[i].data, all->lists[i].len);
		buf_char(out, ']');
		first = false;
	}
	buf_str(out, "}\n");
}

static int cmd_diff(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	const struct diff_values *v = values;
	struct collected all = {.lines = BUF_INIT(OUT_MAX),
				.lists = {BUF_INIT(OUT_MAX), BUF_INIT(OUT_MAX), BUF_INIT(OUT_MAX)}};

	all.json = v->format != NULL && strcmp(v->format, "json") == 0;
	if (v->format != NULL && !all.json)
		return err_set(err, ERR_INVALID, 0, "--format is json, not '%s'", v->format);
	int rc = engine_image_diff(cli->engine, args->items[0],
				   args->count > 1 ? args->items[1] : NULL, collect, &all, err);
	if (rc == 0 && all.json)
		write_json(&all, &all.lines);
	if (rc == 0) {
		format_guard_terminal(&all.lines);
		rc = cli_print(&all.lines, err);
	}
	buf_done(&all.lines);
	for (size_t i = 0; i < 3; i++)
		buf_done(&all.lists[i]);
	return rc;
}

const struct command command_image_diff = {
	.name = "image diff",
	.operands = "IMAGE [BASE]",
	.summary = "list what an image changes in the files of another, or of its own lower layers",
	.text = "Lines are A for added, C for changed and D for deleted. Without BASE the image's "
		"top\n"
		"layer is compared with those below it. Nothing is mounted.",
	.min = 1,
	.max = 2,
	.flags = COMMAND_ENGINE,
	.options = diff_options,
	.option_count = sizeof(diff_options) / sizeof(diff_options[0]),
	.values_size = sizeof(struct diff_values),
	.hint = HINT_IMAGE,
	.run = cmd_diff,
};
