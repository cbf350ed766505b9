#include "base/path.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "base/fd.h"

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

#define PATH_RETRIES_MAX 64 /* of openat2's EAGAIN: a rename raced with ".." */
#define PATH_DEPTH_MAX   2048

/* One resolution: what is left to do as text, and where it stands. */
struct path_walk {
	int rootfd;
	int at;              /* O_PATH of the folder reached */
	bool create;         /* missing components are made */
	enum path_kind kind; /* of the target, with create */
	mode_t mode;
	int links;
	char done[PATH_MAX]; /* names from the root to `at`, free of links, "/" after each */
	char rest[PATH_MAX];
};

static int path_open_flags(int flags)
{
	/* O_PATH ignores the others in open(2), but openat2 refuses them. */
	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW;
	return flags | O_CLOEXEC;
}

int path_open_in_root(int rootfd, const char *path, int flags, struct err *err)
{
	struct open_how how = {
		.flags = (unsigned int)path_open_flags(flags),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	const char *name = path[0] == '\0' ? "." : path;
	int fd = -1;

	if (flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)))
		return err_set(err, ERR_INVALID, EINVAL, "open '%s' with flags that create", path);
	for (int i = 0; i < PATH_RETRIES_MAX; i++) {
		fd = (int)syscall(SYS_openat2, rootfd, name, &how, sizeof(how));
		if (fd >= 0)
			return fd;
		if (errno != EAGAIN && errno != EINTR)
			break;
	}
	if (errno == ENOSYS || errno == EPERM)
		return path_walk_in_root(rootfd, path, flags, err);
	return err_errno(err, "open '%s' in the root", path);
}

static int path_open_dir(int dirfd, const char *name)
{
	return openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static void path_walk_move(struct path_walk *walk, int fd)
{
	fd_closep(&walk->at);
	walk->at = fd;
}

/* Goes back to the root. */
static int path_walk_reset(struct path_walk *walk)
{
	int fd = path_open_dir(walk->rootfd, ".");

	if (fd < 0)
		return -errno;
	path_walk_move(walk, fd);
	walk->done[0] = '\0';
	return 0;
}

/*
 * Steps to the parent: down again from the root by the names that led here. ".." itself is never
 * opened, since a folder moved meanwhile could have a parent outside.
 */
static int path_walk_up(struct path_walk *walk)
{
	char names[PATH_MAX];
	size_t len = strlen(walk->done);

	if (len == 0)
		return 0;
	(void)memcpy(names, walk->done, len + 1);
	for (len--; len > 0 && names[len - 1] != '/'; len--)
		;
	names[len] = '\0';

	int rc = path_walk_reset(walk);
	if (rc < 0)
		return rc;
	(void)memcpy(walk->done, names, len + 1);
	for (char *name = names; *name != '\0';) {
		char *end = strchr(name, '/');
		*end = '\0';
		int fd = path_open_dir(walk->at, name);
		if (fd < 0)
			return -errno;
		path_walk_move(walk, fd);
		name = end + 1;
	}
	return 0;
}

/*
 * Takes the next name off rest. Returns its length; 0 when rest is empty. ret_last: nothing, not
 * even "/", follows.
 */
static size_t path_walk_next(struct path_walk *walk, char *name, bool *ret_last)
{
	size_t skip = strspn(walk->rest, "/");
	size_t len = strcspn(walk->rest + skip, "/");
	size_t left = strlen(walk->rest + skip + len);

	(void)memcpy(name, walk->rest + skip, len);
	name[len] = '\0';
	(void)memmove(walk->rest, walk->rest + skip + len, left + 1);
	*ret_last = left == 0;
	return len;
}

/* Puts a link's text in front of rest. */
static int path_walk_link(struct path_walk *walk, int linkfd)
{
	char text[PATH_MAX];
	struct statfs fs;
	ssize_t len = readlinkat(linkfd, "", text, sizeof(text));
	size_t left = strlen(walk->rest);

	if (len < 0)
		return -errno;
	if (++walk->links > PATH_LINKS_MAX)
		return -ELOOP;
	if (len == 0)
		return -ENOENT;
	if ((size_t)len + left + 1 > sizeof(walk->rest))
		return -ENAMETOOLONG;
	if (fstatfs(linkfd, &fs) < 0)
		return -errno;
	/*
	 * procfs's own plain links (self, mounts, net) are relative; fd/N, exe, ns/net are not
	 * plain.
	 */
	if ((uint64_t)fs.f_type == PROC_SUPER_MAGIC &&
	    (text[0] == '/' || memchr(text, ':', (size_t)len) != NULL))
		return -ELOOP;
	/* rest is empty or begins with "/". */
	(void)memmove(walk->rest + len, walk->rest, left + 1);
	(void)memcpy(walk->rest, text, (size_t)len);
	return text[0] == '/' ? path_walk_reset(walk) : 0;
}

/* Only names, so that a last "/", "/." or "/.." does not hide which component is the target. */
static bool path_walk_is_target(const struct path_walk *walk)
{
	const char *rest = walk->rest;

	for (;;) {
		rest += strspn(rest, "/");
		if (rest[0] == '.' && (rest[1] == '/' || rest[1] == '\0'))
			rest++;
		else
			return rest[0] == '\0';
	}
}

static int path_walk_create(struct path_walk *walk, const char *name)
{
	bool target = path_walk_is_target(walk);

	if (target && walk->kind == PATH_FILE) {
		int fd = openat(walk->at, name,
				O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, walk->mode);
		if (fd < 0 && errno != EEXIST)
			return -errno;
		fd_closep(&fd);
		return 0;
	}
	if (mkdirat(walk->at, name, target ? walk->mode : 0755) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

/* Opens the component itself, made first where that is wanted. */
static int path_walk_open(struct path_walk *walk, const char *name)
{
	int fd = openat(walk->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno != ENOENT || !walk->create)
		return -errno;
	int rc = path_walk_create(walk, name);
	if (rc < 0)
		return rc;
	fd = openat(walk->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int path_walk_finish(const struct path_walk *walk, const char *name, int flags)
{
	int fd = openat(walk->at, name, flags | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* One component. Returns 0 to go on, 1 with ret_fd when it was the last, or -errno. */
static int path_walk_step(struct path_walk *walk, const char *name, bool last, int flags,
			  int *ret_fd)
{
	struct stat st;

	auto_fd fd = path_walk_open(walk, name);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode) && !(last && (flags & O_NOFOLLOW)))
		return path_walk_link(walk, fd);
	if (last) {
		*ret_fd = flags & O_PATH && (!(flags & O_DIRECTORY) || S_ISDIR(st.st_mode))
				  ? fd_take(&fd)
				  : path_walk_finish(walk, name, flags);
		return *ret_fd < 0 ? *ret_fd : 1;
	}
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	size_t len = strlen(walk->done);
	size_t add = strlen(name);
	if (len + add + 2 > sizeof(walk->done))
		return -ENAMETOOLONG;
	(void)memcpy(walk->done + len, name, add);
	(void)memcpy(walk->done + len + add, "/", 2);
	path_walk_move(walk, fd_take(&fd));
	return 0;
}

static int path_walk_run(struct path_walk *walk, const char *path, int flags)
{
	size_t len = strlen(path);
	char name[PATH_MAX];
	bool last;

	if (len >= sizeof(walk->rest))
		return -ENAMETOOLONG;
	(void)memcpy(walk->rest, path, len + 1);
	int rc = path_walk_reset(walk);
	while (rc == 0) {
		size_t name_len = path_walk_next(walk, name, &last);
		if (name_len == 0) {
			rc = path_walk_finish(walk, ".", flags);
			break;
		}
		int fd = FD_NONE;
		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0)
			rc = path_walk_up(walk);
		else
			rc = path_walk_step(walk, name, last, flags, &fd);
		if (rc > 0)
			rc = fd;
		if (fd >= 0)
			break;
	}
	fd_closep(&walk->at);
	return rc;
}

int path_walk_in_root(int rootfd, const char *path, int flags, struct err *err)
{
	struct path_walk walk = {.rootfd = rootfd, .at = FD_NONE};
	int fd = path_walk_run(&walk, path, path_open_flags(flags));

	if (fd >= 0)
		return fd;
	errno = -fd;
	return err_errno(err, "open '%s' in the root", path);
}

/* File systems whose files are the kernel's doings: opening or reading one can act on the host. */
static bool path_is_of_kernel(const struct statfs *fs)
{
	static const uint64_t magics[] = {PROC_SUPER_MAGIC,    SYSFS_MAGIC,   CGROUP_SUPER_MAGIC,
					  CGROUP2_SUPER_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC};

	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		if ((uint64_t)fs->f_type == magics[i])
			return true;
	}
	return false;
}

int path_open_regular_in_root(int rootfd, const char *path, struct err *err)
{
	const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
	char name[32];
	struct stat st, opened;
	struct statfs fs;

	auto_fd at = path_open_in_root(rootfd, path, O_PATH, err);
	if (at < 0)
		return at;
	if (fstat(at, &st) < 0 || fstatfs(at, &fs) < 0)
		return err_errno(err, "look at '%s' in the root", path);
	if (!S_ISREG(st.st_mode) || path_is_of_kernel(&fs))
		return err_set(err, ERR_INVALID, EINVAL, "'%s' is not a stored regular file", path);
	/* The name leads to what was looked at, whatever path names by now. */
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", at);
	auto_fd fd = open(name, flags | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		fd = path_open_in_root(rootfd, path, flags, err);
	if (fd < 0 || fstat(fd, &opened) < 0)
		return err_errno(err, "open '%s' in the root", path);
	/* A path may lead elsewhere by now, and so may a /proc that is the container's own. */
	if (opened.st_dev != st.st_dev || opened.st_ino != st.st_ino)
		return err_set(err, ERR_DENIED, EXDEV, "open '%s': it was replaced meanwhile",
			       path);
	return fd_take(&fd);
}

/*
 * Makes the folder `path` in one that is there, which is the usual case: a few calls instead of some for
 * each component. -ENOENT: not so; the walk knows how.
 */
static int path_make_leaf(int rootfd, const char *path, mode_t mode)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	size_t len = (size_t)(name - path);
	char parent[PATH_MAX];
	struct err absent;

	if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	    len >= sizeof(parent))
		return -ENOENT;
	(void)memcpy(parent, path, len);
	parent[len] = '\0';
	auto_fd at = path_open_in_root(rootfd, parent, O_PATH | O_DIRECTORY, &absent);
	if (at < 0 || (mkdirat(at, name, mode) < 0 && errno != EEXIST))
		return -ENOENT;
	/* A link, dangling or put there just now, is the walk's to follow. */
	int fd = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -ENOENT : fd;
}

int path_make_in_root(int rootfd, const char *path, enum path_kind kind, mode_t mode,
		      struct err *err)
{
	struct path_walk walk = {
		.rootfd = rootfd, .at = FD_NONE, .create = true, .kind = kind, .mode = mode};
	const char *what = kind == PATH_DIR ? "folder" : "file";
	struct stat st;

	struct err absent;
	/* Most targets are there: one call instead of three a component. */
	auto_fd fd = path_open_in_root(rootfd, path, O_PATH | (kind == PATH_DIR ? O_DIRECTORY : 0),
				       &absent);
	if (fd == -ENOENT && kind == PATH_DIR)
		fd = path_make_leaf(rootfd, path, mode);
	if (fd >= 0 && kind == PATH_DIR)
		return fd_take(&fd);
	if (fd == -ENOTDIR) /* the target, or one on the way? */
		fd = path_open_in_root(rootfd, path, O_PATH, &absent);
	if (fd == -ENOENT)
		fd = path_walk_run(&walk, path, O_PATH | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		errno = fd < 0 ? -fd : errno;
		return err_errno(err, "make %s '%s' in the root", what, path);
	}
	if (kind == PATH_DIR && !S_ISDIR(st.st_mode))
		return err_set(err, ERR_INVALID, ENOTDIR, "'%s' must be a folder", path);
	if (kind == PATH_FILE && S_ISDIR(st.st_mode))
		return err_set(err, ERR_INVALID, EISDIR, "'%s' must be a file", path);
	return fd_take(&fd);
}

int path_clean(const char *path, char *buf, size_t size)
{
	size_t len = 0;

	if (size < 2)
		return -ENAMETOOLONG;
	while (*path != '\0') {
		path += strspn(path, "/");
		size_t name = strcspn(path, "/");
		if (name == 2 && memcmp(path, "..", 2) == 0) {
			while (len > 0 && buf[--len] != '/')
				;
		} else if (name > 0 && !(name == 1 && path[0] == '.')) {
			if (name + 2 > size - len)
				return -ENAMETOOLONG;
			buf[len++] = '/';
			(void)memcpy(buf + len, path, name);
			len += name;
		}
		path += name;
	}
	if (len == 0)
		buf[len++] = '/';
	buf[len] = '\0';
	return len > INT_MAX ? -ENAMETOOLONG : (int)len;
}

/* The parts of the kernel's struct statx that tell one mounted folder from another. */
struct path_identity {
	uint64_t ino;
	uint64_t dev;
	uint64_t mount;
};

static int path_identify(int fd, struct path_identity *ret_identity)
{
	uint64_t raw[32]; /* struct statx: 256 bytes; musl's headers may lack it */

	(void)memset(raw, 0, sizeof(raw));
	/* STATX_INO | STATX_MNT_ID (5.8) */
	if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, 0x100U | 0x1000U, raw) < 0)
		return -errno;
	ret_identity->ino = raw[4];
	ret_identity->dev = raw[17];
	ret_identity->mount = raw[18];
	return 0;
}

static bool path_identity_equal(const struct path_identity *a, const struct path_identity *b)
{
	return a->ino == b->ino && a->dev == b->dev && a->mount == b->mount;
}

int path_is_beneath(int rootfd, int fd, struct err *err)
{
	struct path_identity root = {0}, here = {0}, parent = {0};

	auto_fd at = path_open_dir(fd, ".");
	if (at < 0)
		return err_errno(err, "open the folder to compare with the root");
	int rc = path_identify(rootfd, &root);
	if (rc == 0)
		rc = path_identify(at, &here);
	for (int depth = 0; rc == 0 && depth < PATH_DEPTH_MAX; depth++) {
		if (path_identity_equal(&here, &root))
			return 1;
		int up = path_open_dir(at, "..");
		if (up < 0) {
			rc = -errno;
			break;
		}
		fd_closep(&at);
		at = up;
		rc = path_identify(at, &parent);
		if (rc == 0 && path_identity_equal(&here, &parent))
			return 0;
		here = parent;
	}
	errno = rc < 0 ? -rc : ELOOP;
	return err_errno(err, "find a folder's parents");
}
