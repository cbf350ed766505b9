#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/uapi.h"
#include "store/blobs.h"
#include "store/helper.h"
#include "store/internal.h"
#include "store/reference.h"
#include "store/wire.h"

#define OPAQUE_BYTES_MAX ((size_t)16 << 20)

struct loading {
	struct store *store;
	const struct store_load *request;
	struct store_staging staging;
	struct helper_report report;
	struct store_loaded *loaded;
	struct oci_image_config *configs; /* one for each image of the report */
	struct oci_manifest *manifests;   /* the same; empty: it has none */
};

/* Writes the diff-ids of all layers into a memfd. */
static int make_known(struct store *store, struct err *err)
{
	auto_fd fd = memfd_create("known-layers", MFD_CLOEXEC);
	char line[66];
	DB_STMT(stmt);

	if (fd < 0)
		return err_errno(err, "make a memory file");
	int rc = db_prepare(store->db, "SELECT diff_id FROM layers ORDER BY diff_id", &stmt, err);
	while (rc == 0 && (rc = db_step(&stmt, err)) > 0) {
		/* One of an older version is unpacked again, for what was not kept of it. */
		if (!store_layer_is_whole(store, db_text(&stmt, 0))) {
			rc = 0;
			continue;
		}
		(void)snprintf(line, sizeof(line), "%.64s\n", db_text(&stmt, 0));
		rc = fd_write_all(fd, line, strlen(line));
		if (rc < 0)
			return err_set(err, ERR_SYSTEM, -rc, "list known layers");
	}
	if (rc < 0)
		return rc;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(err, "list known layers");
	return fd_take(&fd);
}

/* Nothing that the program left in its folder is opened through a link or out of it. */
static int open_staged(const struct loading *loading, const char *path, uint64_t flags)
{
	struct open_how how = {.flags = flags | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};

	return uapi_openat2(loading->staging.dir_fd, path, &how);
}

static int check_layers(const struct oci_image_config *config, struct err *err)
{
	if (config->rootfs.diff_ids.count > STORE_LAYERS_MAX)
		return err_set(err, ERR_INVALID, E2BIG, "%zu layers, more than %d",
			       config->rootfs.diff_ids.count, STORE_LAYERS_MAX);
	for (size_t i = 0; i < config->rootfs.diff_ids.count; i++) {
		const char *id = config->rootfs.diff_ids.items[i];
		if (strncmp(id, "sha256:", 7) != 0 || !reference_is_hex64(id + 7))
			return err_set(err, ERR_INVALID, EINVAL,
				       "rootfs.diff_ids[%zu]: '%.80s' is not a sha256 digest", i,
				       id);
	}
	return 0;
}

/* The program has ended: what it left stays what it is. A device is not opened at all. */
static int read_file(int folder, const char *name, struct buf *text, struct err *err)
{
	struct stat st;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, "look at staged '%s'", name);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, EINVAL, "staged '%s' is of the wrong kind", name);
	return fd_read_regular_at(folder, name, text, err);
}

/* A document, which must be what its name says. */
static int read_document(const struct loading *loading, const char *hex, struct buf *text,
			 struct err *err)
{
	char found[65];
	auto_fd folder = open_staged(loading, WIRE_BLOBS, O_RDONLY | O_DIRECTORY);

	if (folder < 0)
		return err_errno(err, "open the staged documents");
	int rc = read_file(folder, hex, text, err);
	if (rc < 0)
		return rc;
	return store_document_is(text, hex, found)
		       ? 0
		       : err_set(err, ERR_INVALID, EINVAL,
				 "the document staged as sha256:%s has the digest "
				 "sha256:%s",
				 hex, found);
}

/* Whether the manifest is that of the configuration. */
static int check_manifest(struct loading *loading, size_t index, struct err *err)
{
	const struct helper_image *image = &loading->report.images[index];
	struct oci_manifest *manifest = &loading->manifests[index];
	BUF_AUTO(text, STORE_DOCUMENT_MAX);

	if (image->manifest[0] == '\0')
		return 0;
	int rc = read_document(loading, image->manifest, &text, err);
	if (rc == 0)
		rc = json_parse(&oci_manifest_shape, text.data != NULL ? text.data : "", text.len,
				loading->report.arena, manifest, err);
	if (rc < 0)
		return rc;
	if (manifest->config == NULL || manifest->config->digest == NULL ||
	    strncmp(manifest->config->digest, "sha256:", 7) != 0 ||
	    strcmp(manifest->config->digest + 7, image->id) != 0)
		return err_set(err, ERR_INVALID, EINVAL,
			       "manifest sha256:%s is not of that configuration", image->manifest);
	return 0;
}

static int read_config(struct loading *loading, size_t index, struct err *err)
{
	const struct helper_image *image = &loading->report.images[index];
	BUF_AUTO(text, STORE_DOCUMENT_MAX);

	int rc = read_document(loading, image->id, &text, err);
	if (rc == 0)
		rc = json_parse(&oci_image_config_shape, text.data != NULL ? text.data : "",
				text.len, loading->report.arena, &loading->configs[index], err);
	if (rc == 0)
		rc = check_layers(&loading->configs[index], err);
	return rc < 0 ? rc : check_manifest(loading, index, err);
}

static int read_configs(struct loading *loading, struct err *err)
{
	size_t count = loading->report.image_count;

	loading->configs =
		arena_alloc(loading->report.arena, (count + 1) * sizeof(*loading->configs));
	loading->manifests =
		arena_alloc(loading->report.arena, (count + 1) * sizeof(*loading->manifests));
	if (loading->configs == NULL || loading->manifests == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "read configurations");
	for (size_t i = 0; i < count; i++) {
		int rc = read_config(loading, i, err);
		if (rc < 0)
			return err_wrap(err, rc, "image %.12s", loading->report.images[i].id);
	}
	return 0;
}

/*
 * Marks the opaque folders of a layer. Only CAP_SYS_ADMIN may write trusted.* attributes, and the
 * program that reads hostile bytes has none: it lists the folders instead.
 */
static int mark_opaque(int diff, const char *path, struct err *err)
{
	struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
	auto_fd fd = uapi_openat2(diff, path, &how);

	/* A later entry of the same layer may have put something else in its place. */
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return 0;
	if (fd < 0)
		return err_errno(err, "open opaque folder '%.200s'", path);
	if (fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0) < 0)
		return err_errno(err, "mark folder '%.200s' as opaque", path);
	return 0;
}

/* The folder of one staged layer, its `diff` seen to be a folder. */
static int open_layer(const struct loading *loading, const char *diff_id, int *ret_diff,
		      struct err *err)
{
	char path[128];

	(void)snprintf(path, sizeof(path), WIRE_LAYERS "/%s", diff_id);
	auto_fd layer = open_staged(loading, path, O_RDONLY | O_DIRECTORY);
	(void)snprintf(path, sizeof(path), WIRE_LAYERS "/%s/diff", diff_id);
	*ret_diff = open_staged(loading, path, O_PATH | O_DIRECTORY);
	if (layer < 0 || *ret_diff < 0)
		return err_errno(err, "open staged '%s'", path);
	return fd_take(&layer);
}

static int mark_layer(const struct loading *loading, const char *diff_id, struct err *err)
{
	BUF_AUTO(list, OPAQUE_BYTES_MAX);
	auto_fd diff = FD_NONE;
	auto_fd layer = open_layer(loading, diff_id, &diff, err);

	if (layer < 0)
		return layer;
	if (faccessat(layer, "opaque", F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 0;
	int rc = read_file(layer, "opaque", &list, err);
	for (size_t at = 0; at < list.len && rc == 0; at += strlen(list.data + at) + 1)
		rc = mark_opaque(diff, list.data[at] ? list.data + at : ".", err);
	if (rc < 0)
		return err_wrap(err, rc, "layer sha256:%s", diff_id);
	(void)unlinkat(layer, "opaque", 0);
	return 0;
}

/* Moves from/name in the staging folder, which must be of that kind, to the store's folder to_fd. */
static int move_one(const struct loading *loading, const char *from, const char *name, mode_t kind,
		    int to_fd, struct err *err)
{
	struct stat st;
	auto_fd folder = open_staged(loading, from, O_RDONLY | O_DIRECTORY);

	if (folder >= 0 && fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT &&
	    faccessat(to_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0; /* one image under two names: it was moved for the first */
	if (folder < 0 || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, "look at staged '%s/%s'", from, name);
	if ((st.st_mode & S_IFMT) != kind)
		return err_set(err, ERR_INVALID, EINVAL, "staged '%s/%s' is of the wrong kind",
			       from, name);
	/* What is there already was synced before it got its name, and its name is its content's. */
	if (renameat2(folder, name, to_fd, name, RENAME_NOREPLACE) < 0 && errno != EEXIST)
		return err_errno(err, "move '%s/%s' into the store", from, name);
	return 0;
}

static int move_layers(const struct loading *loading, struct err *err)
{
	auto_fd layers = store_folder_open(loading->store, "layers", err);
	int rc = layers < 0 ? layers : 0;

	for (size_t i = 0; i < loading->report.layer_count && rc == 0; i++)
		rc = move_one(loading, WIRE_LAYERS, loading->report.layers[i].diff_id, S_IFDIR,
			      layers, err);
	for (size_t i = 0; i < loading->report.layer_count && rc == 0; i++)
		rc = store_layer_complete(loading->store, loading->staging.dir_fd,
					  loading->report.layers[i].diff_id, err);
	if (rc == 0 && fsync(layers) < 0)
		rc = err_errno(err, "sync the layers' folder");
	return rc;
}

static int move_blobs(const struct loading *loading, struct err *err)
{
	auto_fd blobs = store_folder_open(loading->store, "blobs/sha256", err);
	int rc = blobs < 0 ? blobs : 0;

	for (size_t i = 0; i < loading->report.image_count && rc == 0; i++) {
		const struct helper_image *image = &loading->report.images[i];
		rc = move_one(loading, WIRE_BLOBS, image->id, S_IFREG, blobs, err);
		if (rc == 0 && image->manifest[0] != '\0')
			rc = move_one(loading, WIRE_BLOBS, image->manifest, S_IFREG, blobs, err);
	}
	if (rc == 0 && fsync(blobs) < 0)
		rc = err_errno(err, "sync the blobs' folder");
	return rc;
}

/* RFC 3339 to Unix time; 0 when it is absent or no date. */
static int64_t parse_time(const char *text)
{
	struct tm tm = {0};
	const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	struct tm zone = {0};

	if (rest == NULL)
		return 0;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (*rest != 'Z' &&
	    ((*rest != '+' && *rest != '-') || strptime(rest + 1, "%H:%M", &zone) == NULL))
		return 0;
	int64_t offset = (int64_t)zone.tm_hour * 3600 + zone.tm_min * 60;
	return (int64_t)timegm(&tm) - (*rest == '-' ? -offset : offset);
}

static int insert_layers(struct loading *loading, const struct helper_image *image,
			 const struct oci_image_config *config, struct err *err)
{
	DB_STMT(stmt);

	int rc = db_prepare(loading->store->db,
			    "INSERT OR IGNORE INTO image_layers(image, position, diff_id)"
			    " VALUES(?1, ?2, ?3)",
			    &stmt, err);
	for (size_t i = 0; i < config->rootfs.diff_ids.count && rc == 0; i++) {
		const char *diff_id = config->rootfs.diff_ids.items[i] + 7;
		db_reset(&stmt);
		db_bind_text(&stmt, 1, image->id);
		db_bind_int(&stmt, 2, (int64_t)i);
		db_bind_text(&stmt, 3, diff_id);
		rc = db_step(&stmt, err);
		if (rc < 0)
			err_wrap(err, rc, "layer sha256:%s", diff_id);
	}
	return rc;
}

static int insert_image(struct loading *loading, const struct helper_image *image,
			const struct oci_image_config *config, struct err *err)
{
	DB_STMT(stmt);

	int rc =
		db_prepare(loading->store->db,
			   "INSERT INTO images(id, manifest, created_s, loaded_s, architecture, os)"
			   " VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(id) DO UPDATE SET"
			   " manifest = coalesce(manifest, excluded.manifest),"
			   " loaded_s = excluded.loaded_s",
			   &stmt, err);
	if (rc < 0)
		return rc;
	db_bind_text(&stmt, 1, image->id);
	db_bind_text(&stmt, 2, image->manifest[0] ? image->manifest : NULL);
	db_bind_int(&stmt, 3, parse_time(config->created));
	db_bind_int(&stmt, 4, (int64_t)time(NULL));
	db_bind_text(&stmt, 5, config->architecture);
	db_bind_text(&stmt, 6, config->os);
	rc = db_step(&stmt, err);
	return rc < 0 ? rc : insert_layers(loading, image, config, err);
}

/* Completes a name, gives it to the image and notes it for the caller. */
static int insert_name(struct loading *loading, struct store_loaded_image *image, const char *name,
		       struct err *err)
{
	char full[REFERENCE_TEXT_MAX];
	struct reference ref;

	int rc = reference_parse(name, &ref, err);
	if (rc < 0)
		return rc;
	ref.digest[0] = '\0';
	if (ref.tag[0] == '\0')
		(void)snprintf(ref.tag, sizeof(ref.tag), "latest");
	rc = store_name_put(loading->store, reference_full(&ref, full), image->id, err);
	return rc < 0 ? rc
		      : store_strings_add(&image->names, full, STORE_NAMES_MAX,
					  &loading->loaded->arena, err);
}

/* A pulled image is known by the digest that its name stood for; one asked for by digest has no other name. */
static int insert_pulled(struct loading *loading, struct store_loaded_image *image,
			 const struct helper_image *from, struct err *err)
{
	char full[REFERENCE_TEXT_MAX];
	struct reference ref;

	int rc = reference_parse(loading->request->pulled, &ref, err);
	if (rc < 0)
		return rc;
	if (from->top[0] == '\0' ||
	    (ref.digest[0] != '\0' && strcmp(ref.digest + strlen("sha256:"), from->top) != 0))
		return err_set(err, ERR_INVALID, EINVAL, "it has the digest sha256:%s", from->top);
	bool named = ref.digest[0] == '\0';
	if (named)
		rc = insert_name(loading, image, loading->request->pulled, err);
	ref.tag[0] = '\0';
	(void)snprintf(ref.digest, sizeof(ref.digest), "sha256:%s", from->top);
	if (rc == 0)
		rc = db_run(loading->store->db,
			    "INSERT OR IGNORE INTO image_digests(name, image) VALUES(?1, ?2)",
			    reference_full(&ref, full), image->id, NULL, err);
	if (rc < 0 || named)
		return rc;
	return store_strings_add(&image->names, full, STORE_NAMES_MAX, &loading->loaded->arena,
				 err);
}

static int insert_names(struct loading *loading, size_t index, struct err *err)
{
	struct store_loaded_image *image = &loading->loaded->items[index];
	const struct helper_image *from = &loading->report.images[index];

	image->id = arena_strndup(&loading->loaded->arena, from->id, 64);
	if (image->id == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "name an image");
	if (loading->request->source == STORE_PULL)
		return insert_pulled(loading, image, from, err);
	if (loading->request->name != NULL)
		return insert_name(loading, image, loading->request->name, err);
	int rc = 0;
	for (size_t i = 0; i < from->names.count && rc == 0; i++)
		rc = insert_name(loading, image, from->names.items[i], err);
	return rc;
}

/* Which blobs the layers came from, and where they can be had again. */
static int insert_blobs(struct loading *loading, size_t index, struct err *err)
{
	char repository[REFERENCE_TEXT_MAX] = "";
	struct reference ref;

	if (loading->request->source == STORE_IMPORT)
		return 0;
	if (loading->request->pulled != NULL &&
	    reference_parse(loading->request->pulled, &ref, err) == 0)
		(void)snprintf(repository, sizeof(repository), "%s/%s", ref.domain, ref.path);
	return blobs_note_manifest(loading->store, &loading->manifests[index],
				   &loading->configs[index].rootfs.diff_ids, repository,
				   &loading->report, err);
}

static int insert_all(struct loading *loading, struct err *err)
{
	const struct helper_report *report = &loading->report;
	DB_STMT(stmt);

	int rc = db_prepare(loading->store->db,
			    "INSERT OR IGNORE INTO layers(diff_id, size_bytes) VALUES(?1, ?2)",
			    &stmt, err);
	for (size_t i = 0; i < report->layer_count && rc == 0; i++) {
		db_reset(&stmt);
		db_bind_text(&stmt, 1, report->layers[i].diff_id);
		db_bind_int(&stmt, 2, report->layers[i].size_bytes);
		rc = db_step(&stmt, err);
	}
	for (size_t i = 0; i < report->image_count && rc == 0; i++) {
		rc = insert_image(loading, &report->images[i], &loading->configs[i], err);
		if (rc == 0)
			rc = insert_names(loading, i, err);
		if (rc == 0)
			rc = insert_blobs(loading, i, err);
		if (rc < 0)
			err_wrap(err, rc, "image %.12s", report->images[i].id);
	}
	return rc;
}

/* Synced, moved to their names, then named in the database: cut anywhere, the store is valid. */
static int commit(struct loading *loading, struct err *err)
{
	struct store_loaded *loaded = loading->loaded;
	size_t count = loading->report.image_count;

	loaded->items = arena_alloc(&loaded->arena, (count + 1) * sizeof(*loaded->items));
	if (loaded->items == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "list loaded images");
	loaded->count = count;
	int rc = read_configs(loading, err);
	for (size_t i = 0; i < loading->report.layer_count && rc == 0; i++)
		rc = mark_layer(loading, loading->report.layers[i].diff_id, err);
	if (rc == 0 && syncfs(loading->store->root_fd) < 0)
		rc = err_errno(err, "sync '%s'", loading->store->root);
	if (rc == 0)
		rc = move_layers(loading, err);
	if (rc == 0)
		rc = move_blobs(loading, err);
	if (rc < 0)
		return rc;
	DB_ROLLBACK_AT_END(db, loading->store->db);
	rc = db_begin(db, err);
	if (rc == 0)
		rc = insert_all(loading, err);
	return rc < 0 ? rc : db_commit(db, err);
}

static int load_locked(struct loading *loading, int lock_fd, struct err *err)
{
	struct store *store = loading->store;
	auto_fd known = make_known(store, err);

	if (known < 0)
		return known;
	int rc = store_staging_make(store, &loading->staging, err);
	if (rc < 0)
		return rc;
	const struct helper helper = {.request = loading->request,
				      .staging_fd = loading->staging.dir_fd,
				      .known_fd = known,
				      .lock_fds = {loading->staging.lock_fd, lock_fd}};
	rc = helper_run(&helper, &loading->report, err);
	bool one = loading->request->name != NULL || loading->request->source == STORE_PULL;
	if (rc == 0 && one && loading->report.image_count != 1)
		rc = err_set(err, ERR_INVALID, EINVAL,
			     "one name was given, but the archive holds %zu images",
			     loading->report.image_count);
	if (rc == 0)
		rc = commit(loading, err);
	store_staging_done(store, &loading->staging);
	return rc;
}

int store_load(struct store *store, const struct store_load *request,
	       struct store_loaded *ret_loaded, struct err *err)
{
	ARENA_AUTO(arena, STORE_ARENA_MAX);
	struct store_loaded loaded = {.arena = ARENA_INIT(STORE_ARENA_MAX)};
	struct loading loading = {
		.store = store, .request = request, .report = {.arena = &arena}, .loaded = &loaded};
	struct reference ignored;

	int rc = request->name ? reference_parse(request->name, &ignored, err) : 0;
	if (rc < 0)
		return rc;
	{
		auto_fd lock = store_lock_shared(store, err);
		rc = lock < 0 ? lock : load_locked(&loading, lock, err);
	}
	/* Leftovers of this and earlier attempts; that they stay for the next one is no failure. */
	struct err ignored_err;
	(void)store_free_layers(store, &ignored_err);
	(void)store_trash_empty_later(store, request->program, &ignored_err);
	if (rc < 0) {
		static const char *const tasks[] = {[STORE_LOAD] = "load an archive",
						    [STORE_IMPORT] = "import an image",
						    [STORE_PULL] = "unpack the image"};
		store_loaded_done(&loaded);
		return err_wrap(err, rc, "%s", tasks[request->source]);
	}
	*ret_loaded = loaded;
	return 0;
}

void store_loaded_done(struct store_loaded *loaded)
{
	arena_done(&loaded->arena);
	*loaded = (struct store_loaded){0};
}
