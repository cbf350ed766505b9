#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "image/untar_internal.h"
#include "kern/uapi.h"

int untar_place_set(struct untar_place *place, const char *name, const char *what, struct err *err)
{
	size_t len = 0;

	if (name[0] == '/')
		return err_set(err, ERR_INVALID, EINVAL, "an absolute %s", what);
	for (const char *at = name; *at != '\0';) {
		size_t part = strcspn(at, "/");
		if (part == 2 && at[0] == '.' && at[1] == '.')
			return err_set(err, ERR_INVALID, EINVAL, "a %s with '..'", what);
		if (part > TAR_COMPONENT_MAX)
			return err_set(err, ERR_INVALID, ENAMETOOLONG,
				       "a %s with a part of more than %d bytes", what,
				       TAR_COMPONENT_MAX);
		if (part > 0 && !(part == 1 && at[0] == '.')) {
			if (len > 0)
				place->path[len++] = '/';
			memcpy(place->path + len, at, part);
			len += part;
		}
		at += part + (at[part] == '/');
	}
	place->path[len] = '\0';
	char *slash = strrchr(place->path, '/');
	place->base = slash ? slash + 1 : place->path;
	size_t parent = slash ? (size_t)(slash - place->path) : 0;
	memcpy(place->parent, place->path, parent);
	place->parent[parent] = '\0';
	return 0;
}

int untar_clear(struct untar *untar, int parent_fd, const char *base, struct err *err)
{
	struct stat st;
	char name[32];

	if (fstatat(parent_fd, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_errno(err, "look at what is there");
	if (!S_ISDIR(st.st_mode)) {
		if (untar->headers != NULL && S_ISREG(st.st_mode) && st.st_size > 0)
			return untar_keep(untar, parent_fd, base, &st, err);
		if (unlinkat(parent_fd, base, 0) < 0)
			return err_errno(err, "replace what is there");
		return S_ISCHR(st.st_mode) && st.st_rdev == 0;
	}
	/* The caller may hold the cached parent, but its name may lead elsewhere from now on. */
	untar->parent[0] = '\0';
	if (unlinkat(parent_fd, base, AT_REMOVEDIR) == 0)
		return 0;
	/* One rename, however much lies in it. */
	(void)snprintf(name, sizeof(name), "%u", untar->trashed++);
	if (renameat(parent_fd, base, untar->trash_fd, name) < 0)
		return err_errno(err, "replace the folder that is there");
	return 0;
}

int untar_note_opaque(struct untar *untar, const char *path, struct err *err)
{
	const struct buf *list = &untar->opaque;
	size_t size = strlen(path) + 1;

	/* The same folder again and again, as a hostile layer has it, costs nothing. */
	if (list->len >= size && memcmp(list->data + list->len - size, path, size) == 0 &&
	    (list->len == size || list->data[list->len - size - 1] == '\0'))
		return 0;
	buf_add(&untar->opaque, path, size);
	return buf_check(&untar->opaque, "names of opaque folders", err);
}

/* Opens the folder `name` in dirfd, in the place of whatever else is there. */
static int enter(struct untar *untar, int dirfd, const char *name, const char *path,
		 struct err *err)
{
	const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dirfd, name, flags);

	if (fd >= 0)
		return fd;
	if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return err_errno(err, "open folder '%.200s'", path);
	int whiteout = errno == ENOENT ? 0 : untar_clear(untar, dirfd, name, err);
	if (whiteout < 0)
		return whiteout;
	if (mkdirat(dirfd, name, 0755) < 0)
		return err_errno(err, "make folder '%.200s'", path);
	int rc = whiteout > 0 ? untar_note_opaque(untar, path, err) : 0;
	if (rc < 0)
		return rc;
	fd = openat(dirfd, name, flags);
	return fd < 0 ? err_errno(err, "open folder '%.200s'", path) : fd;
}

/* Component by component: links and files on the way give way to folders. */
static int make_parents(struct untar *untar, const char *path, struct err *err)
{
	char part[TAR_PATH_MAX + 1];
	auto_fd fd = openat(untar->root_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, "open the layer's root");
	for (const char *at = path; *at != '\0';) {
		size_t len = strcspn(at, "/");
		size_t upto = (size_t)(at - path) + len;
		char name[TAR_COMPONENT_MAX + 1];
		memcpy(name, at, len);
		name[len] = '\0';
		memcpy(part, path, upto);
		part[upto] = '\0';
		int next = enter(untar, fd, name, part, err);
		if (next < 0)
			return next;
		fd_closep(&fd);
		fd = next;
		at += len + (at[len] == '/');
	}
	return fd_take(&fd);
}

int untar_parent(struct untar *untar, const char *path, struct err *err)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};

	if (path[0] == '\0')
		return untar->root_fd;
	if (untar->parent_fd >= 0 && strcmp(untar->parent, path) == 0)
		return untar->parent_fd;
	fd_closep(&untar->parent_fd);
	int fd = uapi_openat2(untar->root_fd, path, &how);
	if (fd < 0)
		fd = make_parents(untar, path, err);
	if (fd < 0)
		return fd;
	untar->parent_fd = fd;
	memcpy(untar->parent, path, strlen(path) + 1);
	return fd;
}
