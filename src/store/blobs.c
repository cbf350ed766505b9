#include "store/blobs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/str.h"

#define ROWS_MAX 256 /* of one layer: more repositories are not looked at */

int blobs_note(struct store *store, const struct blobs_seen *seen, struct err *err)
{
	DB_STMT(stmt);

	int rc = db_prepare(store->db,
			    "INSERT INTO layer_blobs(diff_id, digest, repository, size_bytes,"
			    " media_type, seen_s)"
			    " SELECT diff_id, ?2, ?3, ?4, ?5, ?6 FROM layers WHERE diff_id = ?1"
			    " AND (?7 OR EXISTS(SELECT 1 FROM layer_blobs"
			    " WHERE diff_id = ?1 AND digest = ?2))"
			    " ON CONFLICT DO UPDATE SET seen_s = excluded.seen_s",
			    &stmt, err);
	if (rc < 0)
		return rc;
	db_bind_text(&stmt, 1, seen->diff_id);
	db_bind_text(&stmt, 2, seen->digest);
	db_bind_text(&stmt, 3, seen->repository);
	db_bind_int(&stmt, 4, seen->size_bytes);
	db_bind_text(&stmt, 5, seen->media_type);
	db_bind_int(&stmt, 6, (int64_t)time(NULL));
	db_bind_int(&stmt, 7, seen->proved);
	return db_step(&stmt, err);
}

static bool was_unpacked(const struct helper_report *report, const char *diff_id)
{
	for (size_t i = 0; i < report->layer_count; i++) {
		if (strcmp(report->layers[i].diff_id, diff_id) == 0)
			return true;
	}
	return false;
}

int blobs_note_manifest(struct store *store, const struct oci_manifest *manifest,
			const json_strings *diff_ids, const char *repository,
			const struct helper_report *report, struct err *err)
{
	int rc = 0;

	if (manifest->layers.count != diff_ids->count)
		return 0;
	for (size_t i = 0; i < diff_ids->count && rc == 0; i++) {
		const struct oci_descriptor *layer = &manifest->layers.items[i];
		const char *digest = layer->digest ? str_after(layer->digest, "sha256:") : NULL;
		const char *diff_id = str_after(diff_ids->items[i], "sha256:");
		if (digest == NULL || diff_id == NULL || !reference_is_hex64(digest) ||
		    layer->media_type == NULL || strlen(layer->media_type) >= WIRE_MEDIA_MAX)
			continue;
		const struct blobs_seen seen = {.diff_id = diff_id,
						.digest = digest,
						.size_bytes = layer->size_bytes,
						.media_type = layer->media_type,
						.repository = repository,
						.proved = was_unpacked(report, diff_id)};
		rc = blobs_note(store, &seen, err);
	}
	return rc;
}

/* The layer's entry of that digest, made when it is new; NULL: there are enough. */
static struct wire_push_blob *entry_of(struct wire_push_layer *layer, struct db_stmt *stmt,
				       struct arena *arena)
{
	const char *digest = db_text(stmt, 0);

	for (size_t i = 0; i < layer->blobs.count; i++) {
		if (strcmp(layer->blobs.items[i].digest, digest) == 0)
			return &layer->blobs.items[i];
	}
	if (layer->blobs.count == BLOBS_MAX)
		return NULL;
	struct wire_push_blob *blob = &layer->blobs.items[layer->blobs.count];
	blob->digest = db_text_dup(stmt, 0, arena);
	blob->size_bytes = db_int(stmt, 2);
	blob->media_type = db_text_dup(stmt, 3, arena);
	if (blob->digest == NULL || blob->media_type == NULL)
		return NULL;
	layer->blobs.count++;
	return blob;
}

int blobs_find(struct store *store, const char *domain, struct wire_push_layer *layer,
	       struct arena *arena, struct err *err)
{
	int rows = 0;
	DB_STMT(stmt);

	layer->blobs.items = arena_alloc(arena, BLOBS_MAX * sizeof(*layer->blobs.items));
	if (layer->blobs.items == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "list packed layers");
	int rc = db_prepare(store->db,
			    "SELECT digest, repository, size_bytes, media_type FROM layer_blobs"
			    " WHERE diff_id = ?1 ORDER BY seen_s DESC, digest, repository",
			    &stmt, err);
	if (rc < 0)
		return rc;
	db_bind_text(&stmt, 1, layer->diff_id);
	while (rows++ < ROWS_MAX && (rc = db_step(&stmt, err)) > 0) {
		struct wire_push_blob *blob = entry_of(layer, &stmt, arena);
		const char *path = str_after(db_text(&stmt, 1), domain);
		if (blob == NULL || path == NULL || path[0] != '/')
			continue;
		rc = store_strings_add(&blob->repositories, path + 1, WIRE_MOUNTS_MAX, arena, err);
		if (rc < 0)
			break;
	}
	return rc < 0 ? rc : 0;
}
