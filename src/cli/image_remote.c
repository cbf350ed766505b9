/* corten image inspect docker://NAME, image tags, image referrers. */
#include "cli/image_remote.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/access.h"
#include "cli/format.h"
#include "cli/text.h"
#include "engine/spec/list.h"

#define OUT_MAX      ((size_t)64 << 20)
#define TAGS_MAX     200000
#define BAD_TEMPLATE 64 /* the exit status, as Docker has it */

int image_remote_check_unused(const struct remote_inspect *v, struct err *err)
{
	const struct {
		bool given;
		const char *name;
	} options[] = {
		{v->raw, "raw"},
		{v->config, "config"},
		{v->no_tags, "no-tags"},
		{v->platform != NULL, "platform"},
		{v->access.auth_file != NULL, "authfile"},
		{v->access.cert_folder != NULL, "cert-dir"},
		{v->access.credentials != NULL, "creds"},
		{v->access.tls_verify != NULL, "tls-verify"},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (options[i].given)
			return err_set(err, ERR_INVALID, 0,
				       "--%s is for images in registries: corten image inspect "
				       "--%s " REMOTE_SCHEME "NAME",
				       options[i].name, options[i].name);
	}
	return 0;
}

static enum engine_remote_part part_of(const struct remote_inspect *v)
{
	if (v->config)
		return v->raw ? ENGINE_REMOTE_CONFIG_RAW : ENGINE_REMOTE_CONFIG;
	return v->raw ? ENGINE_REMOTE_MANIFEST : ENGINE_REMOTE_SUMMARY;
}

static int show(const struct template *template, bool compact, const struct buf *document,
		struct buf *out, struct err *err)
{
	ARENA_AUTO(arena, OUT_MAX);
	struct data data;
	int rc = 0;

	if (template != NULL)
		return format_document(template, NULL, document, out, err);
	if (compact)
		rc = data_parse(document->data, document->len, &arena, &data, err);
	if (rc == 0 && compact)
		data_write_json(&data, out);
	if (rc == 0 && !compact)
		buf_add(out, document->data, document->len);
	buf_char(out, '\n');
	return rc;
}

int image_remote_inspect(struct cli *cli, const struct remote_inspect *v, const char *format,
			 const char *name, struct err *err)
{
	BUF_AUTO(document, OUT_MAX);
	BUF_AUTO(out, OUT_MAX);
	const struct engine_remote request = {
		.reference = name, .platform = v->platform, .access = v->access};
	const struct template *template = NULL;
	const char *warning = NULL;
	bool compact = str_equal(format, "json");

	if (v->raw && format != NULL)
		return err_set(err, ERR_INVALID, 0,
			       "--raw is what lies there: --format cannot "
			       "change it");
	int rc = format != NULL && format[0] != '\0' && !compact
			 ? template_parse(format, strlen(format), cli->arena, &template, err)
			 : 0;
	if (rc < 0) {
		cli_print_error(err);
		return BAD_TEMPLATE;
	}
	rc = engine_remote_inspect(cli->engine, &request, part_of(v), !v->no_tags, cli->arena,
				   &document, &warning, err);
	if (rc == 0)
		rc = buf_check(&document, "the document", err);
	if (rc < 0)
		return rc;
	if (warning != NULL)
		cli_warn(cli, &(json_strings){.items = &warning, .count = 1});
	if (v->raw)
		buf_add(&out, document.data, document.len);
	else
		rc = show(template, compact, &document, &out, err);
	format_guard_terminal(&out);
	return rc < 0 ? rc : cli_print(&out, err);
}

/* ---- tags ---- */

struct tags_values {
	struct engine_access access;
	const char *format;
	const char *limit;
};
static const struct option tags_options[] = {
	OPT_AUTH_FILE(struct tags_values, access, ""),
	OPT_CERT_FOLDER(struct tags_values, access, ""),
	OPT_CREDENTIALS(struct tags_values, access, ""),
	OPT_STRING(struct tags_values, format, '\0', "format", FORMAT_METAVAR, HINT_WORDS,
		   "form of the output: keys .Name, .Tag; json is a document as skopeo's"),
	OPT_STRING(struct tags_values, limit, '\0', "limit", "N", HINT_NONE,
		   "no more than so many (default: all)"),
	OPT_TLS_VERIFY(struct tags_values, access, ""),
};

struct tag_row {
	const char *name;
	const char *tag;
};
static const struct json_field tag_fields[] = {
	JSON_STRING(struct tag_row, name, "Name"),
	JSON_STRING(struct tag_row, tag, "Tag"),
};
static JSON_SHAPE(tag_shape, struct tag_row, tag_fields);
static const struct format_head tag_heads[] = {{"Name", "NAME"}, {"Tag", "TAG"}, {NULL, NULL}};
static const struct format_kind tag_kind = {.name = "tag", .shape = &tag_shape, .heads = tag_heads};

static const struct json_field tags_view_fields[] = {
	JSON_STRING(struct engine_tags, repository, "Repository"),
	JSON_LIST_FLAGS(struct engine_tags, tags, "Tags", JSON_TYPE_STRING, JSON_WRITE_ZERO),
};
static JSON_SHAPE(tags_view_shape, struct engine_tags, tags_view_fields);

static int show_tags(struct cli *cli, const char *format, const struct engine_tags *view,
		     struct err *err)
{
	BUF_AUTO(out, OUT_MAX);
	FORMAT_AUTO(rows);
	int rc = 0;

	if (str_equal(format, "json")) {
		json_write(&tags_view_shape, view, JSON_PRETTY, &out);
		buf_char(&out, '\n');
		format_guard_terminal(&out);
		return cli_print(&out, err);
	}
	rc = format_begin(&rows, &tag_kind, format, "table {{.Name}}\t{{.Tag}}", cli->arena, err);
	if (rc < 0) {
		cli_print_error(err);
		return BAD_TEMPLATE;
	}
	for (size_t i = 0; rc == 0 && i < view->tags.count; i++) {
		const struct tag_row row = {view->repository, view->tags.items[i]};
		rc = format_row(&rows, &row, NULL, err);
	}
	if (rc == 0)
		rc = format_end(&rows, &out, err);
	return rc < 0 ? rc : cli_print(&out, err);
}

/* A name that may say its transport. */
static const char *without_scheme(const char *name)
{
	const char *rest = str_after(name, REMOTE_SCHEME);

	return rest != NULL ? rest : name;
}

static int cmd_tags(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	const struct tags_values *v = values;
	const struct engine_remote request = {.reference = without_scheme(args->items[0]),
					      .access = v->access};
	struct engine_tags view = {0};
	uint64_t limit = 0;
	int rc = 0;

	if (v->limit != NULL)
		rc = str_parse_uint64(v->limit, TAGS_MAX, &limit, err);
	if (rc < 0)
		return err_wrap(err, rc, "--limit");
	rc = engine_remote_tags(cli->engine, &request, (size_t)limit, cli->arena, &view, err);
	return rc < 0 ? rc : show_tags(cli, v->format, &view, err);
}

/* ---- referrers ---- */

struct referrers_values {
	struct engine_access access;
	const char *format;
	const char *artifact_type;
	const char *platform;
};
static const struct option referrers_options[] = {
	OPT_STRING(struct referrers_values, artifact_type, '\0', "artifact-type", "TYPE", HINT_NONE,
		   "those of this type alone"),
	OPT_AUTH_FILE(struct referrers_values, access, ""),
	OPT_CERT_FOLDER(struct referrers_values, access, ""),
	OPT_CREDENTIALS(struct referrers_values, access, ""),
	OPT_STRING(struct referrers_values, format, '\0', "format", FORMAT_METAVAR, HINT_WORDS,
		   "form of the output: keys .Digest, .ArtifactType, .MediaType, .Size; json is an "
		   "index"),
	OPT_STRING(struct referrers_values, platform, '\0', "platform", "OS/ARCH", HINT_NONE,
		   "of this image of several (default: of the index)"),
	OPT_TLS_VERIFY(struct referrers_values, access, ""),
};

struct referrer_row {
	const char *digest;
	const char *artifact_type;
	const char *media_type;
	const char *size;
};
static const struct json_field referrer_fields[] = {
	JSON_STRING(struct referrer_row, digest, "Digest"),
	JSON_STRING(struct referrer_row, artifact_type, "ArtifactType"),
	JSON_STRING(struct referrer_row, media_type, "MediaType"),
	JSON_STRING(struct referrer_row, size, "Size"),
};
static JSON_SHAPE(referrer_shape, struct referrer_row, referrer_fields);
static const struct format_head referrer_heads[] = {{"Digest", "DIGEST"},
						    {"ArtifactType", "ARTIFACT TYPE"},
						    {"MediaType", "MEDIA TYPE"},
						    {"Size", "SIZE"},
						    {NULL, NULL}};
static const struct format_kind referrer_kind = {
	.name = "referrer", .shape = &referrer_shape, .heads = referrer_heads};

static int show_referrers(struct cli *cli, const char *format, const engine_referrers *list,
			  struct err *err)
{
	BUF_AUTO(out, OUT_MAX);
	FORMAT_AUTO(rows);

	int rc = format_begin(&rows, &referrer_kind, format,
			      "table {{.Digest}}\t{{.ArtifactType}}\t{{.Size}}", cli->arena, err);
	if (rc < 0) {
		cli_print_error(err);
		return BAD_TEMPLATE;
	}
	for (size_t i = 0; rc == 0 && i < list->count; i++) {
		const struct engine_referrer *item = &list->items[i];
		char size[32];
		text_size(item->size_bytes, size, sizeof(size));
		const struct referrer_row row = {
			.digest = item->digest,
			.artifact_type = text_printable(item->artifact_type, cli->arena),
			.media_type = text_printable(item->media_type, cli->arena),
			.size = size};
		rc = row.artifact_type == NULL || row.media_type == NULL
			     ? list_no_memory(err)
			     : format_row(&rows, &row, NULL, err);
	}
	if (rc == 0)
		rc = format_end(&rows, &out, err);
	return rc < 0 ? rc : cli_print(&out, err);
}

static int cmd_referrers(struct cli *cli, void *values, const struct option_args *args,
			 struct err *err)
{
	const struct referrers_values *v = values;
	BUF_AUTO(index, OUT_MAX);
	BUF_AUTO(out, OUT_MAX);
	const struct engine_remote request = {.reference = without_scheme(args->items[0]),
					      .platform = v->platform,
					      .access = v->access};
	engine_referrers list = {0};

	int rc = engine_remote_referrers(cli->engine, &request, v->artifact_type, cli->arena, &list,
					 &index, err);
	if (rc < 0)
		return rc;
	if (!str_equal(v->format, "json"))
		return show_referrers(cli, v->format, &list, err);
	buf_add(&out, index.data, index.len);
	buf_char(&out, '\n');
	format_guard_terminal(&out);
	return cli_print(&out, err);
}

#define ROWS(table) .options = table, .option_count = sizeof(table) / sizeof((table)[0])

const struct command command_image_tags = {
	.name = "image tags",
	.operands = "REPOSITORY",
	.summary = "list the tags of a repository in a registry",
	.min = 1,
	.max = 1,
	.flags = COMMAND_ENGINE,
	ROWS(tags_options),
	.values_size = sizeof(struct tags_values),
	.run = cmd_tags,
};
const struct command command_image_referrers = {
	.name = "image referrers",
	.operands = "NAME[:TAG|@DIGEST]",
	.summary = "list what refers to an image in a registry: signatures, attestations",
	.text = "The registry is asked by the API of the distribution specification 1.1, and where "
		"it has none, for\n"
		"the index under the tag sha256-DIGEST that clients keep in its place. What is "
		"listed is what those\n"
		"who may push say: nothing is verified here.",
	.min = 1,
	.max = 1,
	.flags = COMMAND_ENGINE,
	ROWS(referrers_options),
	.values_size = sizeof(struct referrers_values),
	.run = cmd_referrers,
};
