/* corten image tree: an image's layers, and who else stands on them, as Podman draws it. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/text.h"
#include "engine/spec/list.h"

#define OUT_MAX  (16 << 20)
#define SHORT_ID 12

struct tree_values {
	bool what_requires;
};
static const struct option tree_options[] = {
	OPT_FLAG(struct tree_values, what_requires, '\0', "whatrequires",
		 "show the layers that stand on the image's top layer"),
};

/* Four digits, as Podman has sizes here. */
static void size_text(int64_t bytes, char *buf, size_t size)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double value = (double)bytes;
	size_t unit = 0;

	for (; value >= 1000 && unit < 6; unit++)
		value /= 1000;
	(void)snprintf(buf, size, "%.4g%s", value, units[unit]);
}

static void add_names(const engine_images *images, const struct engine_image *under, size_t depth,
		      struct buf *out)
{
	size_t shown = 0;

	for (size_t i = 0; i < images->count; i++) {
		const struct engine_image *image = &images->items[i];
		bool same = image->layers.count == depth;
		for (size_t j = 0; same && j < depth; j++)
			same = strcmp(image->layers.items[j], under->layers.items[j]) == 0;
		for (size_t j = 0; same && j < image->names.count; j++)
			buf_fmt(out, "%s%s", shown++ > 0 ? " " : " Top Layer of: [",
				image->names.items[j]);
	}
	buf_str(out, shown > 0 ? "]" : "");
}

/* One line: a layer that is the depth-th of an image's, counted from 1. */
static void add_layer(const engine_images *images, const struct engine_image *image, size_t depth,
		      int64_t size_bytes, struct buf *out)
{
	char size[32];

	size_text(size_bytes, size, sizeof(size));
	buf_fmt(out, "ID: %.*s Size: %7s", SHORT_ID, image->layers.items[depth - 1], size);
	add_names(images, image, depth, out);
	buf_char(out, '\n');
}

static bool begins_like(const struct engine_image *image, const struct engine_image *with,
			size_t depth)
{
	bool same = image->layers.count >= depth && with->layers.count >= depth;

	for (size_t i = 0; same && i < depth; i++)
		same = strcmp(image->layers.items[i], with->layers.items[i]) == 0;
	return same;
}

/* Whether an earlier image of the list has the same next layer: then that one has drawn it. */
static bool drawn_before(const engine_images *images, size_t at, size_t depth)
{
	for (size_t i = 0; i < at; i++) {
		if (begins_like(&images->items[i], &images->items[at], depth))
			return true;
	}
	return false;
}

/* The images with one more layer on the first `depth` of `base`; recursion ends at the longest image. */
static int add_children(struct cli *cli, const engine_images *images,
			const struct engine_image *base, size_t depth, struct buf *indent,
			struct buf *out, struct err *err)
{
	size_t left = 0, before = indent->len;
	int rc = 0;

	for (size_t i = 0; i < images->count; i++)
		left += begins_like(&images->items[i], base, depth) &&
			images->items[i].layers.count > depth &&
			!drawn_before(images, i, depth + 1);
	for (size_t i = 0; rc == 0 && i < images->count; i++) {
		const struct engine_image *image = &images->items[i];
		const int64_t *sizes = NULL;
		if (!begins_like(image, base, depth) || image->layers.count <= depth ||
		    drawn_before(images, i, depth + 1))
			continue;
		rc = engine_image_layer_sizes(cli->engine, image, cli->arena, &sizes, err);
		if (rc < 0)
			return rc;
		left--;
		buf_add(out, indent->data, indent->len);
		buf_str(out, left > 0 ? "├── " : "└── ");
		add_layer(images, image, depth + 1, sizes[depth], out);
		buf_str(indent, left > 0 ? "│   " : "    ");
		rc = add_children(cli, images, image, depth + 1, indent, out, err);
		indent->len = before;
	}
	return rc;
}

static int add_own(struct cli *cli, const engine_images *images, const struct engine_image *image,
		   struct buf *out, struct err *err)
{
	const int64_t *sizes = NULL;
	int rc = engine_image_layer_sizes(cli->engine, image, cli->arena, &sizes, err);

	for (size_t i = 0; rc == 0 && i < image->layers.count; i++) {
		buf_str(out, i + 1 < image->layers.count ? "├── " : "└── ");
		add_layer(images, image, i + 1, sizes[i], out);
	}
	return rc;
}

static int cmd_tree(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	const struct tree_values *v = values;
	BUF_AUTO(out, OUT_MAX);
	BUF_AUTO(indent, OUT_MAX);
	struct engine_image image = {0};
	engine_images images = {0};
	char size[32];

	int rc = engine_image_find(cli->engine, args->items[0], cli->arena, &image, err);
	if (rc == 0)
		rc = engine_image_list(cli->engine, cli->arena, &images, err);
	if (rc < 0)
		return rc;
	size_text(image.size_bytes, size, sizeof(size));
	buf_fmt(&out, "Image ID: %.*s\nTags:     [", SHORT_ID, image.id);
	for (size_t i = 0; i < image.names.count; i++)
		buf_fmt(&out, "%s%s", i > 0 ? " " : "", image.names.items[i]);
	buf_fmt(&out, "]\nSize:     %s\n%s\n", size,
		image.layers.count > 0 ? "Image Layers" : "No Image Layers");
	buf_str(&indent, "");
	if (v->what_requires)
		rc = add_children(cli, &images, &image, image.layers.count, &indent, &out, err);
	else
		rc = add_own(cli, &images, &image, &out, err);
	buf_char(&out, '\n');
	return rc < 0 ? rc : cli_print(&out, err);
}

const struct command command_image_tree = {
	.name = "image tree",
	.operands = "IMAGE",
	.summary = "draw an image's layers",
	.min = 1,
	.max = 1,
	.flags = COMMAND_ENGINE,
	.options = tree_options,
	.option_count = sizeof(tree_options) / sizeof(tree_options[0]),
	.values_size = sizeof(struct tree_values),
	.hint = HINT_IMAGE,
	.run = cmd_tree,
};
