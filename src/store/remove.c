#include "store/store.h"

#include <errno.h>
#include <string.h>

#include "store/internal.h"
#include "store/reference.h"

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
		return err_set(err, ERR_CONFLICT, 0,
			       "image %.12s is used by running container %.64s: stop it first", id,
			       user);
	if (*ret_use == STORE_USED && !request->force)
		return err_set(
			err, ERR_CONFLICT, 0,
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

static int drop_all_names(struct removal *removal, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < removal->image->names.count && rc == 0; i++)
		rc = drop_name(removal, removal->image->names.items[i], err);
	return rc;
}

static int drop_image(struct removal *removal, struct err *err)
{
	struct db *db = removal->store->db;
	const char *id = removal->image->id;

	int rc = drop_all_names(removal, err);
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
		return err_set(err, ERR_CONFLICT, 0,
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
		rc = store_image_find_id(store, request->reference, id, &by_name, err);
	if (rc == 0)
		rc = store_image_read(store, id, &removal.image, err);
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

/* Bytes of layers that some image still needs. */
static int needed_bytes(struct store *store, int64_t *ret_bytes, struct err *err)
{
	DB_STMT(stmt);

	int rc = db_prepare(store->db,
			    "SELECT coalesce(sum(size_bytes), 0) FROM layers WHERE EXISTS"
			    " (SELECT 1 FROM image_layers il WHERE il.diff_id = layers.diff_id)",
			    &stmt, err);
	if (rc == 0)
		rc = db_step(&stmt, err);
	if (rc < 0)
		return rc;
	*ret_bytes = db_int(&stmt, 0);
	return 0;
}

static int add_pruned(struct removal *removal, struct store_pruned *pruned, struct err *err)
{
	struct store_removed *removed = removal->removed;
	const char *id = removal->image->id;

	int rc = drop_image(removal, err);
	for (size_t i = 0; i < removed->untagged.count && rc == 0; i++)
		rc = store_strings_add(&pruned->gone, removed->untagged.items[i], SIZE_MAX,
				       &pruned->arena, err);
	if (rc == 0)
		rc = store_strings_add(&pruned->gone, id, SIZE_MAX, &pruned->arena, err);
	return rc;
}

static int prune_one(struct store *store, const struct store_prune *request, const char *id,
		     struct store_pruned *pruned, struct err *err)
{
	struct store_removed removed = {.arena = ARENA_INIT(STORE_ARENA_MAX)};
	struct store_remove remove = {.use = request->use, .use_arg = request->use_arg};
	struct removal removal = {.store = store, .request = &remove, .removed = &removed};
	enum store_use use = STORE_UNUSED;
	struct err busy, gone;

	/* Somebody may have removed or named it since the caller chose it. */
	if (store_image_read(store, id, &removal.image, &gone) < 0)
		return 0;
	int rc = 0;
	if ((request->all || removal.image->names.count == 0) &&
	    check_use(&removal, &use, &busy) == 0 && use == STORE_UNUSED)
		rc = add_pruned(&removal, pruned, err);
	store_image_free(removal.image);
	store_removed_done(&removed);
	return rc;
}

static int prune_in_transaction(struct store *store, const struct store_prune *request,
				struct store_pruned *pruned, struct err *err)
{
	int64_t before = 0, after = 0;

	DB_ROLLBACK_AT_END(db, store->db);
	int rc = db_begin(db, err);
	if (rc == 0)
		rc = needed_bytes(store, &before, err);
	for (size_t i = 0; i < request->ids.count && rc == 0; i++)
		rc = prune_one(store, request, request->ids.items[i], pruned, err);
	if (rc == 0)
		rc = needed_bytes(store, &after, err);
	pruned->bytes = before - after;
	/* A dry run is the action itself, undone by the scope's end. */
	return rc == 0 && !request->dry_run ? db_commit(db, err) : rc;
}

int store_image_prune(struct store *store, const struct store_prune *request,
		      struct store_pruned *ret_pruned, struct err *err)
{
	struct store_pruned pruned = {.arena = ARENA_INIT(STORE_ARENA_MAX)};

	int rc = prune_in_transaction(store, request, &pruned, err);
	if (rc == 0 && !request->dry_run && pruned.gone.count > 0)
		rc = store_free_layers(store, err);
	if (rc < 0) {
		store_pruned_done(&pruned);
		return err_wrap(err, rc, "remove images that nothing uses");
	}
	*ret_pruned = pruned;
	return 0;
}

void store_pruned_done(struct store_pruned *pruned)
{
	arena_done(&pruned->arena);
	*pruned = (struct store_pruned){0};
}

/* A name that is the image's own: `untag` takes no other. */
static int drop_own_name(struct removal *removal, const char *text, struct err *err)
{
	char full[REFERENCE_TEXT_MAX];
	struct reference reference;

	int rc = reference_parse(text, &reference, err);
	if (rc < 0)
		return rc;
	const char *name = reference_full(&reference, full);
	for (size_t i = 0; i < removal->image->names.count; i++) {
		if (strcmp(removal->image->names.items[i], name) == 0)
			return drop_name(removal, name, err);
	}
	return err_set(err, ERR_NOT_FOUND, 0, "'%s' is no name of image %.12s", text,
		       removal->image->id);
}

int store_image_untag(struct store *store, const char *reference, const json_strings *names,
		      struct err *err)
{
	struct store_removed removed = {.arena = ARENA_INIT(STORE_ARENA_MAX)};
	struct removal removal = {.store = store, .removed = &removed};
	char id[65];
	bool by_name;

	DB_ROLLBACK_AT_END(db, store->db);
	int rc = db_begin(db, err);
	if (rc == 0)
		rc = store_image_find_id(store, reference, id, &by_name, err);
	if (rc == 0)
		rc = store_image_read(store, id, &removal.image, err);
	if (rc == 0 && names->count == 0)
		rc = drop_all_names(&removal, err);
	for (size_t i = 0; i < names->count && rc == 0; i++)
		rc = drop_own_name(&removal, names->items[i], err);
	if (rc == 0)
		rc = db_commit(db, err);
	store_image_free(removal.image);
	store_removed_done(&removed);
	return rc < 0 ? err_wrap(err, rc, "untag image '%s'", reference) : 0;
}
