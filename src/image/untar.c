#include "image/untar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "image/untar_internal.h"
#include "kern/uapi.h"

#define WHITEOUT_PREFIX ".wh."
#define WHITEOUT_META   ".wh..wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

int untar_init(struct untar *untar, int root_fd, int trash_fd, struct err *err)
{
	*untar = (struct untar){.root_fd = root_fd,
				.trash_fd = trash_fd,
				.max_bytes = IMAGE_LAYER_BYTES_MAX,
				.opaque = BUF_INIT(IMAGE_OPAQUE_BYTES_MAX),
				.folders = BUF_INIT(IMAGE_FOLDER_BYTES_MAX),
				.layer_fd = FD_NONE,
				.kept_fd = FD_NONE,
				.parent_fd = FD_NONE};
	/* What a layer does not say of its root must not come from the store's own folder. */
	if (fchown(root_fd, 0, 0) < 0 || fchmod(root_fd, 0755) < 0)
		return err_errno(err, "prepare the layer's root");
	return 0;
}

void untar_done(struct untar *untar)
{
	buf_done(&untar->opaque);
	buf_done(&untar->folders);
	fd_closep(&untar->parent_fd);
	fd_closep(&untar->kept_fd);
}

static int make_folder(struct untar *untar, int parent_fd, const struct untar_place *place,
		       const struct tar_entry *entry, struct err *err)
{
	struct stat st;

	if (place->base[0] == '\0')
		return untar_set_meta_fd(untar, untar->root_fd, entry, err);
	if (mkdirat(parent_fd, place->base, 0700) < 0) {
		if (errno != EEXIST)
			return err_errno(err, "make folder");
		if (fstatat(parent_fd, place->base, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return err_errno(err, "look at what is there");
		if (!S_ISDIR(st.st_mode)) {
			int whiteout = untar_clear(untar, parent_fd, place->base, err);
			if (whiteout < 0)
				return whiteout;
			if (mkdirat(parent_fd, place->base, 0700) < 0)
				return err_errno(err, "make folder");
			/* Removed below and made anew: nothing of the lower one shows through. */
			if (whiteout > 0 && untar_note_opaque(untar, place->path, err) < 0)
				return -E2BIG;
		}
	}
	if (entry->xattr_count == 0)
		return untar_set_meta(untar, parent_fd, place->base, entry, err);
	auto_fd fd =
		openat(parent_fd, place->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "open folder");
	return untar_set_meta_fd(untar, fd, entry, err);
}

static int note_folder(struct untar *untar, const char *path, const struct timespec *mtime,
		       struct err *err)
{
	buf_add(&untar->folders, mtime, sizeof(*mtime));
	buf_add(&untar->folders, path, strlen(path) + 1);
	return buf_check(&untar->folders, "names of folders", err);
}

/* A link to itself is no change; else the target must be there already, in this layer. */
static int make_hardlink(struct untar *untar, const struct untar_place *place,
			 const struct tar_entry *entry, struct err *err)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	struct untar_place target;

	int rc = untar_place_set(&target, entry->link, "link target", err);
	if (rc < 0)
		return rc;
	if (target.base[0] == '\0')
		return err_set(err, ERR_INVALID, EPERM, "a hard link to the root");
	if (strcmp(target.path, place->path) == 0)
		return 0;
	auto_fd from = uapi_openat2(untar->root_fd, target.parent[0] ? target.parent : ".", &how);
	if (from < 0)
		return err_errno(err, "hard link to '%.200s', which is not in this layer",
				 entry->link);
	int parent_fd = untar_parent(untar, place->parent, err);
	if (parent_fd < 0)
		return parent_fd;
	if (linkat(from, target.base, parent_fd, place->base, 0) == 0)
		return 0;
	if (errno == EEXIST) {
		rc = untar_clear(untar, parent_fd, place->base, err);
		if (rc < 0)
			return rc;
		if (linkat(from, target.base, parent_fd, place->base, 0) == 0)
			return 0;
	}
	return err_errno(err, "hard link to '%.200s'", entry->link);
}

static int make_node(int parent_fd, const char *base, const struct tar_entry *entry)
{
	dev_t device = makedev(entry->major, entry->minor);

	switch (entry->type) {
	case TAR_SYMLINK:
		return symlinkat(entry->link, parent_fd, base);
	case TAR_CHARACTER:
		return mknodat(parent_fd, base, S_IFCHR | 0600, device);
	case TAR_BLOCK:
		return mknodat(parent_fd, base, S_IFBLK | 0600, device);
	case TAR_FIFO:
		return mknodat(parent_fd, base, S_IFIFO | 0600, 0);
	case TAR_FILE:
	case TAR_HARDLINK:
	case TAR_FOLDER:
		break;
	}
	errno = EINVAL;
	return -1;
}

static int make_special(struct untar *untar, int parent_fd, const char *base,
			const struct tar_entry *entry, struct err *err)
{
	if (entry->type == TAR_SYMLINK && entry->link[0] == '\0')
		return err_set(err, ERR_INVALID, EINVAL, "a symbolic link to nothing");
	if (make_node(parent_fd, base, entry) < 0) {
		if (errno != EEXIST)
			return err_errno(err, "create");
		int rc = untar_clear(untar, parent_fd, base, err);
		if (rc < 0)
			return rc;
		if (make_node(parent_fd, base, entry) < 0)
			return err_errno(err, "create");
	}
	return untar_set_meta(untar, parent_fd, base, entry, err);
}

/*
 * A whiteout speaks of the layers below: what this layer itself has there stays, and of a folder
 * that it has there nothing lower shows through.
 */
static int make_whiteout(struct untar *untar, int parent_fd, const struct untar_place *place,
			 struct err *err)
{
	const char *name = place->base + strlen(WHITEOUT_PREFIX);
	char path[TAR_PATH_MAX + 1];
	struct stat st;

	if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(err, ERR_INVALID, EINVAL, "a whiteout of nothing");
	if (mknodat(parent_fd, name, S_IFCHR, 0) == 0)
		return 0;
	if (errno != EEXIST)
		return err_errno(err, "make a whiteout");
	if (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, "look at what is there");
	if (!S_ISDIR(st.st_mode))
		return 0;
	/* Shorter than place->path by the prefix: it fits. */
	(void)snprintf(path, sizeof(path), "%.*s%s", (int)(place->base - place->path), place->path,
		       name);
	return untar_note_opaque(untar, path, err);
}

static int make_marker(struct untar *untar, int parent_fd, const struct untar_place *place,
		       struct err *err)
{
	if (strcmp(place->base, WHITEOUT_OPAQUE) == 0)
		return untar_note_opaque(untar, place->parent, err);
	if (strncmp(place->base, WHITEOUT_META, strlen(WHITEOUT_META)) == 0)
		return 0; /* what aufs kept for itself */
	return make_whiteout(untar, parent_fd, place, err);
}

static int create(struct untar *untar, const struct untar_place *place, struct tar *tar,
		  struct err *err)
{
	const struct tar_entry *entry = &tar->entry;

	if (place->base[0] == '\0' && entry->type != TAR_FOLDER)
		return err_set(err, ERR_INVALID, EINVAL, "the root is not a folder");
	if (entry->type == TAR_HARDLINK)
		return make_hardlink(untar, place, entry, err);
	int parent_fd = untar_parent(untar, place->parent, err);
	if (parent_fd < 0)
		return parent_fd;
	if (strncmp(place->base, WHITEOUT_PREFIX, strlen(WHITEOUT_PREFIX)) == 0)
		return make_marker(untar, parent_fd, place, err);
	if (entry->type == TAR_FOLDER) {
		int rc = make_folder(untar, parent_fd, place, entry, err);
		return rc < 0 ? rc : note_folder(untar, place->path, &entry->mtime, err);
	}
	if (entry->type == TAR_FILE)
		return untar_file(untar, parent_fd, place, tar, err);
	return make_special(untar, parent_fd, place->base, entry, err);
}

int untar_entry(struct untar *untar, struct tar *tar, struct err *err)
{
	struct untar_place place;

	int rc = untar_place_set(&place, tar->entry.name, "name", err);
	if (rc == 0)
		rc = create(untar, &place, tar, err);
	return rc < 0 ? err_wrap(err, rc, "entry '%.200s'", tar->entry.name) : 0;
}

int untar_finish(struct untar *untar, struct err *err)
{
	struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	const char *at = untar->folders.data;
	const char *end = at + untar->folders.len;

	fd_closep(&untar->parent_fd);
	while (at != end) {
		struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};
		memcpy(&times[1], at, sizeof(times[1]));
		at += sizeof(times[1]);
		auto_fd fd = uapi_openat2(untar->root_fd, at[0] ? at : ".", &how);
		/* It may have been replaced by a later entry: then it is gone, or no folder. */
		if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			return err_errno(err, "open folder '%.200s'", at);
		if (fd >= 0 && futimens(fd, times) < 0)
			return err_errno(err, "set the time of folder '%.200s'", at);
		at += strlen(at) + 1;
	}
	return untar->headers != NULL ? untar_keep_trashed(untar, err) : 0;
}

int untar_all(struct untar *untar, struct tar *tar, struct err *err)
{
	for (;;) {
		int rc = tar_next(tar, err);
		if (rc < 0)
			return rc;
		if (rc == 0)
			return untar_finish(untar, err);
		rc = untar_entry(untar, tar, err);
		if (rc < 0)
			return rc;
	}
}
