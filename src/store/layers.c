#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "store/internal.h"
#include "store/reference.h"

#define UNUSED_LAYERS "NOT EXISTS (SELECT 1 FROM image_layers il WHERE il.diff_id = layers.diff_id)"

/* Whether a statement with one text parameter gives a row. */
static int has_row(struct store *store, const char *sql, const char *text, struct err *err)
{
	DB_STMT(stmt);

	int rc = db_prepare(store->db, sql, &stmt, err);
	if (rc < 0)
		return rc;
	db_bind_text(&stmt, 1, text);
	return db_step(&stmt, err);
}

/* Moves every entry of a folder to the trash that `sql` finds no row for. */
static int sweep_folder(struct store *store, const char *folder, const char *sql, struct err *err)
{
	int fd = store_folder_open(store, folder, err);

	if (fd < 0)
		return fd;
	DIR *dir = fdopendir(fd);
	if (dir == NULL) {
		(void)close(fd);
		return err_errno(err, "read '%s/%s'", store->root, folder);
	}
	int rc = 0;
	struct dirent *entry;
	while (rc == 0 && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		rc = has_row(store, sql, entry->d_name, err);
		if (rc == 0)
			rc = store_trash_put(store, dirfd(dir), entry->d_name, err);
		else if (rc > 0)
			rc = 0;
	}
	(void)closedir(dir);
	return rc;
}

/* Rows go before folders: a folder without a row is found again, a row without a folder is a lie. */
int store_free_layers(struct store *store, struct err *err)
{
	bool locked;
	auto_fd lock = store_lock_exclusive(store, &locked, err);

	if (!locked)
		return lock == FD_NONE ? 0 : lock;
	int rc = db_exec(store->db, "DELETE FROM layers WHERE " UNUSED_LAYERS, err);
	if (rc == 0)
		rc = store_staging_sweep(store, err);
	if (rc == 0)
		rc = sweep_folder(store, "layers", "SELECT 1 FROM layers WHERE diff_id = ?1", err);
	if (rc == 0)
		rc = sweep_folder(store, "blobs/sha256",
				  "SELECT 1 FROM images WHERE id = ?1 OR manifest = ?1", err);
	return rc < 0 ? err_wrap(err, rc, "free layers without an image") : 0;
}
