#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "store/internal.h"
#include "store/reference.h"

int store_image_config_text(struct store *store, const char *id, struct buf *out, struct err *err)
{
	char path[96];

	(void)snprintf(path, sizeof(path), "blobs/sha256/%.64s", id);
	int rc = fd_read_file_at(store->root_fd, path, out, err);
	if (rc < 0)
		return err_wrap(err, rc, "configuration of image %.12s", id);
	return 0;
}

static int read_config(struct store *store, struct store_image *image, struct err *err)
{
	BUF_AUTO(text, STORE_DOCUMENT_MAX);
	int rc = store_image_config_text(store, image->id, &text, err);

	if (rc < 0)
		return rc;
	image->config = arena_alloc(&image->arena, sizeof(*image->config));
	if (image->config == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "configuration of image %.12s", image->id);
	rc = json_parse(&oci_image_config_shape, text.data, text.len, &image->arena, image->config,
			err);
	if (rc < 0)
		return err_wrap(err, rc, "configuration of image %.12s", image->id);
	return 0;
}

static int read_strings(struct store *store, const char *sql, struct store_image *image,
			json_strings *list, struct err *err)
{
	DB_STMT(stmt);

	int rc = db_prepare(store->db, sql, &stmt, err);
	if (rc < 0)
		return rc;
	db_bind_text(&stmt, 1, image->id);
	while ((rc = db_step(&stmt, err)) > 0) {
		int added = store_strings_add(list, db_text(&stmt, 0), STORE_NAMES_MAX,
					      &image->arena, err);
		if (added < 0)
			return added;
	}
	return rc;
}

#define IMAGE_COLUMNS                                                  \
	"id, manifest, created_s, loaded_s, architecture, os,"         \
	" (SELECT coalesce(sum(l.size_bytes), 0) FROM image_layers il" \
	"  JOIN layers l ON l.diff_id = il.diff_id WHERE il.image = images.id)"

/* Makes an image from a row of IMAGE_COLUMNS, with its names and layers. */
static int read_image(struct store *store, struct db_stmt *row, struct store_image **ret_image,
		      struct err *err)
{
	struct store_image *image = calloc(1, sizeof(*image));

	if (image == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "read an image");
	image->arena = ARENA_INIT(STORE_ARENA_MAX);
	image->id = db_text_dup(row, 0, &image->arena);
	image->manifest = db_text_dup(row, 1, &image->arena);
	image->created_s = db_int(row, 2);
	image->loaded_s = db_int(row, 3);
	image->architecture = db_text_dup(row, 4, &image->arena);
	image->os = db_text_dup(row, 5, &image->arena);
	image->size_bytes = db_int(row, 6);
	int rc = image->id ? 0 : err_set(err, ERR_SYSTEM, ENOMEM, "read an image");
	if (rc == 0)
		rc = read_strings(store,
				  "SELECT name FROM image_names WHERE image = ?1 ORDER BY name",
				  image, &image->names, err);
	if (rc == 0)
		rc = read_strings(store,
				  "SELECT name FROM image_digests WHERE image = ?1 ORDER BY name",
				  image, &image->digests, err);
	if (rc == 0)
		rc = read_strings(
			store,
			"SELECT diff_id FROM image_layers WHERE image = ?1 ORDER BY position",
			image, &image->layers, err);
	if (rc < 0) {
		store_image_free(image);
		return rc;
	}
	*ret_image = image;
	return 0;
}

void store_image_free(struct store_image *image)
{
	if (image == NULL)
		return;
	arena_done(&image->arena);
	free(image);
}

/* 1 and the id, 0: no such name. */
static int id_by_name(struct store *store, const char *text, char ret_id[65], struct err *err)
{
	char full[REFERENCE_TEXT_MAX];
	struct reference ref;
	struct err ignored;
	DB_STMT(stmt);

	if (reference_parse(text, &ref, &ignored) < 0)
		return 0;
	bool by_digest = ref.digest[0] != '\0';
	if (by_digest)
		ref.tag[0] = '\0';
	/* Of the images of one index the last one that was pulled. */
	int rc =
		db_prepare(store->db,
			   by_digest ? "SELECT id FROM images WHERE manifest = ?2 OR id = ?2"
				       " OR id IN (SELECT image FROM image_digests WHERE name = ?1)"
				       " ORDER BY loaded_s DESC"
				     : "SELECT image FROM image_names WHERE name = ?1",
			   &stmt, err);
	if (rc < 0)
		return rc;
	db_bind_text(&stmt, 1, reference_full(&ref, full));
	if (by_digest)
		db_bind_text(&stmt, 2, ref.digest + 7);
	rc = db_step(&stmt, err);
	if (rc > 0)
		(void)snprintf(ret_id, 65, "%s", db_text(&stmt, 0));
	return rc;
}

static int id_by_prefix(struct store *store, const char *hex, char ret_id[65], struct err *err)
{
	DB_STMT(stmt);

	int rc = db_prepare(store->db,
			    "SELECT id FROM images WHERE id >= ?1 AND id < ?1 || 'g'"
			    " UNION SELECT id FROM images WHERE manifest = ?1 LIMIT 2",
			    &stmt, err);
	if (rc < 0)
		return rc;
	db_bind_text(&stmt, 1, hex);
	rc = db_step(&stmt, err);
	if (rc <= 0)
		return rc;
	(void)snprintf(ret_id, 65, "%s", db_text(&stmt, 0));
	rc = db_step(&stmt, err);
	if (rc > 0)
		return err_set(err, ERR_CONFLICT, 0,
			       "image id '%s' is ambiguous: give more of its digits", hex);
	return rc < 0 ? rc : 1;
}

int store_image_find_id(struct store *store, const char *reference, char ret_id[65],
			bool *ret_by_name, struct err *err)
{
	char hex[65];

	int rc = id_by_name(store, reference, ret_id, err);
	*ret_by_name = rc > 0;
	if (rc == 0 && reference_is_id(reference, hex))
		rc = id_by_prefix(store, hex, ret_id, err);
	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, 0,
			       "No such image: %s (corten pull, load or import brings one)",
			       reference);
	return rc < 0 ? rc : 0;
}

int store_image_read(struct store *store, const char *id, struct store_image **ret_image,
		     struct err *err)
{
	DB_STMT(stmt);

	int rc = db_prepare(store->db, "SELECT " IMAGE_COLUMNS " FROM images WHERE id = ?1", &stmt,
			    err);
	if (rc < 0)
		return rc;
	db_bind_text(&stmt, 1, id);
	rc = db_step(&stmt, err);
	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, ENOENT, "no image %.12s", id);
	return rc < 0 ? rc : read_image(store, &stmt, ret_image, err);
}

int store_image_id(struct store *store, const char *reference, char ret_id[65], struct err *err)
{
	bool by_name;

	return store_image_find_id(store, reference, ret_id, &by_name, err);
}

int store_image_find(struct store *store, const char *reference, struct store_image **ret_image,
		     struct err *err)
{
	char id[65];
	bool by_name;
	struct store_image *image = NULL;

	int rc = store_image_find_id(store, reference, id, &by_name, err);
	if (rc == 0)
		rc = store_image_read(store, id, &image, err);
	if (rc < 0)
		return rc;
	rc = read_config(store, image, err);
	if (rc < 0) {
		store_image_free(image);
		return rc;
	}
	*ret_image = image;
	return 0;
}

int store_image_list(struct store *store, store_images *ret_images, struct err *err)
{
	store_images images = {0};
	size_t room = 0;
	DB_STMT(stmt);

	int rc = db_prepare(store->db,
			    "SELECT " IMAGE_COLUMNS " FROM images ORDER BY created_s DESC, id",
			    &stmt, err);
	if (rc < 0)
		return rc;
	while ((rc = db_step(&stmt, err)) > 0) {
		if (images.count == room) {
			room = room == 0 ? 16 : room * 2;
			struct store_image **more = realloc(images.items, room * sizeof(*more));
			if (more == NULL) {
				rc = err_set(err, ERR_SYSTEM, ENOMEM, "list images");
				break;
			}
			images.items = more;
		}
		rc = read_image(store, &stmt, &images.items[images.count], err);
		if (rc < 0)
			break;
		images.count++;
	}
	if (rc < 0) {
		store_images_free(&images);
		return rc;
	}
	*ret_images = images;
	return 0;
}

void store_images_free(store_images *images)
{
	for (size_t i = 0; i < images->count; i++)
		store_image_free(images->items[i]);
	free(images->items);
	*images = (store_images){0};
}

int store_image_layer_sizes(struct store *store, const char *id, int64_t *ret_sizes, size_t room,
			    struct err *err)
{
	size_t count = 0;
	DB_STMT(stmt);

	int rc = db_prepare(store->db,
			    "SELECT l.size_bytes FROM image_layers il"
			    " JOIN layers l ON l.diff_id = il.diff_id"
			    " WHERE il.image = ?1 ORDER BY il.position",
			    &stmt, err);
	if (rc < 0)
		return rc;
	db_bind_text(&stmt, 1, id);
	while (count < room && (rc = db_step(&stmt, err)) > 0)
		ret_sizes[count++] = db_int(&stmt, 0);
	return rc < 0 ? rc : (int)count;
}

int store_name_put(struct store *store, const char *name, const char *id, struct err *err)
{
	return db_run(store->db,
		      "INSERT INTO image_names(name, image) VALUES(?1, ?2)"
		      " ON CONFLICT(name) DO UPDATE SET image = excluded.image",
		      name, id, NULL, err);
}

int store_image_tag(struct store *store, const char *reference, const char *name, struct err *err)
{
	char full[REFERENCE_TEXT_MAX];
	struct reference ref;
	char id[65];
	bool by_name;

	int rc = reference_parse(name, &ref, err);
	if (rc < 0)
		return rc;
	if (ref.digest[0] != '\0')
		return err_set(err, ERR_INVALID, EINVAL,
			       "image name '%s': a name to give has no digest", name);
	DB_ROLLBACK_AT_END(db, store->db);
	rc = db_begin(db, err);
	if (rc == 0)
		rc = store_image_find_id(store, reference, id, &by_name, err);
	if (rc == 0)
		rc = store_name_put(store, reference_full(&ref, full), id, err);
	if (rc == 0)
		rc = db_commit(db, err);
	return rc < 0 ? err_wrap(err, rc, "tag image '%s'", reference) : 0;
}
