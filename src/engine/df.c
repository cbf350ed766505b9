#include "engine/df.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "engine/spec/list.h"
#include "store/usage.h"

struct counting {
	struct engine *engine;
	struct arena *arena;
	struct engine_df *df;
	engine_images images;
	struct err *err;
};

/* Called for each name in a folder; fd is the folder's. */
typedef int entry_fn(struct counting *counting, int fd, const char *name);

static int each_entry(struct counting *counting, int dirfd, const char *folder, entry_fn *fn)
{
	int fd = openat(dirfd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : err_errno(counting->err, "open '%s'", folder);
	DIR *dir = fdopendir(fd);
	if (dir == NULL) {
		(void)close(fd);
		return err_errno(counting->err, "read '%s'", folder);
	}
	int rc = 0;
	struct dirent *entry;
	while (rc == 0 && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = fn(counting, fd, entry->d_name);
	}
	(void)closedir(dir);
	return rc;
}

static int measure(struct counting *counting, int fd, const char *name, int64_t *ret_bytes)
{
	struct store_usage usage = {0};
	int rc = store_usage_tree(fd, name, &usage, counting->err);

	*ret_bytes = usage.disk_bytes;
	return rc;
}

static void add(struct counting *counting, enum engine_df_kind kind, int64_t bytes, bool active)
{
	struct engine_df_row *row = &counting->df->rows[kind];

	row->total++;
	row->active += active;
	row->bytes += bytes;
	row->reclaimable_bytes += active ? 0 : bytes;
}

/* A folder itself, without what is in it. */
static int add_bare(struct counting *counting, int fd, const char *name)
{
	struct engine_df_row *row = &counting->df->rows[ENGINE_DF_OTHER];
	struct stat st;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_errno(counting->err, "look at '%s'", name);
	row->total++;
	row->active++;
	row->bytes += (int64_t)st.st_blocks * 512;
	return 0;
}

/* ---- layers and images ---- */

static int count_layer(struct counting *counting, int fd, const char *name)
{
	struct engine_df_layer *layer =
		list_push(&counting->df->layers, sizeof(*layer), counting->arena);

	if (layer == NULL)
		return list_no_memory(counting->err);
	layer->id = arena_strndup(counting->arena, name, strlen(name));
	if (layer->id == NULL)
		return list_no_memory(counting->err);
	return measure(counting, fd, name, &layer->bytes);
}

static int by_id(const void *a, const void *b)
{
	const struct engine_df_layer *one = a, *two = b;

	return strcmp(one->id, two->id);
}

static struct engine_df_layer *find_layer(struct engine_df *df, const char *id)
{
	const struct engine_df_layer key = {.id = id};

	if (df->layers.count == 0)
		return NULL;
	return bsearch(&key, df->layers.items, df->layers.count, sizeof(key), by_id);
}

static void use_layers(struct engine_df *df, const struct engine_df_image *image)
{
	for (size_t i = 0; i < image->image.layers.count; i++) {
		struct engine_df_layer *layer = find_layer(df, image->image.layers.items[i]);
		if (layer == NULL)
			continue;
		layer->images++;
		layer->active |= image->containers > 0;
	}
}

static void size_image(struct engine_df *df, struct engine_df_image *image)
{
	for (size_t i = 0; i < image->image.layers.count; i++) {
		const struct engine_df_layer *layer = find_layer(df, image->image.layers.items[i]);
		if (layer == NULL)
			continue;
		image->bytes += layer->bytes;
		image->shared_bytes += layer->images > 1 ? layer->bytes : 0;
	}
}

static int count_images(struct counting *counting, int root)
{
	struct engine_df *df = counting->df;
	struct engine_df_row *row = &df->rows[ENGINE_DF_IMAGES];

	int rc = each_entry(counting, root, "layers", count_layer);
	if (rc < 0)
		return rc;
	if (df->layers.count > 0)
		qsort(df->layers.items, df->layers.count, sizeof(*df->layers.items), by_id);
	for (size_t i = 0; i < counting->images.count; i++) {
		struct engine_df_image *image =
			list_push(&df->images, sizeof(*image), counting->arena);
		if (image == NULL)
			return list_no_memory(counting->err);
		image->image = counting->images.items[i];
		for (size_t j = 0; j < df->containers.count; j++)
			image->containers += strcmp(df->containers.items[j].container.image_id,
						    image->image.id) == 0;
		row->total++;
		row->active += image->containers > 0;
		use_layers(df, image);
	}
	for (size_t i = 0; i < df->images.count; i++)
		size_image(df, &df->images.items[i]);
	for (size_t i = 0; i < df->layers.count; i++) {
		row->bytes += df->layers.items[i].bytes;
		row->reclaimable_bytes +=
			df->layers.items[i].active ? 0 : df->layers.items[i].bytes;
	}
	return 0;
}

/* ---- containers ---- */

static int count_container(struct counting *counting, int fd, const char *name)
{
	struct engine_df *df = counting->df;
	int64_t bytes = 0;

	int rc = measure(counting, fd, name, &bytes);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < df->containers.count; i++) {
		struct engine_df_container *one = &df->containers.items[i];
		if (strcmp(one->container.id, name) != 0)
			continue;
		one->bytes = bytes;
		df->rows[ENGINE_DF_CONTAINERS].bytes += bytes;
		if (one->container.status != ENGINE_RUNNING)
			df->rows[ENGINE_DF_CONTAINERS].reclaimable_bytes += bytes;
		return 0;
	}
	/* A killed command's leftover; the next removal takes it. */
	df->rows[ENGINE_DF_CONTAINERS].bytes += bytes;
	df->rows[ENGINE_DF_CONTAINERS].reclaimable_bytes += bytes;
	return 0;
}

static int list_containers(struct counting *counting)
{
	struct engine_df *df = counting->df;
	struct engine_df_row *row = &df->rows[ENGINE_DF_CONTAINERS];
	engine_containers all = {0};

	int rc = engine_container_list(counting->engine, counting->arena, &all, counting->err);
	for (size_t i = 0; rc == 0 && i < all.count; i++) {
		struct engine_df_container *one =
			list_push(&df->containers, sizeof(*one), counting->arena);
		if (one == NULL)
			return list_no_memory(counting->err);
		one->container = all.items[i];
		row->total++;
		row->active += all.items[i].status == ENGINE_RUNNING;
	}
	return rc;
}

/* ---- the rest ---- */

static int count_document(struct counting *counting, int fd, const char *name)
{
	int64_t bytes = 0;
	bool needed = false;

	int rc = measure(counting, fd, name, &bytes);
	for (size_t i = 0; !needed && i < counting->images.count; i++) {
		const struct engine_image *image = &counting->images.items[i];
		needed = strcmp(image->id, name) == 0 ||
			 (image->manifest != NULL && strcmp(image->manifest, name) == 0);
	}
	add(counting, ENGINE_DF_DOCUMENTS, bytes, needed);
	return rc;
}

/* Whoever works holds the lock beside the folder. */
static bool is_locked(int fd, const char *name)
{
	char lock[NAME_MAX + 1];

	if (strlen(name) + sizeof(".lock") > sizeof(lock))
		return false;
	(void)snprintf(lock, sizeof(lock), "%s.lock", name);
	auto_fd file = openat(fd, lock, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return file >= 0 && flock(file, LOCK_SH | LOCK_NB) < 0;
}

static int count_staged(struct counting *counting, int fd, const char *name)
{
	const char *dot = strrchr(name, '.');
	int64_t bytes = 0;

	if (dot != NULL && strcmp(dot, ".lock") == 0)
		return add_bare(counting, fd, name);
	int rc = measure(counting, fd, name, &bytes);
	add(counting, ENGINE_DF_STAGING, bytes, is_locked(fd, name));
	return rc;
}

static int count_trash(struct counting *counting, int fd, const char *name)
{
	int64_t bytes = 0;
	int rc = measure(counting, fd, name, &bytes);

	add(counting, ENGINE_DF_TRASH, bytes, false);
	return rc;
}

static int count_blobs(struct counting *counting, int fd, const char *name)
{
	if (strcmp(name, "sha256") != 0)
		return count_trash(counting, fd, name);
	int rc = add_bare(counting, fd, name);
	return rc < 0 ? rc : each_entry(counting, fd, name, count_document);
}

/* A name right beneath the root. */
static int count_top(struct counting *counting, int fd, const char *name)
{
	static const struct {
		const char *name;
		entry_fn *fn; /* NULL: counted beforehand */
	} folders[] = {{"layers", NULL},
		       {"containers", count_container},
		       {"blobs", count_blobs},
		       {"staging", count_staged},
		       {"trash", count_trash}};
	int64_t bytes = 0;

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (strcmp(folders[i].name, name) != 0)
			continue;
		int rc = add_bare(counting, fd, name);
		return rc < 0 || folders[i].fn == NULL
			       ? rc
			       : each_entry(counting, fd, name, folders[i].fn);
	}
	int rc = measure(counting, fd, name, &bytes);
	bool database = strncmp(name, "corten.db", strlen("corten.db")) == 0;
	add(counting, database ? ENGINE_DF_DATABASE : ENGINE_DF_OTHER, bytes, true);
	return rc;
}

int engine_df(struct engine *engine, struct arena *arena, struct engine_df *ret_df, struct err *err)
{
	struct engine_df df = {0};
	struct counting counting = {.engine = engine, .arena = arena, .df = &df, .err = err};
	int root = store_root_fd(engine->store);

	int rc = engine_image_list(engine, arena, &counting.images, err);
	if (rc == 0)
		rc = list_containers(&counting);
	if (rc == 0)
		rc = count_images(&counting, root);
	if (rc == 0)
		rc = add_bare(&counting, root, ".");
	if (rc == 0)
		rc = each_entry(&counting, root, ".", count_top);
	if (rc == 0)
		*ret_df = df;
	return rc < 0 ? err_wrap(err, rc, "account for '%s'", engine->root) : 0;
}
