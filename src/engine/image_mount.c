/*
 * An image's files, mounted for somebody to look at. A root is never mounted in the host's mount namespace: the caller
 * is in one of its own (`unshare --mount`), with whose end the mount goes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "engine/spec/list.h"
#include "kern/mount/mount.h"
#include "store/reference.h"

#define MOUNTINFO_MAX (64 << 20)
#define STAT_MAX      4096
#define ANCESTORS_MAX 1000
#define EMPTY         "empty"
#define HINT          "run it within 'unshare --mount', and look there"

/* The parent of a process, by the text of its stat; 0 when there is none. */
static unsigned long parent_of(const char *stat)
{
	/* The name before it may hold anything, parentheses too. */
	const char *at = strrchr(stat, ')');

	return at != NULL && strlen(at) > 4 ? strtoul(at + 4, NULL, 10) : 0;
}

/* Whether the process's mount namespace is another than `own`. 1: it is; 0: no; negative: not to be known. */
static int differs(int proc, unsigned long pid, const struct stat *own)
{
	struct stat st;
	char path[64];

	(void)snprintf(path, sizeof(path), "%lu/ns/mnt", pid);
	if (fstatat(proc, path, &st, 0) < 0)
		return -errno;
	return st.st_dev != own->st_dev || st.st_ino != own->st_ino;
}

/* Where the first process keeps its namespace to itself: whether an ancestor lives in another. */
static int ancestor_differs(int proc, const struct stat *own)
{
	unsigned long pid = (unsigned long)getppid();
	int found = 0;

	for (int i = 0; i < ANCESTORS_MAX && pid > 1 && found == 0; i++) {
		BUF_AUTO(stat, STAT_MAX);
		struct err ignored;
		char path[64];
		found = differs(proc, pid, own);
		(void)snprintf(path, sizeof(path), "%lu/stat", pid);
		if (fd_read_file_at(proc, path, &stat, &ignored) < 0 || stat.data == NULL)
			break;
		pid = parent_of(stat.data);
	}
	return found > 0;
}

static int check_namespace(struct err *err)
{
	struct stat own;
	auto_fd proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (proc < 0 || fstatat(proc, "self/ns/mnt", &own, 0) < 0)
		return err_errno(err, "find out whose mount namespace this is");
	int own_one = differs(proc, 1, &own);
	if (own_one < 0)
		own_one = ancestor_differs(proc, &own);
	return own_one > 0 ? 0
			   : err_set(err, ERR_DENIED, 0,
				     "images are not mounted in the host's mount namespace: " HINT);
}

static int mount_id(int fd, uint64_t *ret_id, struct err *err)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0 ||
	    (st.stx_mask & STATX_MNT_ID) == 0)
		return err_errno(err, "find out which mount this is");
	*ret_id = st.stx_mnt_id;
	return 0;
}

/* Whether the mount of that id passes on what is mounted on it. */
static int check_private(uint64_t id, struct err *err)
{
	BUF_AUTO(text, MOUNTINFO_MAX);
	char wanted[32];

	int rc = fd_read_file_at(AT_FDCWD, "/proc/self/mountinfo", &text, err);
	if (rc < 0)
		return rc;
	size_t len = (size_t)snprintf(wanted, sizeof(wanted), "%llu ", (unsigned long long)id);
	for (const char *line = text.data; line != NULL && *line != '\0';) {
		const char *end = strchrnul(line, '\n');
		const char *fields = memmem(line, (size_t)(end - line), " - ", 3);
		if (strncmp(line, wanted, len) == 0 && fields != NULL) {
			if (memmem(line, (size_t)(fields - line), " shared:", 8) == NULL)
				return 0;
			return err_set(
				err, ERR_DENIED, 0,
				"what is mounted here appears in other namespaces too: " HINT);
		}
		line = *end == '\n' ? end + 1 : end;
	}
	return err_set(err, ERR_SYSTEM, ENOENT, "mount %sis not in /proc/self/mountinfo", wanted);
}

/* A folder beneath STATE/mounts; ret_mounted: something is mounted on it. */
static int open_point(int mounts, const char *name, bool make, bool *ret_mounted, struct err *err)
{
	uint64_t own = 0, parent = 0;

	if (make && mkdirat(mounts, name, 0755) < 0 && errno != EEXIST)
		return err_errno(err, "make the folder 'mounts/%s'", name);
	auto_fd fd = openat(mounts, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "open the folder 'mounts/%s'", name);
	int rc = mount_id(fd, &own, err);
	if (rc == 0)
		rc = mount_id(mounts, &parent, err);
	*ret_mounted = own != parent;
	return rc < 0 ? rc : fd_take(&fd);
}

static int attach(struct engine *engine, const struct store_image *image, int mounts, int point,
		  struct err *err)
{
	uint64_t id = 0;
	bool mounted = false;

	int rc = check_namespace(err);
	if (rc == 0)
		rc = mount_id(mounts, &id, err);
	if (rc == 0)
		rc = check_private(id, err);
	if (rc < 0)
		return rc;
	auto_fd empty = open_point(mounts, EMPTY, true, &mounted, err);
	if (empty < 0)
		return empty;
	auto_fd tree = rootfs_mount_image(engine, image, empty, err);
	return tree < 0 ? tree : mount_attach(tree, point, err);
}

static const char *path_of(struct engine *engine, const char *id, struct arena *arena)
{
	return list_text(arena, "%s/" ENGINE_MOUNTS "/%s", engine->state, id);
}

int engine_image_mount(struct engine *engine, const char *reference, struct arena *arena,
		       const char **ret_path, struct err *err)
{
	struct store_image *image = NULL;
	bool mounted = false;

	int rc = store_image_find(engine->store, reference, &image, err);
	if (rc < 0)
		return rc;
	auto_fd mounts = paths_open_mounts(engine, err);
	auto_fd point = mounts < 0 ? mounts : open_point(mounts, image->id, true, &mounted, err);
	rc = point < 0 ? point : 0;
	if (rc == 0 && !mounted)
		rc = attach(engine, image, mounts, point, err);
	if (rc == 0)
		*ret_path = path_of(engine, image->id, arena);
	if (rc == 0 && *ret_path == NULL)
		rc = list_no_memory(err);
	store_image_free(image);
	return rc;
}

int engine_image_unmount(struct engine *engine, const char *id, struct err *err)
{
	struct err absent;
	bool mounted = false;
	auto_fd mounts = paths_open_mounts(engine, err);

	if (mounts < 0)
		return mounts;
	auto_fd point = open_point(mounts, id, false, &mounted, &absent);
	if (point < 0 && absent.kind != ERR_NOT_FOUND) {
		*err = absent;
		return point;
	}
	if (point < 0 || !mounted)
		return err_set(err, ERR_NOT_FOUND, 0, "image %.12s is not mounted here", id);
	/* The folder stays: to remove it would unmount it in other namespaces. */
	return mount_detach(point, err);
}

int engine_image_mount_list(struct engine *engine, struct arena *arena,
			    engine_image_mounts *ret_mounts, struct err *err)
{
	engine_image_mounts list = {0};
	int mounts = paths_open_mounts(engine, err);
	DIR *dir = mounts >= 0 ? fdopendir(mounts) : NULL;
	int rc = 0;

	if (mounts < 0)
		return mounts;
	if (dir == NULL) {
		(void)close(mounts);
		return err_errno(err, "read the folder of mounts");
	}
	struct dirent *entry;
	while (rc == 0 && (entry = readdir(dir)) != NULL) {
		bool mounted = false;
		if (!reference_is_hex64(entry->d_name))
			continue;
		auto_fd point = open_point(mounts, entry->d_name, false, &mounted, err);
		rc = point < 0 ? point : 0;
		if (rc < 0 || !mounted)
			continue;
		struct engine_image_mount *added = list_push(&list, sizeof(*added), arena);
		if (added != NULL) {
			added->id = arena_strndup(arena, entry->d_name, strlen(entry->d_name));
			added->path = path_of(engine, entry->d_name, arena);
		}
		if (added == NULL || added->id == NULL || added->path == NULL)
			rc = list_no_memory(err);
	}
	(void)closedir(dir);
	*ret_mounts = list;
	return rc;
}
