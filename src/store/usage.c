#include "store/usage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/fd.h"
#include "kern/uapi.h"

#define PIECE_MAX (PATH_MAX - NAME_MAX - 2) /* of a path that is opened at once */

/* A folder that waits to be read. */
struct waiting {
	struct waiting *next;
	size_t len;
	char path[]; /* from the top, "" being the top itself */
};

struct measure {
	int top_fd;
	struct arena arena;
	struct waiting *first;
	uint64_t *links; /* inodes of files with several names; open addressing, 0: free */
	size_t link_room;
	size_t link_count;
	struct store_usage *usage;
	struct err *err;
};

static int too_large(struct measure *measure)
{
	return err_set(measure->err, ERR_INVALID, ENOMEM,
		       "a tree has too many or too deep folders");
}

static bool put_link(uint64_t *links, size_t room, uint64_t inode)
{
	size_t at = (size_t)(inode * 0x9e3779b97f4a7c15U) & (room - 1);

	while (links[at] != 0 && links[at] != inode)
		at = (at + 1) & (room - 1);
	bool fresh = links[at] == 0;
	links[at] = inode;
	return fresh;
}

/* 1: seen for the first time. */
static int note_link(struct measure *measure, uint64_t inode)
{
	if (measure->link_count * 2 >= measure->link_room) {
		size_t room = measure->link_room > 0 ? measure->link_room * 2 : 64;
		uint64_t *links = arena_alloc(&measure->arena, room * sizeof(*links));
		if (links == NULL)
			return too_large(measure);
		for (size_t i = 0; i < measure->link_room; i++) {
			if (measure->links[i] != 0)
				(void)put_link(links, room, measure->links[i]);
		}
		measure->links = links;
		measure->link_room = room;
	}
	bool fresh = put_link(measure->links, measure->link_room, inode);
	measure->link_count += fresh;
	return fresh;
}

static int push(struct measure *measure, const struct waiting *parent, const char *name)
{
	size_t len = strlen(name), before = parent->len + (parent->len > 0);
	struct waiting *added = arena_alloc(&measure->arena, sizeof(*added) + before + len + 1);

	if (added == NULL)
		return too_large(measure);
	memcpy(added->path, parent->path, parent->len);
	if (parent->len > 0)
		added->path[parent->len] = '/';
	memcpy(added->path + before, name, len);
	added->len = before + len;
	added->next = measure->first;
	measure->first = added;
	return 0;
}

static int add_entry(struct measure *measure, const struct waiting *folder, int fd,
		     const char *name)
{
	struct stat st;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_errno(measure->err, "look at '%s'", name);
	if (!S_ISDIR(st.st_mode) && st.st_nlink > 1) {
		int rc = note_link(measure, st.st_ino);
		if (rc <= 0)
			return rc;
	}
	measure->usage->entries++;
	measure->usage->disk_bytes += (int64_t)st.st_blocks * 512;
	if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))
		measure->usage->size_bytes += st.st_size;
	return S_ISDIR(st.st_mode) ? push(measure, folder, name) : 0;
}

/* Opens a folder of any depth, in pieces that the kernel takes. FD_NONE: it is gone, or no folder. */
static int open_folder(struct measure *measure, const struct waiting *folder)
{
	struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
	char piece[PATH_MAX];
	auto_fd fd = openat(measure->top_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t at = 0;

	while (fd >= 0 && at < folder->len) {
		const char *path = folder->path + at;
		size_t len = folder->len - at;
		if (len > PIECE_MAX) {
			for (len = PIECE_MAX; path[len] != '/' && path[len] != '\0'; len++)
				;
		}
		memcpy(piece, path, len);
		piece[len] = '\0';
		int next = uapi_openat2(fd, piece, &how);
		fd_closep(&fd);
		fd = next;
		at += len + 1;
	}
	if (fd >= 0)
		return fd_take(&fd);
	if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EXDEV)
		return FD_NONE;
	return err_errno(measure->err, "open a folder of the tree");
}

static int read_folder(struct measure *measure, const struct waiting *folder)
{
	int fd = open_folder(measure, folder);

	if (fd < 0)
		return fd == FD_NONE ? 0 : fd;
	DIR *dir = fdopendir(fd);
	if (dir == NULL) {
		(void)close(fd);
		return err_errno(measure->err, "read a folder of the tree");
	}
	int rc = 0;
	struct dirent *entry;
	while (rc == 0 && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = add_entry(measure, folder, dirfd(dir), entry->d_name);
	}
	(void)closedir(dir);
	return rc;
}

int store_usage_tree(int dirfd, const char *name, struct store_usage *usage, struct err *err)
{
	struct measure measure = {
		.arena = ARENA_INIT(USAGE_MEMORY_MAX), .usage = usage, .err = err};
	static const struct waiting top;
	struct stat st;
	int rc = 0;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_errno(err, "look at '%s'", name);
	usage->entries++;
	usage->disk_bytes += (int64_t)st.st_blocks * 512;
	if (!S_ISDIR(st.st_mode)) {
		usage->size_bytes += st.st_size;
		return 0;
	}
	auto_fd fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_errno(err, "open '%s'", name);
	measure.top_fd = fd;
	rc = read_folder(&measure, &top);
	while (rc == 0 && measure.first != NULL) {
		struct waiting *folder = measure.first;
		measure.first = folder->next;
		rc = read_folder(&measure, folder);
	}
	arena_done(&measure.arena);
	return rc < 0 ? err_wrap(err, rc, "measure '%s'", name) : 0;
}
