#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "store/helper.h"
#include "store/internal.h"
#include "store/reference.h"
#include "store/staged.h"
#include "store/wire.h"
#include "store/wire_save.h"

#define IMAGES_MAX 1024

struct saving {
	struct store *store;
	const struct store_save *request;
	struct arena arena;
	struct wire_save wire;
	struct wire_save_image *images;
	struct store_staging staging;
};

static int copy_strings(struct saving *saving, const json_strings *from, json_strings *to,
			struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < from->count && rc == 0; i++)
		rc = store_strings_add(to, from->items[i], STORE_NAMES_MAX, &saving->arena, err);
	return rc;
}

/* The image's entry, made when it is new. */
static int add_image(struct saving *saving, const struct store_image *image,
		     struct wire_save_image **ret_entry, struct err *err)
{
	for (size_t i = 0; i < saving->wire.images.count; i++) {
		*ret_entry = &saving->images[i];
		if (strcmp(saving->images[i].id, image->id) == 0)
			return 0;
	}
	if (saving->wire.images.count == IMAGES_MAX)
		return err_set(err, ERR_INVALID, E2BIG, "more than %d images", IMAGES_MAX);
	struct wire_save_image *entry = &saving->images[saving->wire.images.count++];
	entry->id = arena_strndup(&saving->arena, image->id, strlen(image->id));
	if (image->manifest != NULL)
		entry->manifest = arena_strndup(&saving->arena, image->manifest, 64);
	*ret_entry = entry;
	if (entry->id == NULL || (image->manifest != NULL && entry->manifest == NULL))
		return err_set(err, ERR_SYSTEM, ENOMEM, "list images to save");
	return copy_strings(saving, &image->layers, &entry->layers, err);
}

static int add_name(struct saving *saving, struct wire_save_image *entry, const char *name,
		    struct err *err)
{
	for (size_t i = 0; i < entry->names.count; i++) {
		if (strcmp(entry->names.items[i], name) == 0)
			return 0;
	}
	return store_strings_add(&entry->names, name, STORE_NAMES_MAX, &saving->arena, err);
}

/* An image under one of its names, or under none. */
static int add(struct saving *saving, const char *reference, const char *name, struct err *err)
{
	struct wire_save_image *entry;
	struct store_image *image;

	int rc = store_image_find(saving->store, reference, &image, err);
	if (rc < 0)
		return rc;
	rc = add_image(saving, image, &entry, err);
	if (rc == 0 && name != NULL)
		rc = add_name(saving, entry, name, err);
	store_image_free(image);
	return rc;
}

/* Every name of a repository; 0: it has none. */
static int add_repository(struct saving *saving, const struct reference *ref, struct err *err)
{
	char first[REFERENCE_TEXT_MAX], end[REFERENCE_TEXT_MAX];
	json_strings names = {0};
	DB_STMT(stmt);

	(void)snprintf(first, sizeof(first), "%s/%s:", ref->domain, ref->path);
	(void)snprintf(end, sizeof(end), "%s/%s;", ref->domain, ref->path); /* what follows ':' */
	int rc = db_prepare(saving->store->db,
			    "SELECT name FROM image_names WHERE name >= ?1 AND name < ?2"
			    " ORDER BY name",
			    &stmt, err);
	if (rc < 0)
		return rc;
	db_bind_text(&stmt, 1, first);
	db_bind_text(&stmt, 2, end);
	while (rc == 0 && (rc = db_step(&stmt, err)) > 0)
		rc = store_strings_add(&names, db_text(&stmt, 0), STORE_NAMES_MAX, &saving->arena,
				       err);
	for (size_t i = 0; i < names.count && rc == 0; i++)
		rc = add(saving, names.items[i], names.items[i], err);
	return rc < 0 ? rc : (int)names.count;
}

/* A colon after the last slash begins a tag, a digest has its '@'. */
static bool has_tag(const char *text)
{
	const char *slash = strrchr(text, '/');

	return strchr(text, '@') != NULL || strchr(slash != NULL ? slash : text, ':') != NULL;
}

/* A bare name stands for all its tags, as with Docker; an id or a digest for the image without names. */
static int add_reference(struct saving *saving, const char *text, struct err *err)
{
	char full[REFERENCE_TEXT_MAX];
	struct reference ref;
	struct store_image *image;
	struct err ignored;
	const char *name = NULL;

	bool is_name = reference_parse(text, &ref, &ignored) == 0 && ref.digest[0] == '\0';
	if (is_name && !has_tag(text)) {
		int count = add_repository(saving, &ref, err);
		if (count != 0)
			return count < 0 ? count : 0;
	}
	if (is_name &&
	    store_image_find(saving->store, reference_full(&ref, full), &image, &ignored) == 0) {
		store_image_free(image);
		name = full;
	}
	return add(saving, name != NULL ? name : text, name, err);
}

static int gather(struct saving *saving, struct err *err)
{
	const struct store_save *request = saving->request;

	saving->images = arena_alloc(&saving->arena, IMAGES_MAX * sizeof(*saving->images));
	if (saving->images == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "list images to save");
	saving->wire.images.items = saving->images;
	saving->wire.form = request->form;
	saving->wire.packing = request->packing;
	int rc = 0;
	for (size_t i = 0; i < request->references.count && rc == 0; i++)
		rc = add_reference(saving, request->references.items[i], err);
	if (rc == 0 && request->form == STORE_FORM_DOCKER_DIR && saving->wire.images.count != 1)
		rc = err_set(err, ERR_INVALID, EINVAL,
			     "a docker-dir holds one image, not %zu: use oci-dir or an archive",
			     saving->wire.images.count);
	return rc;
}

/* What the program reads beside the layers. */
static int stage(struct saving *saving, struct err *err)
{
	int dirfd = saving->staging.dir_fd;
	BUF_AUTO(request, WIRE_SAVE_BYTES_MAX);
	int rc = 0;

	json_write(&wire_save_shape, &saving->wire, JSON_COMPACT, &request);
	rc = buf_check(&request, "the list of images to save", err);
	if (rc == 0)
		rc = staged_write(dirfd, WIRE_SAVE_REQUEST, &request, err);
	if (rc == 0 && mkdirat(dirfd, WIRE_BLOBS, 0700) < 0)
		rc = err_errno(err, "make a staging folder");
	for (size_t i = 0; i < saving->wire.images.count && rc == 0; i++) {
		const struct wire_save_image *image = &saving->images[i];
		rc = staged_document(saving->store, dirfd, image->id, err);
		if (rc == 0 && image->manifest != NULL)
			rc = staged_document(saving->store, dirfd, image->manifest, err);
	}
	return rc;
}

static int run_program(struct saving *saving, int lock_fd, struct err *err)
{
	const struct store_load load = {.program = saving->request->program};
	struct helper_report report = {.arena = &saving->arena};
	auto_fd layers = store_folder_open(saving->store, "layers", err);

	if (layers < 0)
		return layers;
	const struct helper helper = {.request = &load,
				      .verb = "save",
				      .input_fd = layers,
				      .staging_fd = saving->staging.dir_fd,
				      .known_fd = saving->request->output_fd,
				      .lock_fds = {saving->staging.lock_fd, lock_fd}};
	return helper_run(&helper, &report, err);
}

static int save_locked(struct saving *saving, struct err *err)
{
	/* The lock keeps layers from being freed; images are found under it. */
	auto_fd lock = store_lock_shared(saving->store, err);
	if (lock < 0)
		return lock;
	int rc = gather(saving, err);
	if (rc == 0)
		rc = store_staging_make(saving->store, &saving->staging, err);
	if (rc < 0)
		return rc;
	rc = stage(saving, err);
	if (rc == 0)
		rc = run_program(saving, lock, err);
	store_staging_done(saving->store, &saving->staging);
	return rc;
}

int store_save(struct store *store, const struct store_save *request, struct err *err)
{
	struct saving saving = {
		.store = store, .request = request, .arena = ARENA_INIT(STORE_ARENA_MAX)};
	struct err ignored;

	int rc = save_locked(&saving, err);
	arena_done(&saving.arena);
	(void)store_trash_empty_later(store, request->program, &ignored);
	return rc < 0 ? err_wrap(err, rc, "save images") : 0;
}
