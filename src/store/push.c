#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/str.h"
#include "store/blobs.h"
#include "store/helper.h"
#include "store/remote.h"
#include "store/staged.h"
#include "store/wire.h"

struct pushing {
	struct store *store;
	const struct store_push *request;
	struct reference to;
	struct store_image *image;
	struct arena arena;
	struct wire_push wire;
	struct store_staging staging;
	struct remote remote;
	struct helper_report report;
};

static int add_once(json_strings *list, const char *text, struct arena *arena, struct err *err)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->items[i], text) == 0)
			return 0;
	}
	/* More to mount from would only mean more to ask. */
	return list->count == WIRE_MOUNTS_MAX
		       ? 0
		       : store_strings_add(list, text, WIRE_MOUNTS_MAX, arena, err);
}

/* Where the registry has the image's own manifest: all of its blobs are there. */
static int gather_origins(struct pushing *pushing, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < pushing->image->digests.count && rc == 0; i++) {
		struct reference ref;
		rc = reference_parse(pushing->image->digests.items[i], &ref, err);
		if (rc < 0 || strcmp(ref.domain, pushing->to.domain) != 0 ||
		    strcmp(ref.path, pushing->to.path) == 0)
			continue;
		rc = add_once(&pushing->wire.origins, ref.path, &pushing->arena, err);
		if (rc == 0)
			rc = add_once(&pushing->wire.repositories, ref.path, &pushing->arena, err);
	}
	return rc;
}

static int gather_layer(struct pushing *pushing, struct wire_push_layer *layer, struct err *err)
{
	int rc = blobs_find(pushing->store, pushing->to.domain, layer, &pushing->arena, err);

	for (size_t i = 0; i < layer->blobs.count && rc == 0; i++) {
		const json_strings *from = &layer->blobs.items[i].repositories;
		for (size_t j = 0; j < from->count && rc == 0; j++) {
			if (strcmp(from->items[j], pushing->to.path) != 0)
				rc = add_once(&pushing->wire.repositories, from->items[j],
					      &pushing->arena, err);
		}
	}
	return rc;
}

static int gather(struct pushing *pushing, struct err *err)
{
	const struct store_push *request = pushing->request;
	const struct store_image *image = pushing->image;
	struct wire_push *wire = &pushing->wire;

	wire->id = image->id;
	wire->manifest = image->manifest;
	wire->form = request->form;
	wire->packing = request->packing;
	wire->repack = request->repack;
	wire->level = request->level;
	wire->layers.items = arena_alloc(&pushing->arena,
					 (image->layers.count + 1) * sizeof(*wire->layers.items));
	if (wire->layers.items == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "list layers");
	wire->layers.count = image->layers.count;
	int rc = gather_origins(pushing, err);
	for (size_t i = 0; i < image->layers.count && rc == 0; i++) {
		wire->layers.items[i].diff_id = image->layers.items[i];
		rc = gather_layer(pushing, &wire->layers.items[i], err);
	}
	return rc;
}

static int stage(struct pushing *pushing, struct err *err)
{
	int dirfd = pushing->staging.dir_fd;
	BUF_AUTO(request, WIRE_PUSH_BYTES_MAX);

	json_write(&wire_push_shape, &pushing->wire, JSON_COMPACT, &request);
	int rc = buf_check(&request, "the list of layers to push", err);
	if (rc == 0)
		rc = staged_write(dirfd, WIRE_PUSH_REQUEST, &request, err);
	if (rc == 0 && mkdirat(dirfd, WIRE_BLOBS, 0700) < 0)
		rc = err_errno(err, "make a staging folder");
	if (rc == 0)
		rc = staged_document(pushing->store, dirfd, pushing->image->id, err);
	if (rc == 0 && pushing->image->manifest != NULL)
		rc = staged_document(pushing->store, dirfd, pushing->image->manifest, err);
	return rc;
}

static int start_remote(struct pushing *pushing, const char *full, struct err *err)
{
	const struct store_push *request = pushing->request;
	const struct remote_start start = {.program = request->remote,
					   .verb = "push",
					   .options = request->options,
					   .from = pushing->wire.repositories,
					   .password = request->password,
					   .reference = full};

	return remote_start(&start, &pushing->remote, err);
}

static int run_programs(struct pushing *pushing, const char *full, int lock_fd, struct err *err)
{
	const struct store_push *request = pushing->request;
	const struct store_load load = {.program = request->program,
					.event = request->event,
					.event_arg = request->event_arg};
	auto_fd layers = store_folder_open(pushing->store, "layers", err);

	if (layers < 0)
		return layers;
	int rc = start_remote(pushing, full, err);
	if (rc == 0) {
		const struct helper helper = {.request = &load,
					      .verb = "push",
					      .input_fd = layers,
					      .staging_fd = pushing->staging.dir_fd,
					      .known_fd = pushing->remote.socket_fd,
					      .lock_fds = {pushing->staging.lock_fd, lock_fd},
					      .repositories = &pushing->wire.repositories};
		rc = helper_run(&helper, &pushing->report, err);
	}
	return rc < 0 ? remote_prefer(&pushing->remote, rc, err) : 0;
}

/* What the registry has now is worth knowing for the next push, here or to another of its repositories. */
static int note(struct pushing *pushing, const char *digest, struct err *err)
{
	const struct helper_report *report = &pushing->report;
	char repository[REFERENCE_TEXT_MAX], name[REFERENCE_TEXT_MAX];
	DB_ROLLBACK_AT_END(db, pushing->store->db);

	(void)snprintf(repository, sizeof(repository), "%s/%s", pushing->to.domain,
		       pushing->to.path);
	(void)snprintf(name, sizeof(name), "%s/%s@sha256:%.64s", pushing->to.domain,
		       pushing->to.path, digest);
	int rc = db_begin(db, err);
	for (size_t i = 0; i < report->packed_count && rc == 0; i++) {
		const struct helper_packed *packed = &report->packed[i];
		const struct blobs_seen seen = {.diff_id = packed->diff_id,
						.digest = packed->digest,
						.size_bytes = packed->size_bytes,
						.media_type = packed->media_type,
						.repository = repository,
						.proved = packed->proved};
		rc = blobs_note(pushing->store, &seen, err);
	}
	if (rc == 0)
		rc = db_run(db,
			    "INSERT OR IGNORE INTO image_digests(name, image)"
			    " SELECT ?1, id FROM images WHERE id = ?2",
			    name, pushing->image->id, NULL, err);
	return rc < 0 ? rc : db_commit(db, err);
}

static int push_staged(struct pushing *pushing, int lock_fd, struct store_pushed *ret_pushed,
		       struct err *err)
{
	const struct helper_report *report = &pushing->report;
	char full[REFERENCE_TEXT_MAX];

	(void)reference_full(&pushing->to, full);
	int rc = stage(pushing, err);
	if (rc == 0)
		rc = run_programs(pushing, full, lock_fd, err);
	if (rc == 0 && (report->image_count != 1 || report->images[0].manifest[0] == '\0' ||
			strcmp(report->images[0].id, pushing->image->id) != 0))
		rc = err_set(err, ERR_INVALID, EPROTO, "corten-image pushed something else");
	if (rc == 0)
		rc = note(pushing, report->images[0].manifest, err);
	if (rc < 0)
		return rc;
	(void)str_copy(ret_pushed->destination, sizeof(ret_pushed->destination), full);
	(void)str_copy(ret_pushed->digest, sizeof(ret_pushed->digest), report->images[0].manifest);
	ret_pushed->manifest_bytes = report->images[0].done_bytes;
	return 0;
}

static int push_locked(struct pushing *pushing, struct store_pushed *ret_pushed, struct err *err)
{
	struct store *store = pushing->store;
	/* The lock keeps layers from being freed; the image is found under it. */
	auto_fd lock = store_lock_shared(store, err);

	if (lock < 0)
		return lock;
	int rc = store_image_find(store, pushing->request->reference, &pushing->image, err);
	if (rc == 0)
		rc = gather(pushing, err);
	if (rc == 0)
		rc = store_staging_make(store, &pushing->staging, err);
	if (rc < 0)
		return rc;
	rc = push_staged(pushing, lock, ret_pushed, err);
	remote_done(&pushing->remote);
	store_staging_done(store, &pushing->staging);
	return rc;
}

int store_push(struct store *store, const struct store_push *request,
	       struct store_pushed *ret_pushed, struct err *err)
{
	struct pushing pushing = {.store = store,
				  .request = request,
				  .arena = ARENA_INIT(STORE_ARENA_MAX),
				  .remote = REMOTE_INIT};
	struct err ignored;

	pushing.report.arena = &pushing.arena;
	int rc = reference_parse(request->destination, &pushing.to, err);
	if (rc == 0 && pushing.to.digest[0] != '\0')
		rc = err_set(err, ERR_INVALID, 0,
			     "'%.200s' has a digest: a push is to a name with a tag",
			     request->destination);
	if (rc == 0)
		rc = push_locked(&pushing, ret_pushed, err);
	store_image_free(pushing.image);
	arena_done(&pushing.arena);
	(void)store_trash_empty_later(store, request->program, &ignored);
	return rc < 0 ? err_wrap(err, rc, "push '%s'", request->destination) : 0;
}
