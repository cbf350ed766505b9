#include "image/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/limits.h"
#include "image/tar_write.h"

#define DEPTH_MAX       512
#define BLOCK_BYTES     ((size_t)65536) /* of data, and of any attribute's value or list */
#define FOLDER_LIST_MAX ((size_t)64 << 20)

/* Where the first name of a file with several was written. */
struct seen {
	dev_t dev;
	ino_t ino;
	char *name;
};

struct walk {
	struct tar_writer writer;
	struct seen *seen; /* open addressing, room is a power of two */
	size_t seen_count;
	size_t seen_room;
	dev_t dev;
	char path[TAR_PATH_MAX + 2];
	char *list;  /* BLOCK_BYTES */
	char *value; /* BLOCK_BYTES */
};

static int walk_folder(struct walk *walk, int fd, int depth, struct err *err);

static struct seen *find_seen(struct seen *table, size_t room, dev_t dev, ino_t ino)
{
	size_t at = (size_t)(ino * 0x9e3779b97f4a7c15ULL) & (room - 1);

	while (table[at].name != NULL && (table[at].ino != ino || table[at].dev != dev))
		at = (at + 1) & (room - 1);
	return &table[at];
}

static int grow_seen(struct walk *walk, struct err *err)
{
	size_t room = walk->seen_room == 0 ? 256 : 2 * walk->seen_room;
	struct seen *table = calloc(room, sizeof(*table));

	if (table == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "note hard links");
	for (size_t i = 0; i < walk->seen_room; i++) {
		const struct seen *old = &walk->seen[i];
		if (old->name != NULL)
			*find_seen(table, room, old->dev, old->ino) = *old;
	}
	free(walk->seen);
	walk->seen = table;
	walk->seen_room = room;
	return 0;
}

/* The name that the same file was written under; NULL: this is the first. */
static int first_name(struct walk *walk, const struct stat *st, const char **ret_name,
		      struct err *err)
{
	*ret_name = NULL;
	if (st->st_nlink < 2)
		return 0;
	if (2 * walk->seen_count >= walk->seen_room) {
		int rc = grow_seen(walk, err);
		if (rc < 0)
			return rc;
	}
	struct seen *seen = find_seen(walk->seen, walk->seen_room, st->st_dev, st->st_ino);
	*ret_name = seen->name;
	if (seen->name != NULL)
		return 0;
	*seen = (struct seen){st->st_dev, st->st_ino, strdup(walk->path)};
	if (seen->name == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "note hard links");
	walk->seen_count++;
	return 0;
}

static int add_xattrs(struct walk *walk, int fd, struct err *err)
{
	char key[300];
	ssize_t len = flistxattr(fd, walk->list, BLOCK_BYTES);

	if (len < 0)
		return errno == EOPNOTSUPP ? 0 : err_errno(err, "list extended attributes");
	for (const char *name = walk->list; name < walk->list + len; name += strlen(name) + 1) {
		if (strncmp(name, "user.", 5) != 0 && strcmp(name, "security.capability") != 0)
			continue;
		ssize_t size = fgetxattr(fd, name, walk->value, BLOCK_BYTES);
		if (size < 0)
			return err_errno(err, "read extended attribute '%s'", name);
		(void)snprintf(key, sizeof(key), "SCHILY.xattr.%s", name);
		tar_writer_record(&walk->writer, key, walk->value, (size_t)size);
	}
	return 0;
}

static int copy_data(struct walk *walk, int fd, int64_t size, struct err *err)
{
	for (int64_t left = size; left > 0;) {
		size_t want = left < (int64_t)BLOCK_BYTES ? (size_t)left : BLOCK_BYTES;
		ssize_t got = read(fd, walk->value, want);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, "read");
		if (got == 0) { /* it shrank: what is missing reads as zeros */
			got = (ssize_t)want;
			memset(walk->value, 0, want);
		}
		int rc = fd_write_all(walk->writer.fd, walk->value, (size_t)got);
		if (rc < 0)
			return err_set(err, ERR_SYSTEM, -rc, "write the tree");
		left -= got;
	}
	return tar_writer_pad(&walk->writer, size, err);
}

static int put_file(struct walk *walk, int dirfd, const char *name, struct err *err)
{
	struct stat st;
	const char *first;
	auto_fd fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, "open");
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_CONFLICT, EAGAIN, "it changed while it was read");
	int rc = first_name(walk, &st, &first, err);
	if (rc < 0)
		return rc;
	if (first != NULL)
		return tar_writer_entry(&walk->writer, walk->path, first, '1', &st, err);
	rc = add_xattrs(walk, fd, err);
	if (rc == 0)
		rc = tar_writer_entry(&walk->writer, walk->path, NULL, '0', &st, err);
	return rc < 0 ? rc : copy_data(walk, fd, st.st_size, err);
}

static int put_folder(struct walk *walk, int dirfd, const char *name, int depth, struct err *err)
{
	struct stat st;
	auto_fd fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, "open");
	int rc = add_xattrs(walk, fd, err);
	if (rc == 0)
		rc = tar_writer_entry(&walk->writer, walk->path, NULL, '5', &st, err);
	if (rc < 0 || st.st_dev != walk->dev)
		return rc;
	if (depth == DEPTH_MAX)
		return err_set(err, ERR_INVALID, ELOOP, "folders deeper than %d", DEPTH_MAX);
	return walk_folder(walk, fd, depth + 1, err);
}

static int put_link(struct walk *walk, int dirfd, const char *name, const struct stat *st,
		    struct err *err)
{
	char target[TAR_PATH_MAX + 1];
	ssize_t len = readlinkat(dirfd, name, target, sizeof(target));

	if (len < 0 || (size_t)len >= sizeof(target))
		return err_errno(err, "read the link");
	target[len] = '\0';
	return tar_writer_entry(&walk->writer, walk->path, target, '2', st, err);
}

static int put_entry(struct walk *walk, int dirfd, const char *name, int depth, struct err *err)
{
	struct stat st;

	if (strncmp(name, ".wh.", 4) == 0)
		return err_set(err, ERR_INVALID, EINVAL, "in a layer this name deletes another");
	/* It may have gone since the folder was read; and an overlay lists whiteouts of its lowest layer. */
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_errno(err, "look at it");
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		return put_file(walk, dirfd, name, err);
	case S_IFDIR:
		return put_folder(walk, dirfd, name, depth, err);
	case S_IFLNK:
		return put_link(walk, dirfd, name, &st, err);
	case S_IFCHR:
		return tar_writer_entry(&walk->writer, walk->path, NULL, '3', &st, err);
	case S_IFBLK:
		return tar_writer_entry(&walk->writer, walk->path, NULL, '4', &st, err);
	case S_IFIFO:
		return tar_writer_entry(&walk->writer, walk->path, NULL, '6', &st, err);
	default:
		return 0; /* a socket means nothing without its process */
	}
}

static int compare(const void *one, const void *two)
{
	return strcmp(*(const char *const *)one, *(const char *const *)two);
}

/* The names in a folder, a NUL after each. Returns how many. */
static int64_t list_names(int fd, struct buf *list, struct err *err)
{
	struct dirent *entry;
	int64_t count = 0;
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	DIR *dir = own < 0 ? NULL : fdopendir(own);

	if (dir == NULL)
		return err_errno(err, "read the folder");
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		buf_add(list, entry->d_name, strlen(entry->d_name) + 1);
		count++;
	}
	(void)closedir(dir);
	int rc = buf_check(list, "names of a folder", err);
	return rc < 0 ? rc : count;
}

static int put_names(struct walk *walk, int fd, const char *const *names, size_t count, int depth,
		     struct err *err)
{
	size_t len = strlen(walk->path);

	for (size_t i = 0; i < count; i++) {
		if (len + strlen(names[i]) + 1 > TAR_PATH_MAX)
			return err_set(err, ERR_INVALID, ENAMETOOLONG, "too long a path");
		(void)snprintf(walk->path + len, sizeof(walk->path) - len, "%s%s",
			       len > 0 ? "/" : "", names[i]);
		int rc = put_entry(walk, fd, names[i], depth, err);
		if (rc < 0)
			return rc; /* the path stays, to be named */
		walk->path[len] = '\0';
	}
	return 0;
}

static int walk_folder(struct walk *walk, int fd, int depth, struct err *err)
{
	BUF_AUTO(list, FOLDER_LIST_MAX);

	int64_t count = list_names(fd, &list, err);
	if (count < 0)
		return (int)count;
	const char **names = calloc((size_t)count + 1, sizeof(*names));
	if (names == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "read the folder");
	const char *at = list.data;
	for (int64_t i = 0; i < count; i++, at += strlen(at) + 1)
		names[i] = at;
	qsort(names, (size_t)count, sizeof(*names), compare);
	int rc = put_names(walk, fd, names, (size_t)count, depth, err);
	free(names);
	return rc;
}

static int walk_root(struct walk *walk, int folder_fd, struct err *err)
{
	struct stat st;

	walk->list = malloc(BLOCK_BYTES);
	walk->value = malloc(BLOCK_BYTES);
	if (walk->list == NULL || walk->value == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "read a folder");
	if (fstat(folder_fd, &st) < 0)
		return err_errno(err, "look at the folder");
	walk->dev = st.st_dev;
	int rc = add_xattrs(walk, folder_fd, err);
	if (rc == 0)
		rc = tar_writer_entry(&walk->writer, "./", NULL, '5', &st, err);
	if (rc == 0)
		rc = walk_folder(walk, folder_fd, 0, err);
	if (rc < 0)
		return err_wrap(err, rc, "'%.200s'", walk->path);
	return tar_writer_end(&walk->writer, err);
}

int tree_write(int folder_fd, int out_fd, struct err *err)
{
	struct walk walk = {0};

	tar_writer_init(&walk.writer, out_fd);
	int rc = walk_root(&walk, folder_fd, err);
	tar_writer_done(&walk.writer);
	for (size_t i = 0; i < walk.seen_room; i++)
		free(walk.seen[i].name);
	free(walk.seen);
	free(walk.list);
	free(walk.value);
	return rc;
}
