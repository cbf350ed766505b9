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

/* How the image was found: by one of its names or by an id. */
static int find_id(struct store *store, const char *reference, char ret_id[65], bool *ret_by_name,
		   struct err *err)
{
	char hex[65];

	int rc = id_by_name(store, reference, ret_id, err);
	*ret_by_name = rc > 0;
	if (rc == 0 && reference_is_id(reference, hex))
		rc = id_by_prefix(store, hex, ret_id, err);
	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, ENOENT,
			       "no image '%s': pull, load or import it first", reference);
	return rc < 0 ? rc : 0;
}

static int read_by_id(struct store *store, const char *id, struct store_image **ret_image,
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

int store_image_find(struct store *store, const char *reference, struct store_image **ret_image,
		     struct err *err)
{
	char id[65];
	bool by_name;
	struct store_image *image = NULL;

	int rc = find_id(store, reference, id, &by_name, err);
	if (rc == 0)
		rc = read_by_id(store, id, &image, err);
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
		rc = find_id(store, reference, id, &by_name, err);
	if (rc == 0)
		rc = store_name_put(store, reference_full(&ref, full), id, err);
	if (rc == 0)
		rc = db_commit(db, err);
	return rc < 0 ? err_wrap(err, rc, "tag image '%s'", reference) : 0;
}

struct removal {
	struct store *store;
	const struct store_remove *request;
	struct store_image *image;
	struct store_removed *removed;
};

/* Refuses while a running container needs the image, or any container without force. */
static int check_use(const struct removal *removal, enum store_use *ret_use, struct err *err)
{
	const struct store_remove *request = removal->request;
	const char *id = removal->image->id;
	char user[65] = "";

	*ret_use = STORE_UNUSED;
	if (request->use == NULL)
		return 0;
	int rc = request->use(request->use_arg, id, user, ret_use, err);
	if (rc < 0)
		return rc;
	if (*ret_use == STORE_RUNNING)
		return err_set(err, ERR_CONFLICT, EBUSY,
			       "image %.12s is used by running container %.64s: stop it first", id,
			       user);
	if (*ret_use == STORE_USED && !request->force)
		return err_set(
			err, ERR_CONFLICT, EBUSY,
			"image %.12s is used by container %.64s: remove that first, or force", id,
			user);
	return 0;
}

static int drop_name(struct removal *removal, const char *name, struct err *err)
{
	struct store_removed *removed = removal->removed;

	int rc = db_run(removal->store->db, "DELETE FROM image_names WHERE name = ?1", name, NULL,
			NULL, err);
	if (rc < 0)
		return rc;
	return store_strings_add(&removed->untagged, name, STORE_NAMES_MAX, &removed->arena, err);
}

static int drop_image(struct removal *removal, struct err *err)
{
	struct db *db = removal->store->db;
	const char *id = removal->image->id;

	int rc = 0;
	for (size_t i = 0; i < removal->image->names.count && rc == 0; i++)
		rc = drop_name(removal, removal->image->names.items[i], err);
	if (rc == 0)
		rc = db_run(db, "DELETE FROM image_layers WHERE image = ?1", id, NULL, NULL, err);
	if (rc == 0)
		rc = db_run(db, "DELETE FROM image_digests WHERE image = ?1", id, NULL, NULL, err);
	if (rc == 0)
		rc = db_run(db, "DELETE FROM images WHERE id = ?1", id, NULL, NULL, err);
	if (rc < 0)
		return rc;
	removal->removed->deleted = arena_strndup(&removal->removed->arena, id, strlen(id));
	if (removal->removed->deleted == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "remove image %.12s", id);
	return 0;
}

static int drop_all_names(struct removal *removal, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < removal->image->names.count && rc == 0; i++)
		rc = drop_name(removal, removal->image->names.items[i], err);
	return rc;
}

static int remove_found(struct removal *removal, bool by_name, struct err *err)
{
	const struct store_remove *request = removal->request;
	const struct store_image *image = removal->image;
	enum store_use use;

	if (by_name && image->names.count > 1 && strchr(request->reference, '@') == NULL) {
		char full[REFERENCE_TEXT_MAX];
		struct reference ref;
		int rc = reference_parse(request->reference, &ref, err);
		return rc < 0 ? rc : drop_name(removal, reference_full(&ref, full), err);
	}
	if (!by_name && image->names.count > 1 && !request->force)
		return err_set(err, ERR_CONFLICT, EBUSY,
			       "image %.12s has %zu names: remove them by name, or force",
			       image->id, image->names.count);
	int rc = check_use(removal, &use, err);
	if (rc < 0)
		return rc;
	return use == STORE_USED ? drop_all_names(removal, err) : drop_image(removal, err);
}

static int remove_in_transaction(struct store *store, const struct store_remove *request,
				 struct store_removed *removed, struct err *err)
{
	struct removal removal = {.store = store, .request = request, .removed = removed};
	char id[65];
	bool by_name;

	DB_ROLLBACK_AT_END(db, store->db);
	int rc = db_begin(db, err);
	if (rc == 0)
		rc = find_id(store, request->reference, id, &by_name, err);
	if (rc == 0)
		rc = read_by_id(store, id, &removal.image, err);
	if (rc == 0)
		rc = remove_found(&removal, by_name, err);
	if (rc == 0)
		rc = db_commit(db, err);
	store_image_free(removal.image);
	return rc;
}

int store_image_remove(struct store *store, const struct store_remove *request,
		       struct store_removed *ret_removed, struct err *err)
{
	struct store_removed removed = {.arena = ARENA_INIT(STORE_ARENA_MAX)};

	int rc = remove_in_transaction(store, request, &removed, err);
	if (rc == 0 && removed.deleted != NULL)
		rc = store_free_layers(store, err);
	if (rc < 0) {
		store_removed_done(&removed);
		return err_wrap(err, rc, "remove image '%s'", request->reference);
	}
	*ret_removed = removed;
	return 0;
}

void store_removed_done(struct store_removed *removed)
{
	arena_done(&removed->arena);
	*removed = (struct store_removed){0};
}

/* The ids are read first: the callback may query the same database. */
static int prune_in_transaction(struct store *store, struct removal *removal, struct err *err)
{
	json_strings ids = {0};
	DB_STMT(stmt);

	int rc = db_prepare(store->db,
			    "SELECT id FROM images WHERE NOT EXISTS"
			    " (SELECT 1 FROM image_names n WHERE n.image = images.id)",
			    &stmt, err);
	while (rc == 0 && (rc = db_step(&stmt, err)) > 0)
		rc = store_strings_add(&ids, db_text(&stmt, 0), SIZE_MAX, &removal->removed->arena,
				       err);
	db_stmt_done(&stmt);
	for (size_t i = 0; i < ids.count && rc == 0; i++) {
		enum store_use use;
		struct err busy;
		rc = read_by_id(store, ids.items[i], &removal->image, err);
		if (rc == 0 && check_use(removal, &use, &busy) == 0 && use == STORE_UNUSED)
			rc = drop_image(removal, err);
		if (rc == 0 && removal->removed->deleted != NULL)
			rc = store_strings_add(&removal->removed->untagged, ids.items[i], SIZE_MAX,
					       &removal->removed->arena, err);
		removal->removed->deleted = NULL;
		store_image_free(removal->image);
		removal->image = NULL;
	}
	return rc;
}

int store_image_prune(struct store *store, store_use_fn *use, void *use_arg,
		      struct store_removed *ret_removed, struct err *err)
{
	struct store_removed removed = {.arena = ARENA_INIT(STORE_ARENA_MAX)};
	struct store_remove request = {.use = use, .use_arg = use_arg};
	struct removal removal = {.store = store, .request = &request, .removed = &removed};

	DB_ROLLBACK_AT_END(db, store->db);
	int rc = db_begin(db, err);
	if (rc == 0)
		rc = prune_in_transaction(store, &removal, err);
	if (rc == 0)
		rc = db_commit(db, err);
	if (rc == 0)
		rc = store_free_layers(store, err);
	if (rc < 0) {
		store_removed_done(&removed);
		return err_wrap(err, rc, "remove images without a name");
	}
	*ret_removed = removed;
	return 0;
}
