/* corten system df. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "cli/format.h"
#include "cli/text.h"
#include "engine/df.h"
#include "engine/spec/list.h"

#define OUT_MAX  (64 << 20)
#define SHORT_ID 12

struct df_values {
	bool verbose;
	const char *format;
};
static const struct option df_options[] = {
	OPT_STRING(struct df_values, format, '\0', "format", FORMAT_METAVAR, HINT_WORDS,
		   "form of the output, such as '{{.Type}} {{.Size}}'"),
	OPT_FLAG(struct df_values, verbose, 'v', "verbose", "each image, layer and container"),
};

struct df_row {
	const char *active;
	const char *reclaimable;
	const char *size;
	const char *total;
	const char *type;
};
static const struct json_field df_fields[] = {
	JSON_STRING(struct df_row, active, "Active"),
	JSON_STRING(struct df_row, reclaimable, "Reclaimable"),
	JSON_STRING(struct df_row, size, "Size"),
	JSON_STRING(struct df_row, total, "TotalCount"),
	JSON_STRING(struct df_row, type, "Type"),
};
static JSON_SHAPE(df_shape, struct df_row, df_fields);
static const struct format_head df_heads[] = {{"Active", "ACTIVE"}, {"Reclaimable", "RECLAIMABLE"},
					      {"Size", "SIZE"},     {"TotalCount", "TOTAL"},
					      {"Type", "TYPE"},     {NULL, NULL}};
static const struct format_kind df_kind = {"disk usage", &df_shape, df_heads, false};
#define DF_TABLE "table {{.Type}}\\t{{.TotalCount}}\\t{{.Active}}\\t{{.Size}}\\t{{.Reclaimable}}"

static const char *size_of(int64_t bytes, struct arena *arena)
{
	char text[32];

	text_size(bytes, text, sizeof(text));
	return list_text(arena, "%s", text);
}

static int add_row(const struct engine_df_row *from, const char *type, struct arena *arena,
		   struct format *format, struct err *err)
{
	const char *reclaimable = size_of(from->reclaimable_bytes, arena);
	struct df_row row = {.type = type,
			     .active = list_text(arena, "%zu", from->active),
			     .total = list_text(arena, "%zu", from->total),
			     .size = size_of(from->bytes, arena),
			     .reclaimable = reclaimable};

	if (reclaimable != NULL && from->bytes > 0)
		row.reclaimable = list_text(arena, "%s (%" PRId64 "%%)", reclaimable,
					    from->reclaimable_bytes * 100 / from->bytes);
	if (row.active == NULL || row.total == NULL || row.size == NULL || row.reclaimable == NULL)
		return list_no_memory(err);
	return format_row(format, &row, NULL, err);
}

static int print_summary(struct cli *cli, const struct engine_df *df, const char *text,
			 struct buf *out, struct err *err)
{
	static const char *const types[] = {"Images", "Containers", "Documents", "Unfinished",
					    "Trash",  "Database",   "Other"};
	FORMAT_AUTO(format);

	int rc = format_begin(&format, &df_kind, text, DF_TABLE, cli->arena, err);
	for (size_t i = 0; rc == 0 && i < ENGINE_DF_KINDS; i++)
		rc = add_row(&df->rows[i], types[i], cli->arena, &format, err);
	return rc < 0 ? rc : format_end(&format, out, err);
}

/* "3 weeks ago"; "N/A" for 0. */
static const char *ago(int64_t seconds, struct arena *arena)
{
	char age[64];

	if (seconds <= 0)
		return "N/A";
	text_duration((int64_t)time(NULL) - seconds, age, sizeof(age));
	return list_text(arena, "%s ago", age);
}

static void write_images(const struct engine_df *df, struct arena *arena, struct buf *out)
{
	char size[32], shared[32], unique[32];

	buf_str(out, "REPOSITORY:TAG\tIMAGE ID\tCREATED\tSIZE\tSHARED SIZE\tUNIQUE SIZE\t"
		     "CONTAINERS\n");
	for (size_t i = 0; i < df->images.count; i++) {
		const struct engine_df_image *one = &df->images.items[i];
		const char *age = ago(one->image.created_s, arena);
		text_size(one->bytes, size, sizeof(size));
		text_size(one->shared_bytes, shared, sizeof(shared));
		text_size(one->bytes - one->shared_bytes, unique, sizeof(unique));
		for (size_t n = 0; n == 0 || n < one->image.names.count; n++)
			buf_fmt(out, "%s\t%.*s\t%s\t%s\t%s\t%s\t%zu\n",
				one->image.names.count > 0 ? one->image.names.items[n]
							   : "<none>:<none>",
				SHORT_ID, one->image.id, age != NULL ? age : "N/A", size, shared,
				unique, one->containers);
	}
}

static void write_layers(const struct engine_df *df, struct buf *out)
{
	char size[32];

	buf_str(out, "LAYER ID\tIMAGES\tSIZE\n");
	for (size_t i = 0; i < df->layers.count; i++) {
		text_size(df->layers.items[i].bytes, size, sizeof(size));
		buf_fmt(out, "%.*s\t%zu\t%s\n", SHORT_ID, df->layers.items[i].id,
			df->layers.items[i].images, size);
	}
}

static void write_containers(const struct engine_df *df, struct arena *arena, struct buf *out)
{
	char size[32];

	buf_str(out, "CONTAINER ID\tIMAGE\tSIZE\tCREATED\tSTATUS\tNAMES\n");
	for (size_t i = 0; i < df->containers.count; i++) {
		const struct engine_df_container *one = &df->containers.items[i];
		const char *age = ago(one->container.created_ns / 1000000000, arena);
		const char *image = text_printable(one->container.image, arena);
		text_size(one->bytes, size, sizeof(size));
		buf_fmt(out, "%.*s\t%s\t%s\t%s\t%s\t%s\n", SHORT_ID, one->container.id,
			image != NULL ? image : "", size, age != NULL ? age : "N/A",
			engine_status_name(one->container.status), one->container.name);
	}
}

static int print_all(struct cli *cli, const struct engine_df *df, struct buf *out, struct err *err)
{
	static const char *const titles[] = {"Images", "\nLayers", "\nContainers"};
	BUF_AUTO(images, OUT_MAX);
	BUF_AUTO(layers, OUT_MAX);
	BUF_AUTO(containers, OUT_MAX);
	const struct buf *const tables[] = {&images, &layers, &containers};
	int rc = 0;

	write_images(df, cli->arena, &images);
	write_layers(df, &layers);
	write_containers(df, cli->arena, &containers);
	for (size_t i = 0; rc == 0 && i < 3; i++) {
		buf_fmt(out, "%s space usage:\n\n", titles[i]);
		rc = buf_check(tables[i], "the output", err);
		if (rc == 0)
			rc = text_tabs(tables[i]->data, tables[i]->len, out, err);
	}
	buf_str(out, "\nThe whole:\n\n");
	return rc < 0 ? rc : print_summary(cli, df, NULL, out, err);
}

static int cmd_df(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	const struct df_values *v = values;
	BUF_AUTO(out, OUT_MAX);
	struct engine_df df;

	(void)args;
	if (v->verbose && v->format != NULL)
		return err_set(err, ERR_INVALID, 0,
			       "--verbose has a form of its own: leave out --format");
	int rc = engine_df(cli->engine, cli->arena, &df, err);
	if (rc == 0)
		rc = v->verbose ? print_all(cli, &df, &out, err)
				: print_summary(cli, &df, v->format, &out, err);
	return rc < 0 ? rc : cli_print(&out, err);
}

const struct command command_system_df = {
	.name = "system df",
	.operands = "",
	.summary = "show what the images, containers and everything else take",
	.text = "Sizes are what the filesystem counts, so that the rows add up to what du says of "
		"the\n"
		"root folder. Images are their layers, each counted once. Documents are manifests "
		"and\n"
		"configurations; unfinished is what a load or its crash has left, trash is being\n"
		"deleted. What nothing uses is reclaimable.",
	.flags = COMMAND_ENGINE,
	.options = df_options,
	.option_count = sizeof(df_options) / sizeof(df_options[0]),
	.values_size = sizeof(struct df_values),
	.run = cmd_df,
};
