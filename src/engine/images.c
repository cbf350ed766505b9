#include <string.h>

#include "engine/internal.h"
#include "engine/spec/list.h"
#include "oci/image.h"
#include "store/reference.h"
#include "store/verify.h"

static const char *copy(const char *text, struct arena *arena)
{
	return text != NULL ? arena_strndup(arena, text, strlen(text)) : "";
}

int images_familiar_names(const json_strings *names, struct arena *arena, json_strings *ret_names,
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

/* The digest that its repository knows it by: of an index, where it was pulled through one. */
static const char *outer_digest(const struct store_image *image)
{
	const char *hex = image->digests.count > 0 ? strrchr(image->digests.items[0], ':') : NULL;

	return hex != NULL ? hex + 1 : image->manifest;
}

static int copy_image(const struct store_image *from, struct arena *arena, struct engine_image *to,
		      struct err *err)
{
	const char *digest = outer_digest(from);

	*to = (struct engine_image){.id = copy(from->id, arena),
				    .manifest = digest != NULL ? copy(digest, arena) : NULL,
				    .created_s = from->created_s,
				    .size_bytes = from->size_bytes,
				    .architecture = copy(from->architecture, arena),
				    .os = copy(from->os, arena)};
	int rc = images_familiar_names(&from->names, arena, &to->names, err);
	if (rc == 0 && (to->id == NULL || to->architecture == NULL || to->os == NULL))
		rc = list_no_memory(err);
	for (size_t i = 0; rc == 0 && i < from->layers.count; i++) {
		const char *layer = copy(from->layers.items[i], arena);
		rc = layer == NULL ? list_no_memory(err)
				   : list_push_text(&to->layers, layer, arena, err);
	}
	return rc;
}

int engine_image_list(struct engine *engine, struct arena *arena, engine_images *ret_images,
		      struct err *err)
{
	engine_images list = {0};
	store_images images = {0};

	int rc = store_image_list(engine->store, &images, err);
	for (size_t i = 0; rc == 0 && i < images.count; i++) {
		struct engine_image *to = list_push(&list, sizeof(*to), arena);
		rc = to == NULL ? list_no_memory(err) : copy_image(images.items[i], arena, to, err);
	}
	store_images_free(&images);
	if (rc == 0)
		*ret_images = list;
	return rc;
}

int engine_image_find(struct engine *engine, const char *reference, struct arena *arena,
		      struct engine_image *ret_image, struct err *err)
{
	struct store_image *image = NULL;

	int rc = store_image_find(engine->store, reference, &image, err);
	if (rc == 0)
		rc = copy_image(image, arena, ret_image, err);
	store_image_free(image);
	return rc;
}

int engine_image_read_labels(struct engine *engine, struct engine_image *image, struct arena *arena,
			     struct err *err)
{
	struct store_image *found = NULL;
	json_pairs labels = {0};

	int rc = store_image_find(engine->store, image->id, &found, err);
	for (size_t i = 0; rc == 0 && i < found->config->config.labels.count; i++) {
		const struct json_pair *from = &found->config->config.labels.items[i];
		struct json_pair *to = list_push(&labels, sizeof(*to), arena);
		if (to != NULL)
			*to = (struct json_pair){copy(from->key, arena), copy(from->value, arena)};
		if (to == NULL || to->key == NULL || to->value == NULL)
			rc = list_no_memory(err);
	}
	store_image_free(found);
	if (rc == 0)
		image->labels = labels;
	return rc;
}

int engine_image_layer_sizes(struct engine *engine, const struct engine_image *image,
			     struct arena *arena, const int64_t **ret_sizes, struct err *err)
{
	size_t count = image->layers.count;
	int64_t *sizes = arena_alloc(arena, (count + 1) * sizeof(*sizes));

	if (sizes == NULL)
		return list_no_memory(err);
	int rc = store_image_layer_sizes(engine->store, image->id, sizes, count, err);
	if (rc < 0)
		return rc;
	*ret_sizes = sizes;
	return 0;
}

void images_relay(void *arg, const struct store_event *event)
{
	const struct images_relay *relay = arg;
	struct engine_progress progress = {
		.layer = event->layer,
		.name = event->name,
		.done_bytes = event->done_bytes,
		.total_bytes = event->total_bytes,
		.done = event->kind == STORE_EVENT_DONE || event->kind == STORE_EVENT_KNOWN ||
			event->kind == STORE_EVENT_MOUNTED,
		.known = event->kind == STORE_EVENT_KNOWN,
		.from = event->from,
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
		int rc = to->id == NULL ? list_no_memory(err)
					: images_familiar_names(&loaded->items[i].names, arena,
								&to->names, err);
		if (rc < 0)
			return rc;
	}
	*ret_images = list;
	return 0;
}

int engine_image_load(struct engine *engine, const struct engine_load *request, struct arena *arena,
		      engine_images *ret_images, struct err *err)
{
	struct images_relay relay = {request->progress, request->progress_arg};
	struct store_load load = {
		.source = request->import ? STORE_IMPORT : STORE_LOAD,
		.input_fd = request->input_fd,
		.name = request->name,
		.changes = request->changes,
		.message = request->message,
		.platform = request->platform,
		.event = request->progress != NULL ? images_relay : NULL,
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
	struct err missing = {.kind = ERR_NONE};
	char id[65];

	*ret_id = NULL;
	int rc = store_image_id(engine->store, reference, id, &missing);
	if (rc == 0) {
		*ret_id = copy(id, arena);
		return *ret_id != NULL ? 0 : list_no_memory(err);
	}
	if (missing.kind == ERR_NOT_FOUND)
		return 0;
	*err = missing;
	return rc;
}

int engine_image_pull(struct engine *engine, const struct engine_pull *request, struct arena *arena,
		      struct engine_image *ret_image, struct err *err)
{
	struct images_relay relay = {request->progress, request->progress_arg};
	struct store_pull pull = {
		.reference = request->reference,
		.platform = request->platform,
		.event = request->progress != NULL ? images_relay : NULL,
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
	int rc = registry_options(&request->access, arena, &pull.options, &pull.password, err);
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

int images_word_index(const char *word, const char *const *words, const char *what, int *ret_index,
		      struct err *err)
{
	BUF_AUTO(known, 256);

	for (int i = 0; words[i] != NULL; i++) {
		if (strcmp(word, words[i]) == 0) {
			*ret_index = i;
			return 0;
		}
	}
	list_words(words, &known);
	return err_set(err, ERR_INVALID, 0, "unknown %s '%.100s': there are %s", what, word,
		       known.data != NULL ? known.data : "none");
}

int engine_image_save(struct engine *engine, const struct engine_save *request, struct arena *arena,
		      struct err *err)
{
	struct store_save save = {.references = request->references,
				  .output_fd = request->output_fd};
	int form = STORE_FORM_DOCKER_ARCHIVE;
	int rc = 0;

	if (request->form != NULL)
		rc = images_word_index(request->form, store_form_names, "form of an image", &form,
				       err);
	save.form = (enum store_form)form;
	bool oci = form == STORE_FORM_OCI_ARCHIVE || form == STORE_FORM_OCI_DIR;
	int packing = oci ? STORE_PACKING_GZIP : STORE_PACKING_NONE;
	if (rc == 0 && request->packing != NULL)
		rc = images_word_index(request->packing, store_packing_names, "compression",
				       &packing, err);
	save.packing = (enum store_packing)packing;
	if (rc == 0 && form == STORE_FORM_DOCKER_DIR && packing == STORE_PACKING_ZSTD)
		rc = err_set(err, ERR_UNSUPPORTED, 0,
			     "Docker's media types know no zstd: use gzip, or an OCI form");
	if (rc == 0)
		rc = paths_find_program(engine, "corten-image", arena, &save.program, err);
	return rc < 0 ? rc : store_save(engine->store, &save, err);
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
		rc = images_familiar_names(&removed.untagged, arena, &ret_removed->untagged, err);
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

int engine_image_untag(struct engine *engine, const char *reference, const json_strings *names,
		       struct err *err)
{
	return store_image_untag(engine->store, reference, names, err);
}

int engine_image_verify(struct engine *engine, const char *reference, engine_finding_fn *finding,
			void *arg, struct err *err)
{
	const struct store_verify request = {.finding = finding, .arg = arg};

	return store_image_verify(engine->store, reference, &request, err);
}

static int copy_gone(const json_strings *gone, struct arena *arena, json_strings *ret_gone,
		     struct err *err)
{
	json_strings list = {0};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < gone->count; i++) {
		const char *text = gone->items[i];
		if (strchr(text, '/') != NULL) {
			json_strings one = {.items = &gone->items[i], .count = 1}, familiar = {0};
			rc = images_familiar_names(&one, arena, &familiar, err);
			text = rc == 0 && familiar.count == 1 ? familiar.items[0] : NULL;
		} else {
			text = list_text(arena, "sha256:%s", text);
		}
		if (rc == 0)
			rc = text == NULL ? list_no_memory(err)
					  : list_push_text(&list, text, arena, err);
	}
	*ret_gone = list;
	return rc;
}

int engine_image_prune(struct engine *engine, const struct engine_prune *request,
		       struct arena *arena, struct engine_pruned *ret_pruned, struct err *err)
{
	struct store_prune prune = {.ids = request->ids,
				    .all = request->all,
				    .dry_run = request->dry_run,
				    .use = record_image_use,
				    .use_arg = engine};
	struct store_pruned pruned = {0};
	const char *program = NULL;
	struct err ignored;

	int rc = store_image_prune(engine->store, &prune, &pruned, err);
	if (rc < 0)
		return rc;
	rc = copy_gone(&pruned.gone, arena, &ret_pruned->gone, err);
	ret_pruned->bytes = pruned.bytes;
	store_pruned_done(&pruned);
	/* What cannot be deleted now is deleted by the next removal. */
	if (!request->dry_run &&
	    paths_find_program(engine, "corten-image", arena, &program, &ignored) == 0)
		(void)store_trash_empty_later(engine->store, program, &ignored);
	return rc;
}
