/* corten image prune. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "cli/confirm.h"
#include "cli/filter.h"
#include "cli/text.h"
#include "engine/spec/list.h"

#define OUT_MAX (16 << 20)
#define NANO    1000000000

struct prune_values {
	bool all;
	bool dry_run;
	bool force;
	json_strings filters;
};
static const struct option prune_options[] = {
	OPT_FLAG(struct prune_values, all, 'a', "all",
		 "all images without a container, not only those without a name"),
	OPT_FLAG(struct prune_values, dry_run, '\0', "dry-run",
		 "print what would be removed, and remove nothing"),
	OPT_LIST(struct prune_values, filters, '\0', "filter", "KEY=VALUE", HINT_NONE,
		 "until=TIME, label=KEY[=VALUE], label!=KEY[=VALUE]"),
	OPT_FLAG(struct prune_values, force, 'f', "force", "do not ask"),
};

/* Which images the command line means; whether something uses them is the store's to say. */
static int choose(struct cli *cli, const struct prune_values *v, json_strings *ret_ids,
		  struct err *err)
{
	static const char *const keys[] = {"until", "label", "label!", NULL};
	engine_images images = {0};
	struct filters filters;
	int64_t until_ns = INT64_MAX;

	int rc = filters_parse(&v->filters, keys, cli->arena, &filters, err);
	const char *until = rc == 0 ? filters_first(&filters, "until") : NULL;
	if (until != NULL)
		rc = text_parse_time(until, (int64_t)time(NULL) * NANO, &until_ns, err);
	if (rc == 0)
		rc = engine_image_list(cli->engine, cli->arena, &images, err);
	for (size_t i = 0; rc == 0 && i < images.count; i++) {
		struct engine_image *image = &images.items[i];
		if ((!v->all && image->names.count > 0) || image->created_s >= until_ns / NANO)
			continue;
		if (filters_have(&filters, "label") || filters_have(&filters, "label!"))
			rc = engine_image_read_labels(cli->engine, image, cli->arena, err);
		if (rc == 0 && filters_match_image(&filters, image))
			rc = list_push_text(ret_ids, image->id, cli->arena, err);
	}
	return rc;
}

static int print_pruned(const struct engine_pruned *pruned, bool dry_run, struct err *err)
{
	BUF_AUTO(out, OUT_MAX);
	char size[32];

	if (pruned->gone.count > 0)
		buf_str(&out, dry_run ? "Images that would be deleted:\n" : "Deleted Images:\n");
	for (size_t i = 0; i < pruned->gone.count; i++) {
		const char *text = pruned->gone.items[i];
		bool id = strncmp(text, "sha256:", 7) == 0;
		buf_fmt(&out, "%s: %s\n", id ? "deleted" : "untagged", text);
	}
	text_size(pruned->bytes, size, sizeof(size));
	buf_fmt(&out, "%s%s: %s\n", pruned->gone.count > 0 ? "\n" : "",
		dry_run ? "Space that would be reclaimed" : "Total reclaimed space", size);
	return cli_print(&out, err);
}

static int cmd_prune(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	const struct prune_values *v = values;
	struct engine_prune request = {.all = v->all, .dry_run = v->dry_run};
	struct engine_pruned pruned = {0};
	const char *warning = v->all ? "This will remove all images without at least one container "
				       "associated to them."
				     : "This will remove all dangling images.";

	(void)args;
	int rc = choose(cli, v, &request.ids, err);
	if (rc == 0 && (v->force || v->dry_run || confirm(warning)))
		rc = engine_image_prune(cli->engine, &request, cli->arena, &pruned, err);
	return rc < 0 ? rc : print_pruned(&pruned, v->dry_run, err);
}

const struct command command_image_prune = {
	.name = "image prune",
	.operands = "",
	.summary = "remove images that nothing uses",
	.flags = COMMAND_ENGINE,
	.options = prune_options,
	.option_count = sizeof(prune_options) / sizeof(prune_options[0]),
	.values_size = sizeof(struct prune_values),
	.run = cmd_prune,
};
