#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "kern/uapi.h"
#include "store/internal.h"

#define DB_NAME "corten.db"

static const char *const store_schema[] = {
	"CREATE TABLE images("
	" id TEXT PRIMARY KEY,"
	" manifest TEXT,"
	" created_s INTEGER NOT NULL,"
	" loaded_s INTEGER NOT NULL,"
	" architecture TEXT,"
	" os TEXT) WITHOUT ROWID;"
	"CREATE INDEX images_by_manifest ON images(manifest) WHERE manifest IS NOT NULL;"
	"CREATE TABLE image_names("
	" name TEXT PRIMARY KEY,"
	" image TEXT NOT NULL REFERENCES images(id)) WITHOUT ROWID;"
	"CREATE INDEX image_names_by_image ON image_names(image);"
	"CREATE TABLE layers("
	" diff_id TEXT PRIMARY KEY,"
	" size_bytes INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE image_layers("
	" image TEXT NOT NULL REFERENCES images(id),"
	" position INTEGER NOT NULL,"
	" diff_id TEXT NOT NULL REFERENCES layers(diff_id),"
	" PRIMARY KEY(image, position)) WITHOUT ROWID;"
	"CREATE INDEX image_layers_by_layer ON image_layers(diff_id);",
	/* A digest of a repository may be that of an index of many platforms: each image has its own. */
	"CREATE TABLE image_digests("
	" name TEXT NOT NULL,"
	" image TEXT NOT NULL REFERENCES images(id),"
	" PRIMARY KEY(name, image)) WITHOUT ROWID;"
	"CREATE INDEX image_digests_by_image ON image_digests(image);",
	/* Packed forms of layers, and where they were seen: checked by unpacking or packing, never by a name alone. */
	"CREATE TABLE layer_blobs("
	" diff_id TEXT NOT NULL REFERENCES layers(diff_id) ON DELETE CASCADE,"
	" digest TEXT NOT NULL,"
	" repository TEXT NOT NULL," /* "docker.io/library/busybox"; "": in an archive */
	" size_bytes INTEGER NOT NULL,"
	" media_type TEXT NOT NULL,"
	" seen_s INTEGER NOT NULL,"
	" PRIMARY KEY(diff_id, digest, repository)) WITHOUT ROWID;",
};

/* Every folder on the way to the root that is missing is made closed to others. */
static int make_root(const char *root, struct err *err)
{
	char path[4096];

	if (root[0] != '/' || strlen(root) >= sizeof(path))
		return err_set(err, ERR_INVALID, EINVAL,
			       "store root '%.200s' is not an absolute path", root);
	(void)snprintf(path, sizeof(path), "%s", root);
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return err_errno(err, "make folder '%s'", path);
		*slash = '/';
	}
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_errno(err, "make folder '%s'", path);
	return 0;
}

static int make_folders(int root_fd, struct err *err)
{
	static const char *const folders[] = {"blobs", "blobs/sha256", "layers", "staging",
					      "trash"};

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (mkdirat(root_fd, folders[i], 0700) < 0 && errno != EEXIST)
			return err_errno(err, "make folder '%s'", folders[i]);
	}
	return 0;
}

static int open_into(struct store *store, const char *root, struct err *err)
{
	char path[4096 + sizeof(DB_NAME) + 1];

	store->root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->root_fd < 0 && errno == ENOENT) {
		int rc = make_root(root, err);
		if (rc < 0)
			return rc;
		store->root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (store->root_fd < 0)
		return err_errno(err, "open '%s'", root);
	/* The folders are there before the database is: its presence stands for theirs. */
	if (faccessat(store->root_fd, DB_NAME, F_OK, 0) < 0) {
		int rc = make_folders(store->root_fd, err);
		if (rc < 0)
			return rc;
	}
	if (snprintf(path, sizeof(path), "%s/" DB_NAME, root) >= (int)sizeof(path))
		return err_set(err, ERR_INVALID, ENAMETOOLONG, "store root '%.200s'", root);
	int rc = db_open(path, &store->db, err);
	if (rc < 0)
		return rc;
	return db_migrate(store->db, DB_STORE, store_schema,
			  sizeof(store_schema) / sizeof(store_schema[0]), err);
}

int store_open(const char *root, struct store **ret_store, struct err *err)
{
	struct store *store = calloc(1, sizeof(*store));

	if (store == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "open the store '%s'", root);
	store->root_fd = FD_NONE;
	store->root = strdup(root);
	int rc = store->root ? open_into(store, root, err)
			     : err_set(err, ERR_SYSTEM, ENOMEM, "copy the root's name");
	if (rc < 0) {
		store_close(store);
		return err_wrap(err, rc, "open the store '%s'", root);
	}
	*ret_store = store;
	return 0;
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	db_close(store->db);
	fd_closep(&store->root_fd);
	free(store->root);
	free(store);
}

struct db *store_db(struct store *store)
{
	return store->db;
}

int store_root_fd(const struct store *store)
{
	return store->root_fd;
}

int store_folder_open(const struct store *store, const char *name, struct err *err)
{
	int fd = openat(store->root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, "open '%s/%s'", store->root, name);
	return fd;
}

static int lock_open(const struct store *store, struct err *err)
{
	int fd = openat(store->root_fd, "load.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
			0600);

	if (fd < 0)
		return err_errno(err, "open '%s/load.lock'", store->root);
	return fd;
}

int store_lock_shared(const struct store *store, struct err *err)
{
	auto_fd fd = lock_open(store, err);

	if (fd < 0)
		return fd;
	while (flock(fd, LOCK_SH) < 0) {
		if (errno != EINTR)
			return err_errno(err, "lock '%s/load.lock'", store->root);
	}
	return fd_take(&fd);
}

int store_lock_exclusive(const struct store *store, bool *ret_locked, struct err *err)
{
	auto_fd fd = lock_open(store, err);

	*ret_locked = false;
	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK || errno == EINTR)
			return FD_NONE;
		return err_errno(err, "lock '%s/load.lock'", store->root);
	}
	*ret_locked = true;
	return fd_take(&fd);
}

int store_layer_open(struct store *store, const char *diff_id, struct err *err)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	char path[96];

	(void)snprintf(path, sizeof(path), "layers/%.64s/diff", diff_id);
	int fd = uapi_openat2(store->root_fd, path, &how);
	if (fd < 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, ENOENT,
			       "layer sha256:%.64s has vanished from '%s': load its image again",
			       diff_id, store->root);
	if (fd < 0)
		return err_errno(err, "open layer '%s/%s'", store->root, path);
	return fd;
}

int store_strings_add(json_strings *list, const char *text, size_t max, struct arena *arena,
		      struct err *err)
{
	/* Lists double when their count is a power of two; the arena keeps the old block. */
	if ((list->count & (list->count - 1)) == 0) {
		size_t room = list->count == 0 ? 1 : list->count * 2;
		const char **items = arena_alloc(arena, room * sizeof(*items));
		if (items != NULL && list->count > 0)
			memcpy(items, list->items, list->count * sizeof(*items));
		if (items == NULL || list->count >= max)
			return err_set(err, ERR_INVALID, ENOMEM, "more than %zu names", max);
		list->items = items;
	}
	char *copy = arena_strndup(arena, text, strlen(text));
	if (copy == NULL || list->count >= max)
		return err_set(err, ERR_INVALID, ENOMEM, "more than %zu names", max);
	list->items[list->count++] = copy;
	return 0;
}
