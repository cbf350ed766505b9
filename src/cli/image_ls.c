/* corten image ls. */
#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "cli/filter.h"
#include "cli/format.h"
#include "cli/text.h"
#include "engine/spec/list.h"

#define OUT_MAX  (64 << 20)
#define SHORT_ID 12
#define NO_NAME  "<none>"

struct ls_values {
	bool all;
	bool digests;
	bool quiet;
	bool no_trunc;
	const char *format;
	json_strings filters;
};
static const struct option ls_options[] = {
	OPT_FLAG(struct ls_values, all, 'a', "all",
		 "accepted: there are no hidden images of a build's steps"),
	OPT_FLAG(struct ls_values, digests, '\0', "digests", "show the manifests' digests"),
	OPT_LIST(struct ls_values, filters, 'f', "filter", "KEY=VALUE", HINT_NONE,
		 "reference=GLOB, dangling, label=KEY[=VALUE], before=IMAGE, since=IMAGE, "
		 "until=TIME"),
	OPT_STRING(struct ls_values, format, '\0', "format", FORMAT_METAVAR, HINT_WORDS,
		   "form of the output, such as '{{.ID}} {{.Repository}}:{{.Tag}}'"),
	OPT_FLAG(struct ls_values, no_trunc, '\0', "no-trunc", "cut nothing"),
	OPT_FLAG(struct ls_values, quiet, 'q', "quiet", "ids alone"),
};

struct ls_row {
	const char *containers;
	const char *created_at;
	const char *created_since;
	const char *digest;
	const char *id;
	const char *repository;
	const char *shared_size;
	const char *size;
	const char *tag;
	const char *unique_size;
	const char *virtual_size;
};
static const struct json_field ls_fields[] = {
	JSON_STRING(struct ls_row, containers, "Containers"),
	JSON_STRING(struct ls_row, created_at, "CreatedAt"),
	JSON_STRING(struct ls_row, created_since, "CreatedSince"),
	JSON_STRING(struct ls_row, digest, "Digest"),
	JSON_STRING(struct ls_row, id, "ID"),
	JSON_STRING(struct ls_row, repository, "Repository"),
	JSON_STRING(struct ls_row, shared_size, "SharedSize"),
	JSON_STRING(struct ls_row, size, "Size"),
	JSON_STRING(struct ls_row, tag, "Tag"),
	JSON_STRING(struct ls_row, unique_size, "UniqueSize"),
	JSON_STRING(struct ls_row, virtual_size, "VirtualSize"),
};
static JSON_SHAPE(ls_shape, struct ls_row, ls_fields);

static const struct format_head ls_heads[] = {{"Containers", "CONTAINERS"},
					      {"CreatedAt", "CREATED AT"},
					      {"CreatedSince", "CREATED"},
					      {"Digest", "DIGEST"},
					      {"ID", "IMAGE ID"},
					      {"Repository", "REPOSITORY"},
					      {"SharedSize", "SHARED SIZE"},
					      {"Size", "SIZE"},
					      {"Tag", "TAG"},
					      {"UniqueSize", "UNIQUE SIZE"},
					      {"VirtualSize", "SIZE"},
					      {NULL, NULL}};
static const struct format_kind ls_kind = {"image", &ls_shape, ls_heads, false};

#define LS_HEAD      "table {{.Repository}}\\t{{.Tag}}\\t"
#define LS_TAIL      "{{.ID}}\\t{{.CreatedSince}}\\t{{.Size}}"
#define LS_TABLE     LS_HEAD LS_TAIL
#define DIGEST_TABLE LS_HEAD "{{.Digest}}\\t" LS_TAIL

/* Splits "repository:tag"; a colon before a slash belongs to a port. */
static void split_name(const char *name, struct arena *arena, struct ls_row *row)
{
	const char *slash = strrchr(name, '/');
	const char *colon = strchr(slash != NULL ? slash : name, ':');
	size_t len = colon != NULL ? (size_t)(colon - name) : strlen(name);

	row->repository = arena_strndup(arena, name, len);
	row->tag = colon != NULL ? colon + 1 : NO_NAME;
}

static int make_row(const struct engine_image *image, bool no_trunc, struct arena *arena,
		    struct ls_row *row, struct err *err)
{
	char age[64] = "N/A", at[64] = "N/A", size[32];

	if (image->created_s > 0) {
		text_duration((int64_t)time(NULL) - image->created_s, age, sizeof(age));
		text_when(image->created_s, at, sizeof(at));
	}
	text_size(image->size_bytes, size, sizeof(size));
	*row = (struct ls_row){
		.containers = "N/A",
		.created_at = list_text(arena, "%s", at),
		.created_since = list_text(arena, image->created_s > 0 ? "%s ago" : "%s", age),
		.digest = image->manifest != NULL && image->names.count > 0
				  ? list_text(arena, "sha256:%s", image->manifest)
				  : NO_NAME,
		.id = no_trunc ? list_text(arena, "sha256:%s", image->id)
			       : arena_strndup(arena, image->id, SHORT_ID),
		.repository = NO_NAME,
		.shared_size = "N/A",
		.size = list_text(arena, "%s", size),
		.tag = NO_NAME,
		.unique_size = "N/A",
	};
	row->virtual_size = row->size;
	return row->created_at == NULL || row->created_since == NULL || row->digest == NULL ||
			       row->id == NULL || row->size == NULL
		       ? list_no_memory(err)
		       : 0;
}

/* Between which times images must have been made. */
struct span {
	int64_t after_s;
	int64_t before_s;
};

static int find_span(struct cli *cli, const struct filters *filters, struct span *ret_span,
		     struct err *err)
{
	struct span span = {.after_s = INT64_MIN, .before_s = INT64_MAX};
	const char *since = filters_first(filters, "since"),
		   *before = filters_first(filters, "before");
	const char *until = filters_first(filters, "until");
	struct engine_image image = {0};
	int64_t ns = 0;
	int rc = 0;

	if (since != NULL)
		rc = engine_image_find(cli->engine, since, cli->arena, &image, err);
	if (since != NULL && rc == 0)
		span.after_s = image.created_s;
	if (rc == 0 && before != NULL)
		rc = engine_image_find(cli->engine, before, cli->arena, &image, err);
	if (rc == 0 && before != NULL)
		span.before_s = image.created_s;
	if (rc == 0 && until != NULL)
		rc = text_parse_time(until, (int64_t)time(NULL) * 1000000000, &ns, err);
	if (rc == 0 && until != NULL && ns / 1000000000 < span.before_s)
		span.before_s = ns / 1000000000;
	*ret_span = span;
	return rc;
}

static int add_image(const struct ls_values *v, const struct filters *filters,
		     const struct engine_image *image, struct arena *arena, struct format *format,
		     struct err *err)
{
	struct ls_row row;
	bool quiet = v->quiet && (v->format == NULL || strcmp(v->format, "table") == 0);

	int rc = make_row(image, v->no_trunc, arena, &row, err);
	for (size_t i = 0; rc == 0 && (i == 0 || i < image->names.count); i++) {
		const char *name = image->names.count > 0 ? image->names.items[i] : NULL;
		if (!filters_match_reference(filters, name))
			continue;
		if (name != NULL)
			split_name(name, arena, &row);
		rc = row.repository == NULL ? list_no_memory(err)
					    : format_row(format, &row, NULL, err);
		if (quiet)
			break;
	}
	return rc;
}

/* The operand is one more reference. */
static int collect_filters(const struct ls_values *v, const struct option_args *args,
			   struct arena *arena, struct filters *ret_filters, struct err *err)
{
	static const char *const keys[] = {"reference", "dangling", "label", "label!",
					   "before",    "since",    "until", NULL};
	json_strings texts = {0};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < v->filters.count; i++)
		rc = list_push_text(&texts, v->filters.items[i], arena, err);
	if (rc == 0 && args->count > 0) {
		const char *text = list_text(arena, "reference=%s", args->items[0]);
		rc = text == NULL ? list_no_memory(err) : list_push_text(&texts, text, arena, err);
	}
	return rc < 0 ? rc : filters_parse(&texts, keys, arena, ret_filters, err);
}

static int cmd_ls(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	const struct ls_values *v = values;
	BUF_AUTO(out, OUT_MAX);
	FORMAT_AUTO(format);
	engine_images images = {0};
	struct filters filters;
	struct span span = {0};
	const char *text = v->format;

	if (v->quiet && (text == NULL || strcmp(text, "table") == 0))
		text = "{{.ID}}";
	int rc = format_begin(&format, &ls_kind, text, v->digests ? DIGEST_TABLE : LS_TABLE,
			      cli->arena, err);
	if (rc == 0)
		rc = collect_filters(v, args, cli->arena, &filters, err);
	if (rc == 0)
		rc = engine_image_list(cli->engine, cli->arena, &images, err);
	if (rc == 0)
		rc = find_span(cli, &filters, &span, err);
	bool labels =
		rc == 0 && (filters_have(&filters, "label") || filters_have(&filters, "label!"));
	for (size_t i = 0; rc == 0 && i < images.count; i++) {
		struct engine_image *image = &images.items[i];
		if (image->created_s <= span.after_s || image->created_s >= span.before_s)
			continue;
		if (labels)
			rc = engine_image_read_labels(cli->engine, image, cli->arena, err);
		if (rc == 0 && filters_match_image(&filters, image))
			rc = add_image(v, &filters, image, cli->arena, &format, err);
	}
	if (rc == 0)
		rc = format_end(&format, &out, err);
	return rc < 0 ? rc : cli_print(&out, err);
}

const struct command command_image_ls = {
	.name = "image ls",
	.aliases = "images,image list",
	.operands = "[NAME]",
	.summary = "list images",
	.max = 1,
	.flags = COMMAND_ENGINE,
	.options = ls_options,
	.option_count = sizeof(ls_options) / sizeof(ls_options[0]),
	.values_size = sizeof(struct ls_values),
	.hint = HINT_IMAGE,
	.run = cmd_ls,
};
