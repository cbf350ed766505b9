#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "engine/spec/list.h"

#define TREE_DEPTH_MAX 520 /* deeper than any tree that is unpacked: a descriptor for each */

/* dir/NAME when it can be executed, else NULL. */
static const char *program_in(const char *dir, const char *name, struct arena *arena)
{
	const char *path = list_text(arena, "%s/%s", dir, name);

	return path != NULL && access(path, X_OK) == 0 ? path : NULL;
}

int paths_find_program(struct engine *engine, const char *name, struct arena *arena,
		       const char **ret_path, struct err *err)
{
	char own[PATH_MAX];
	const char *configured = engine->config->libexec, *found = NULL;

	if (configured != NULL)
		found = program_in(configured, name, arena);
	ssize_t len = configured == NULL ? readlink("/proc/self/exe", own, sizeof(own) - 1) : -1;
	if (len > 0) {
		own[len] = '\0';
		char *slash = strrchr(own, '/');
		if (slash != NULL)
			*slash = '\0';
		found = program_in(own, name, arena);
		if (found == NULL) {
			const char *libexec = list_text(arena, "%s/../libexec/corten", own);
			found = libexec != NULL ? program_in(libexec, name, arena) : NULL;
		}
	}
	if (found == NULL)
		return err_set(err, ERR_NOT_FOUND, 0,
			       "the program %s is not %s%s: set CORTEN_LIBEXEC to its folder", name,
			       configured != NULL ? "in " : "beside corten",
			       configured != NULL ? configured : " or in ../libexec/corten");
	*ret_path = found;
	return 0;
}

int paths_open_data(struct engine *engine, const char *id, struct err *err)
{
	int fd = openat(engine->containers_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? err_errno(err, "open '%s/" ENGINE_CONTAINERS "/%s'", engine->root, id) : fd;
}

int paths_make_folder(const char *path, unsigned mode, struct err *err)
{
	char copy[PATH_MAX];

	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT || strlen(path) >= sizeof(copy))
		return err_errno(err, "make the folder '%s'", path);
	memcpy(copy, path, strlen(path) + 1);
	for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			return err_errno(err, "make the folder '%s'", copy);
		*slash = '/';
	}
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return err_errno(err, "make the folder '%s'", path);
	return 0;
}

int paths_open_state(struct engine *engine, const char *id, bool make, struct err *err)
{
	ARENA_AUTO(arena, 65536);
	const char *path = paths_in_state(engine, id, NULL, &arena);

	if (path == NULL)
		return list_no_memory(err);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && make) {
		/* The state folder is private: it holds sockets. */
		int rc = paths_make_folder(path, 0700, err);
		if (rc < 0)
			return rc;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	return fd < 0 ? err_errno(err, "open '%s'", path) : fd;
}

int paths_open_mounts(struct engine *engine, struct err *err)
{
	ARENA_AUTO(arena, 65536);
	const char *path = list_text(&arena, "%s/" ENGINE_MOUNTS, engine->state);

	if (path == NULL)
		return list_no_memory(err);
	int rc = paths_make_folder(path, 0700, err);
	if (rc < 0)
		return rc;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_errno(err, "open '%s'", path) : fd;
}

static const char *in_folder(const char *folder, const char *id, const char *name,
			     struct arena *arena)
{
	return list_text(arena, "%s/" ENGINE_CONTAINERS "/%s%s%s", folder, id,
			 name != NULL ? "/" : "", name != NULL ? name : "");
}

const char *paths_in_root(struct engine *engine, const char *id, const char *name,
			  struct arena *arena)
{
	return in_folder(engine->root, id, name, arena);
}

const char *paths_in_state(struct engine *engine, const char *id, const char *name,
			   struct arena *arena)
{
	return in_folder(engine->state, id, name, arena);
}

static int remove_tree(int dirfd, const char *name, unsigned depth, struct err *err);

static int remove_entries(int fd, unsigned depth, struct err *err)
{
	DIR *dir = fdopendir(fd);
	int rc = 0;

	if (dir == NULL) {
		(void)close(fd);
		return err_errno(err, "read a folder");
	}
	for (struct dirent *entry = readdir(dir); rc == 0 && entry != NULL; entry = readdir(dir)) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = remove_tree(dirfd(dir), entry->d_name, depth + 1, err);
	}
	(void)closedir(dir);
	return rc;
}

static int remove_tree(int dirfd, const char *name, unsigned depth, struct err *err)
{
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_errno(err, "remove '%s'", name);
	if (depth > TREE_DEPTH_MAX)
		return err_set(err, ERR_INVALID, ELOOP, "remove '%s'", name);
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "remove '%s'", name);
	int rc = remove_entries(fd, depth, err);
	if (rc < 0)
		return err_wrap(err, rc, "remove '%s'", name);
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_errno(err, "remove '%s'", name);
	return 0;
}

int paths_remove_tree(int dirfd, const char *name, struct err *err)
{
	return remove_tree(dirfd, name, 0, err);
}
