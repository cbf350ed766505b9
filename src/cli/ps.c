/* corten ps. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "cli/filter.h"
#include "cli/format.h"
#include "cli/text.h"
#include "engine/spec/list.h"
#include "engine/spec/mounts.h"
#include "engine/spec/value.h"

#define OUT_MAX       (64 * 1024 * 1024)
#define COMMAND_CHARS 20
#define MOUNT_CHARS   15
#define SHORT_ID      12

struct ps_values {
	bool all;
	bool quiet;
	bool no_trunc;
	bool latest;
	bool size;
	const char *last;
	const char *format;
	json_strings filters;
};

static const struct option ps_options[] = {
	OPT_FLAG(struct ps_values, all, 'a', "all", "show those that do not run as well"),
	OPT_LIST(struct ps_values, filters, 'f', "filter", "KEY=VALUE", HINT_NONE,
		 "id, name, status, label, ancestor, exited"),
	OPT_STRING(struct ps_values, format, '\0', "format", FORMAT_METAVAR, HINT_WORDS,
		   "form of the output, such as '{{.ID}} {{.Names}}'"),
	OPT_FLAG(struct ps_values, latest, 'l', "latest", "show the newest, whatever its state"),
	OPT_STRING(struct ps_values, last, 'n', "last", "N", HINT_NONE, "show the N newest"),
	OPT_FLAG(struct ps_values, no_trunc, '\0', "no-trunc", "cut nothing"),
	OPT_FLAG(struct ps_values, quiet, 'q', "quiet", "ids alone"),
	OPT_FLAG(struct ps_values, size, 's', "size", "show what the containers' files take"),
};

/* Docker's names for a row; all of them text. */
struct ps_row {
	const char *command;
	const char *created_at;
	const char *id;
	const char *image;
	const char *labels;
	const char *local_volumes;
	const char *mounts;
	const char *names;
	const char *networks;
	const char *ports;
	const char *running_for;
	const char *size;
	const char *state;
	const char *status;
};

#define ROW(member, name) JSON_PLAIN(struct ps_row, member, name, JSON_TYPE_STRING, JSON_WRITE_ZERO)
static const struct json_field ps_fields[] = {
	ROW(command, "Command"),
	ROW(created_at, "CreatedAt"),
	ROW(id, "ID"),
	ROW(image, "Image"),
	ROW(labels, "Labels"),
	ROW(local_volumes, "LocalVolumes"),
	ROW(mounts, "Mounts"),
	ROW(names, "Names"),
	ROW(networks, "Networks"),
	ROW(ports, "Ports"),
	ROW(running_for, "RunningFor"),
	ROW(size, "Size"),
	ROW(state, "State"),
	ROW(status, "Status"),
};
static JSON_SHAPE(ps_shape, struct ps_row, ps_fields);

static const struct format_head ps_heads[] = {
	{"Command", "COMMAND"}, {"CreatedAt", "CREATED AT"}, {"ID", "CONTAINER ID"},
	{"Image", "IMAGE"},     {"Labels", "LABELS"},        {"LocalVolumes", "LOCAL VOLUMES"},
	{"Mounts", "MOUNTS"},   {"Names", "NAMES"},          {"Networks", "NETWORKS"},
	{"Ports", "PORTS"},     {"RunningFor", "CREATED"},   {"Size", "SIZE"},
	{"State", "STATE"},     {"Status", "STATUS"},        {NULL, NULL}};
static const struct format_kind ps_kind = {"container", &ps_shape, ps_heads, true};

static int64_t now_s(void)
{
	return (int64_t)time(NULL);
}

static const char *status_text(const struct engine_container *c, struct arena *arena)
{
	char age[64];

	switch (c->status) {
	case ENGINE_CREATED:
		return "Created";
	case ENGINE_RUNNING:
		text_duration(now_s() - c->started_ns / 1000000000, age, sizeof(age));
		return list_text(arena, "Up %s", age);
	case ENGINE_EXITED:
		if (c->finished_ns == 0)
			return list_text(arena, "Exited (%d)", c->exit_code);
		text_duration(now_s() - c->finished_ns / 1000000000, age, sizeof(age));
		return list_text(arena, "Exited (%d) %s ago", c->exit_code, age);
	}
	return "";
}

static const char *labels_text(const struct engine_container *c, struct arena *arena)
{
	BUF_AUTO(text, LIST_TEXT_MAX);

	for (size_t i = 0; i < c->labels.count; i++)
		buf_fmt(&text, "%s%s=%s", i > 0 ? "," : "", c->labels.items[i].key,
			c->labels.items[i].value);
	return text.len > 0 ? arena_strndup(arena, text.data, text.len) : "";
}

static int make_row(const struct engine_container *c, bool no_trunc, struct arena *arena,
		    struct ps_row *ret_row, struct err *err)
{
	char age[64], created[64];
	const char *command = text_printable(c->command, arena);

	text_duration(now_s() - c->created_ns / 1000000000, age, sizeof(age));
	text_when(c->created_ns / 1000000000, created, sizeof(created));
	if (command != NULL && !no_trunc)
		command = text_ellipsis(command, COMMAND_CHARS, arena);
	*ret_row = (struct ps_row){
		.command = command != NULL ? list_text(arena, "\"%s\"", command) : NULL,
		.created_at = list_text(arena, "%s", created),
		.id = no_trunc ? c->id : arena_strndup(arena, c->id, SHORT_ID),
		.image = text_printable(c->image, arena),
		.labels = labels_text(c, arena),
		.names = c->name,
		.local_volumes = "0",
		.mounts = "",
		.networks = c->options.network != NULL ? c->options.network : "none",
		.ports = "",
		.running_for = list_text(arena, "%s ago", age),
		.size = "0B",
		.state = engine_status_name(c->status),
		.status = status_text(c, arena),
	};
	if (ret_row->command == NULL || ret_row->created_at == NULL || ret_row->id == NULL ||
	    ret_row->image == NULL || ret_row->labels == NULL || ret_row->running_for == NULL ||
	    ret_row->status == NULL)
		return list_no_memory(err);
	return 0;
}

/* What the user mounted; an image's own volumes are the engine's to know. */
static int add_mounts(const struct engine_container *c, bool no_trunc, struct arena *arena,
		      struct ps_row *row, struct err *err)
{
	static const struct oci_image_run nothing;
	BUF_AUTO(text, LIST_TEXT_MAX);
	mount_option_list mounts;

	int rc = mounts_collect(&c->options, &nothing, arena, &mounts, err);
	for (size_t i = 0; rc == 0 && i < mounts.count; i++) {
		const struct mount_option *mount = &mounts.items[i];
		const char *name = mount->source != NULL ? mount->source : mount->target;
		if (!no_trunc)
			name = text_ellipsis(name, MOUNT_CHARS, arena);
		if (mount->type != MOUNT_OPTION_TMPFS && name != NULL)
			buf_fmt(&text, "%s%s", text.len > 0 ? "," : "", name);
	}
	if (rc == 0 && text.len > 0)
		row->mounts = text_printable(text.data, arena);
	return rc == 0 && row->mounts == NULL ? list_no_memory(err) : rc;
}

/* "12kB (virtual 5MB)", as Docker has it. */
static int add_size(struct cli *cli, const struct engine_container *c, struct ps_row *row,
		    struct err *err)
{
	struct engine_container_size size;
	char own[32], all[32];

	int rc = engine_container_size(cli->engine, c, &size, err);
	if (rc < 0)
		return rc;
	text_size(size.own_bytes, own, sizeof(own));
	text_size(size.own_bytes + size.image_bytes, all, sizeof(all));
	row->size =
		list_text(cli->arena, size.image_bytes > 0 ? "%s (virtual %s)" : "%s", own, all);
	return row->size == NULL ? list_no_memory(err) : 0;
}

static bool shown(const struct ps_values *v, const struct engine_container *c,
		  const struct filters *filters)
{
	bool by_state = v->all || v->latest || v->last != NULL || filters_have(filters, "status") ||
			filters_have(filters, "exited");

	return (by_state || c->status == ENGINE_RUNNING) && filters_match_container(filters, c);
}

#define PS_TABLE                                                                       \
	"table {{.ID}}\\t{{.Image}}\\t{{.Command}}\\t{{.RunningFor}}\\t{{.Status}}\\t" \
	"{{.Ports}}\\t{{.Names}}"
#define PS_SIZE_TABLE PS_TABLE "\\t{{.Size}}"

static int print_rows(struct cli *cli, const struct ps_values *v,
		      const engine_containers *containers, struct err *err)
{
	BUF_AUTO(out, OUT_MAX);
	FORMAT_AUTO(format);
	bool size = v->size || format_names(v->format, ".Size");
	bool mounts = v->format != NULL;
	bool quiet = v->quiet && (v->format == NULL || strcmp(v->format, "table") == 0);

	int rc = format_begin(&format, &ps_kind, quiet ? "{{.ID}}" : v->format,
			      v->size ? PS_SIZE_TABLE : PS_TABLE, cli->arena, err);
	for (size_t i = 0; rc == 0 && i < containers->count; i++) {
		const struct engine_container *container = &containers->items[i];
		struct ps_row row;
		rc = make_row(container, v->no_trunc, cli->arena, &row, err);
		if (rc == 0 && mounts)
			rc = add_mounts(container, v->no_trunc, cli->arena, &row, err);
		if (rc == 0 && size)
			rc = add_size(cli, container, &row, err);
		if (rc == 0)
			rc = format_row(&format, &row, &container->labels, err);
	}
	if (rc == 0)
		rc = format_end(&format, &out, err);
	return rc < 0 ? rc : cli_print(&out, err);
}

/* A state that there is none of would match nothing, silently. */
static int check_states(const struct filters *filters, struct err *err)
{
	static const char *const states[] = {"created", "restarting", "running", "removing",
					     "paused",  "exited",     "dead"};

	for (size_t i = 0; i < filters->list.count; i++) {
		const struct json_pair *filter = &filters->list.items[i];
		bool known = strcmp(filter->key, "status") != 0;
		for (size_t k = 0; !known && k < sizeof(states) / sizeof(states[0]); k++)
			known = strcmp(filter->value, states[k]) == 0;
		if (!known)
			return err_set(err, ERR_INVALID, 0,
				       "invalid filter 'status=%s': created, restarting, running, "
				       "removing, paused, exited and dead are states",
				       filter->value);
	}
	return 0;
}

static int cmd_ps(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	static const char *const keys[] = {"id",       "name",   "status", "label",
					   "ancestor", "exited", NULL};
	const struct ps_values *v = values;
	engine_containers all, chosen = {0};
	struct filters filters;
	int64_t most = v->latest ? 1 : INT64_MAX;

	(void)args;
	int rc =
		v->last != NULL ? value_parse_int(v->last, "--last", -1, INT64_MAX, &most, err) : 0;
	if (most < 0)
		most = INT64_MAX;
	if (rc == 0)
		rc = filters_parse(&v->filters, keys, cli->arena, &filters, err);
	if (rc == 0)
		rc = check_states(&filters, err);
	if (rc == 0)
		rc = engine_container_list(cli->engine, cli->arena, &all, err);
	for (size_t i = 0; rc == 0 && i < all.count && (int64_t)chosen.count < most; i++) {
		if (!shown(v, &all.items[i], &filters))
			continue;
		struct engine_container *added = list_push(&chosen, sizeof(*added), cli->arena);
		if (added == NULL)
			return list_no_memory(err);
		*added = all.items[i];
	}
	return rc < 0 ? rc : print_rows(cli, v, &chosen, err);
}

const struct command command_ps = {
	.name = "ps",
	.aliases = "container ls,container list,container ps",
	.operands = "",
	.summary = "list containers",
	.max = 0,
	.flags = COMMAND_ENGINE,
	.options = ps_options,
	.option_count = sizeof(ps_options) / sizeof(ps_options[0]),
	.values_size = sizeof(struct ps_values),
	.run = cmd_ps,
};
