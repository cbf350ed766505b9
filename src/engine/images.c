#include <string.h>

#include "engine/internal.h"
#include "engine/spec/list.h"
#include "oci/image.h"
#include "store/reference.h"

#define CONFIG_MAX (8 * 1024 * 1024)

static const char *copy(const char *text, struct arena *arena)
{
	return text != NULL ? arena_strndup(arena, text, strlen(text)) : "";
}

static int familiar_names(const json_strings *names, struct arena *arena, json_strings *ret_names,
			  struct err *err)
{
	json_strings list = {0};

	for (size_t i = 0; i < names->count; i++) {
		struct reference reference;
		char buf[REFERENCE_TEXT_MAX];
		int rc = reference_parse(names->items[i], &reference, err);
		if (rc < 0)
			return rc;
		const char *text = copy(reference_familiar(&reference, buf), arena);
		rc = text == NULL ? list_no_memory(err) : list_push_text(&list, text, arena, err);
		if (rc < 0)
			return rc;
	}
	*ret_names = list;
	return 0;
}

int engine_image_list(struct engine *engine, struct arena *arena, engine_images *ret_images,
		      struct err *err)
{
	engine_images list = {0};
	store_images images = {0};

	int rc = store_image_list(engine->store, &images, err);
	for (size_t i = 0; rc == 0 && i < images.count; i++) {
		const struct store_image *from = images.items[i];
		struct engine_image *to = list_push(&list, sizeof(*to), arena);
		if (to == NULL) {
			rc = list_no_memory(err);
			break;
		}
		*to = (struct engine_image){.id = copy(from->id, arena),
					    .created_s = from->created_s,
					    .size_bytes = from->size_bytes,
					    .architecture = copy(from->architecture, arena),
					    .os = copy(from->os, arena)};
		rc = familiar_names(&from->names, arena, &to->names, err);
		if (rc == 0 && (to->id == NULL || to->architecture == NULL || to->os == NULL))
			rc = list_no_memory(err);
	}
	store_images_free(&images);
	if (rc == 0)
		*ret_images = list;
	return rc;
}

struct relay {
	engine_progress_fn *progress;
	void *arg;
};

static void relay_event(void *arg, const struct store_event *event)
{
	const struct relay *relay = arg;
	struct engine_progress progress = {
		.layer = event->layer,
		.name = event->name,
		.done_bytes = event->done_bytes,
		.total_bytes = event->total_bytes,
		.done = event->kind == STORE_EVENT_DONE || event->kind == STORE_EVENT_KNOWN,
		.known = event->kind == STORE_EVENT_KNOWN,
	};

	relay->progress(relay->arg, &progress);
}

static int take_loaded(const struct store_loaded *loaded, struct arena *arena,
		       engine_images *ret_images, struct err *err)
{
	engine_images list = {0};

	for (size_t i = 0; i < loaded->count; i++) {
		struct engine_image *to = list_push(&list, sizeof(*to), arena);
		if (to == NULL)
			return list_no_memory(err);
		to->id = copy(loaded->items[i].id, arena);
		int rc = to->id == NULL
				 ? list_no_memory(err)
				 : familiar_names(&loaded->items[i].names, arena, &to->names, err);
		if (rc < 0)
			return rc;
	}
	*ret_images = list;
	return 0;
}

int engine_image_load(struct engine *engine, const struct engine_load *request, struct arena *arena,
		      engine_images *ret_images, struct err *err)
{
	struct relay relay = {request->progress, request->progress_arg};
	struct store_load load = {
		.source = request->import ? STORE_IMPORT : STORE_LOAD,
		.input_fd = request->input_fd,
		.name = request->name,
		.changes = request->changes,
		.message = request->message,
		.platform = request->platform,
		.event = request->progress != NULL ? relay_event : NULL,
		.event_arg = &relay,
	};
	struct store_loaded loaded = {0};

	int rc = paths_find_program(engine, "corten-image", arena, &load.program, err);
	if (rc == 0)
		rc = store_load(engine->store, &load, &loaded, err);
	if (rc == 0)
		rc = take_loaded(&loaded, arena, ret_images, err);
	store_loaded_done(&loaded);
	return rc;
}

int engine_image_id(struct engine *engine, const char *reference, struct arena *arena,
		    const char **ret_id, struct err *err)
{
	struct store_image *image = NULL;
	struct err missing = {.kind = ERR_NONE};

	*ret_id = NULL;
	int rc = store_image_find(engine->store, reference, &image, &missing);
	if (rc == 0) {
		*ret_id = copy(image->id, arena);
		store_image_free(image);
		return *ret_id != NULL ? 0 : list_no_memory(err);
	}
	if (missing.kind == ERR_NOT_FOUND)
		return 0;
	*err = missing;
	return rc;
}

static int add_option(json_strings *options, const char *name, const char *value,
		      struct arena *arena, struct err *err)
{
	if (value == NULL)
		return 0;
	int rc = list_push_text(options, name, arena, err);
	return rc < 0 ? rc : list_push_text(options, value, arena, err);
}

int engine_image_pull(struct engine *engine, const struct engine_pull *request, struct arena *arena,
		      struct engine_image *ret_image, struct err *err)
{
	struct relay relay = {request->progress, request->progress_arg};
	struct store_pull pull = {
		.reference = request->reference,
		.platform = request->platform,
		.event = request->progress != NULL ? relay_event : NULL,
		.event_arg = &relay,
	};
	struct store_loaded loaded = {0};
	engine_images images = {0};

	if (engine->config->offline)
		return err_wrap(err,
				err_set(err, ERR_DENIED, 0,
					"offline (--offline, or corten.conf): its registry would "
					"have to be asked (corten image load or import brings "
					"images too)"),
				"pull '%.200s'", request->reference);
	int rc = add_option(&pull.options, "--auth-file", request->auth_file, arena, err);
	if (rc == 0)
		rc = add_option(&pull.options, "--cert-folder", request->cert_folder, arena, err);
	if (rc == 0)
		rc = add_option(&pull.options, "--tls-verify", request->tls_verify, arena, err);
	if (rc == 0)
		rc = paths_find_program(engine, "corten-image", arena, &pull.program, err);
	if (rc == 0)
		rc = paths_find_program(engine, "corten-remote", arena, &pull.remote, err);
	if (rc == 0)
		rc = store_pull(engine->store, &pull, &loaded, err);
	if (rc == 0)
		rc = take_loaded(&loaded, arena, &images, err);
	store_loaded_done(&loaded);
	if (rc == 0 && images.count > 0)
		*ret_image = images.items[0];
	return rc;
}

int engine_image_remove(struct engine *engine, const char *reference, bool force,
			struct arena *arena, struct engine_image_removed *ret_removed,
			struct err *err)
{
	struct store_remove request = {
		.reference = reference, .force = force, .use = record_image_use, .use_arg = engine};
	struct store_removed removed = {0};
	const char *program = NULL;
	struct err ignored;

	int rc = store_image_remove(engine->store, &request, &removed, err);
	if (rc == 0) {
		*ret_removed = (struct engine_image_removed){0};
		if (removed.deleted != NULL)
			ret_removed->deleted = copy(removed.deleted, arena);
		rc = familiar_names(&removed.untagged, arena, &ret_removed->untagged, err);
		/* What cannot be deleted now is deleted by the next removal. */
		if (paths_find_program(engine, "corten-image", arena, &program, &ignored) == 0)
			(void)store_trash_empty_later(engine->store, program, &ignored);
	}
	store_removed_done(&removed);
	return rc;
}

int engine_image_tag(struct engine *engine, const char *reference, const char *name,
		     struct err *err)
{
	return store_image_tag(engine->store, reference, name, err);
}

/* Docker's names for what the image's own configuration calls differently. */
struct image_view {
	const char *id;
	json_strings repo_tags;
	json_strings repo_digests;
	const char *created;
	const char *author;
	const char *architecture;
	const char *os;
	int64_t size_bytes;
	struct oci_rootfs *rootfs;
	struct json_text config;
};

static const struct json_field rootfs_fields[] = {
	JSON_STRING(struct oci_rootfs, type, "Type"),
	JSON_LIST(struct oci_rootfs, diff_ids, "Layers", JSON_TYPE_STRING),
};
static JSON_SHAPE(rootfs_shape, struct oci_rootfs, rootfs_fields);

static const struct json_field image_fields[] = {
	JSON_STRING(struct image_view, id, "Id"),
	JSON_LIST_FLAGS(struct image_view, repo_tags, "RepoTags", JSON_TYPE_STRING,
			JSON_WRITE_ZERO),
	JSON_LIST_FLAGS(struct image_view, repo_digests, "RepoDigests", JSON_TYPE_STRING,
			JSON_WRITE_ZERO),
	JSON_STRING(struct image_view, created, "Created"),
	JSON_STRING(struct image_view, author, "Author"),
	JSON_STRING(struct image_view, architecture, "Architecture"),
	JSON_STRING(struct image_view, os, "Os"),
	JSON_INT64(struct image_view, size_bytes, "Size"),
	JSON_RAW(struct image_view, config, "Config"),
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
	view = (struct image_view){
		.id = list_text(&arena, "sha256:%s", image->id),
		.created = image->config->created,
		.author = image->config->author,
		.architecture = image->architecture,
		.os = image->os,
		.size_bytes = image->size_bytes,
		.rootfs = &image->config->rootfs,
	};
	rc = familiar_names(&image->names, &arena, &view.repo_tags, err);
	if (rc == 0)
		rc = familiar_names(&image->digests, &arena, &view.repo_digests, err);
	if (rc == 0)
		rc = store_image_config_text(engine->store, image->id, &text, err);
	if (rc == 0)
		rc = json_parse(&raw_shape, text.data, text.len, &arena, &raw, err);
	if (rc == 0) {
		view.config = raw.config;
		json_write(&image_shape, &view, JSON_PRETTY, out);
	}
	store_image_free(image);
	return rc;
}
