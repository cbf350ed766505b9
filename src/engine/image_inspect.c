/* Docker's inspect object of an image, and its history. */
#include <string.h>

#include "engine/internal.h"
#include "engine/spec/list.h"
#include "oci/image.h"
#include "store/reference.h"

#define CONFIG_MAX (8 * 1024 * 1024)

/* Where the layers' trees are, in the manner of Docker's overlay driver. */
struct view_driver_data {
	const char *lower; /* the topmost first; NULL: one layer alone */
	const char *upper;
};
static const struct json_field driver_data_fields[] = {
	JSON_STRING(struct view_driver_data, lower, "LowerDir"),
	JSON_STRING(struct view_driver_data, upper, "UpperDir"),
};
static JSON_SHAPE(driver_data_shape, struct view_driver_data, driver_data_fields);

struct view_driver {
	struct view_driver_data data;
	const char *name;
};
static const struct json_field driver_fields[] = {
	JSON_EMBED(struct view_driver, data, "Data", driver_data_shape),
	JSON_STRING(struct view_driver, name, "Name"),
};
static JSON_SHAPE(driver_shape, struct view_driver, driver_fields);

static const struct json_field rootfs_fields[] = {
	JSON_STRING(struct oci_rootfs, type, "Type"),
	JSON_LIST_FLAGS(struct oci_rootfs, diff_ids, "Layers", JSON_TYPE_STRING, JSON_WRITE_ZERO),
};
static JSON_SHAPE(rootfs_shape, struct oci_rootfs, rootfs_fields);

/* Docker's names for what the image's own configuration calls differently. */
struct image_view {
	const char *id;
	json_strings repo_tags;
	json_strings repo_digests;
	const char *parent;
	const char *comment;
	const char *created;
	const char *author;
	const char *architecture;
	const char *variant;
	const char *os;
	const char *os_version;
	int64_t size_bytes;
	struct view_driver driver;
	struct oci_rootfs *rootfs;
	struct json_text config;
};

#define TEXT(m, n)  JSON_PLAIN(struct image_view, m, n, JSON_TYPE_STRING, JSON_WRITE_ZERO)
#define TEXTS(m, n) JSON_LIST_FLAGS(struct image_view, m, n, JSON_TYPE_STRING, JSON_WRITE_ZERO)
static const struct json_field image_fields[] = {
	TEXT(id, "Id"),
	TEXTS(repo_tags, "RepoTags"),
	TEXTS(repo_digests, "RepoDigests"),
	TEXT(parent, "Parent"),
	TEXT(comment, "Comment"),
	TEXT(created, "Created"),
	TEXT(author, "Author"),
	JSON_RAW(struct image_view, config, "Config"),
	TEXT(architecture, "Architecture"),
	JSON_STRING(struct image_view, variant, "Variant"),
	TEXT(os, "Os"),
	JSON_STRING(struct image_view, os_version, "OsVersion"),
	JSON_PLAIN(struct image_view, size_bytes, "Size", JSON_TYPE_INT64, JSON_WRITE_ZERO),
	JSON_EMBED(struct image_view, driver, "GraphDriver", driver_shape),
	JSON_OBJECT(struct image_view, rootfs, "RootFS", rootfs_shape),
};
static JSON_SHAPE(image_shape, struct image_view, image_fields);

/* The configuration's own "config" object, as it was written. */
struct config_raw {
	struct json_text config;
};
static const struct json_field raw_fields[] = {
	JSON_RAW(struct config_raw, config, "config"),
};
static JSON_SHAPE(raw_shape, struct config_raw, raw_fields);

static const char *or_empty(const char *text)
{
	return text != NULL ? text : "";
}

/* What it was pulled as, or else "repository@sha256:HEX" of each repository that a name is of. */
static int fill_digests(const struct store_image *image, struct arena *arena,
			json_strings *ret_digests, struct err *err)
{
	json_strings list = {0};

	if (image->digests.count > 0)
		return images_familiar_names(&image->digests, arena, ret_digests, err);
	for (size_t i = 0; image->manifest != NULL && i < image->names.count; i++) {
		struct reference reference;
		char buf[REFERENCE_TEXT_MAX];
		int rc = reference_parse(image->names.items[i], &reference, err);
		if (rc < 0)
			return rc;
		const char *text =
			list_text(arena, "%s@sha256:%s", reference_repository(&reference, buf),
				  image->manifest);
		rc = text == NULL            ? list_no_memory(err)
		     : list_has(&list, text) ? 0
					     : list_push_text(&list, text, arena, err);
		if (rc < 0)
			return rc;
	}
	*ret_digests = list;
	return 0;
}

static int fill_driver(struct engine *engine, const struct store_image *image, struct arena *arena,
		       struct view_driver *driver, struct err *err)
{
	BUF_AUTO(lower, CONFIG_MAX);
	size_t count = image->layers.count;

	driver->name = "overlay";
	for (size_t i = count; i-- > 1;)
		buf_fmt(&lower, "%s%s/layers/%s/diff", lower.len > 0 ? ":" : "", engine->root,
			image->layers.items[i - 1]);
	if (count > 0)
		driver->data.upper = list_text(arena, "%s/layers/%s/diff", engine->root,
					       image->layers.items[count - 1]);
	if (lower.len > 0)
		driver->data.lower = arena_strndup(arena, lower.data, lower.len);
	return lower.failed || (count > 0 && driver->data.upper == NULL) ||
			       (lower.len > 0 && driver->data.lower == NULL)
		       ? list_no_memory(err)
		       : 0;
}

static int fill_image(struct engine *engine, const struct store_image *image, struct arena *arena,
		      struct image_view *view, struct err *err)
{
	const struct oci_image_config *config = image->config;
	size_t steps = config->history.count;

	*view = (struct image_view){
		.id = list_text(arena, "sha256:%s", image->id),
		.parent = "",
		.comment = steps > 0 ? or_empty(config->history.items[steps - 1].comment) : "",
		.created = config->created != NULL ? config->created : "0001-01-01T00:00:00Z",
		.author = or_empty(config->author),
		.architecture = or_empty(image->architecture),
		.variant = config->variant,
		.os = or_empty(image->os),
		.os_version = config->os_version,
		.size_bytes = image->size_bytes,
		.rootfs = &image->config->rootfs,
	};
	if (view->id == NULL)
		return list_no_memory(err);
	int rc = images_familiar_names(&image->names, arena, &view->repo_tags, err);
	if (rc == 0)
		rc = fill_digests(image, arena, &view->repo_digests, err);
	return rc < 0 ? rc : fill_driver(engine, image, arena, &view->driver, err);
}

int engine_image_inspect(struct engine *engine, const char *reference, struct buf *out,
			 struct err *err)
{
	ARENA_AUTO(arena, 32 * 1024 * 1024);
	BUF_AUTO(text, CONFIG_MAX);
	struct store_image *image = NULL;
	struct config_raw raw = {0};
	struct image_view view;

	int rc = store_image_find(engine->store, reference, &image, err);
	if (rc < 0)
		return rc;
	rc = fill_image(engine, image, &arena, &view, err);
	if (rc == 0)
		rc = store_image_config_text(engine->store, image->id, &text, err);
	if (rc == 0)
		rc = json_parse(&raw_shape, text.data, text.len, &arena, &raw, err);
	if (rc == 0) {
		view.config = raw.config.text != NULL ? raw.config : (struct json_text){"{}", 2};
		json_write(&image_shape, &view, JSON_PRETTY, out);
	}
	store_image_free(image);
	return rc;
}

static const char *copy_or_empty(const char *text, struct arena *arena)
{
	return text != NULL ? arena_strndup(arena, text, strlen(text)) : "";
}

/* A layer that no step of the history tells of is shown without one. */
static int add_step(const struct oci_history *step, int64_t size_bytes, struct arena *arena,
		    engine_histories *list, struct err *err)
{
	struct engine_history *added = list_push(list, sizeof(*added), arena);

	if (added == NULL)
		return list_no_memory(err);
	*added = (struct engine_history){.created_by = "", .comment = "", .size_bytes = size_bytes};
	if (step == NULL)
		return 0;
	added->created = copy_or_empty(step->created, arena);
	added->created_by = copy_or_empty(step->created_by, arena);
	added->comment = copy_or_empty(step->comment, arena);
	return added->created == NULL || added->created_by == NULL || added->comment == NULL
		       ? list_no_memory(err)
		       : 0;
}

int engine_image_history(struct engine *engine, const struct engine_image *image,
			 struct arena *arena, engine_histories *ret_history, struct err *err)
{
	struct store_image *found = NULL;
	const int64_t *sizes = NULL;
	engine_histories oldest_first = {0}, list = {0};
	size_t layer = 0;

	int rc = engine_image_layer_sizes(engine, image, arena, &sizes, err);
	if (rc == 0)
		rc = store_image_find(engine->store, image->id, &found, err);
	for (size_t i = 0; rc == 0 && i < found->config->history.count; i++) {
		const struct oci_history *step = &found->config->history.items[i];
		bool makes = !step->empty_layer && layer < image->layers.count;
		rc = add_step(step, makes ? sizes[layer] : 0, arena, &oldest_first, err);
		layer += makes;
	}
	for (; rc == 0 && layer < image->layers.count; layer++)
		rc = add_step(NULL, sizes[layer], arena, &oldest_first, err);
	store_image_free(found);
	for (size_t i = oldest_first.count; rc == 0 && i-- > 0;) {
		struct engine_history *added = list_push(&list, sizeof(*added), arena);
		if (added == NULL)
			return list_no_memory(err);
		*added = oldest_first.items[i];
	}
	if (rc == 0)
		*ret_history = list;
	return rc;
}
