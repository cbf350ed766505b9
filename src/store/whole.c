/* Layers that versions before unpacked lack their headers: a later load of the same layer adds them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "kern/uapi.h"
#include "store/internal.h"
#include "store/wire.h"

#define BENEATH (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV)

bool store_layer_is_whole(const struct store *store, const char *diff_id)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "layers/%.64s/" WIRE_HEADERS, diff_id);
	return faccessat(store->root_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int open_folder(int dirfd, const char *path)
{
	struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, .resolve = BENEATH};

	return uapi_openat2(dirfd, path, &how);
}

/* Moves a part of that kind from one folder to the other; what is not there is fine. */
static int move_part(int from, const char *name, mode_t kind, int to, struct err *err)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_errno(err, "look at staged '%s'", name);
	if ((st.st_mode & S_IFMT) != kind)
		return err_set(err, ERR_INVALID, EINVAL, "staged '%s' is of the wrong kind", name);
	if (renameat2(from, name, to, name, RENAME_NOREPLACE) < 0 && errno != EEXIST)
		return err_errno(err, "move '%s' into the store", name);
	return 0;
}

int store_layer_complete(struct store *store, int staging_fd, const char *diff_id, struct err *err)
{
	char path[128];

	if (store_layer_is_whole(store, diff_id))
		return 0;
	(void)snprintf(path, sizeof(path), WIRE_LAYERS "/%.64s", diff_id);
	auto_fd from = open_folder(staging_fd, path);
	if (from < 0)
		return errno == ENOENT ? 0 : err_errno(err, "open staged '%s'", path);
	(void)snprintf(path, sizeof(path), "layers/%.64s", diff_id);
	auto_fd to = open_folder(store->root_fd, path);
	if (to < 0)
		return err_errno(err, "open '%s/%s'", store->root, path);
	/* The headers last: they say that all is there. What an interrupted attempt left is not theirs. */
	if (faccessat(to, WIRE_KEPT, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		int rc = store_trash_put(store, to, WIRE_KEPT, err);
		if (rc < 0)
			return rc;
	}
	int rc = move_part(from, WIRE_KEPT, S_IFDIR, to, err);
	if (rc == 0)
		rc = move_part(from, WIRE_HEADERS, S_IFREG, to, err);
	if (rc == 0 && fsync(to) < 0)
		rc = err_errno(err, "sync '%s/%s'", store->root, path);
	return rc;
}
