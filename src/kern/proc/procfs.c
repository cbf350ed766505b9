#include "kern/proc/procfs.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "kern/mount/mount.h"
#include "kern/uapi.h"

#define PROCFS_ROOT_INO 1 /* PROC_ROOT_INO in the kernel */
#define PROCFS_PATH_MAX 512

/* That fd is procfs, and its root: a folder of procfs mounted on /proc is not. */
static int procfs_check(int fd, struct err *err)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return err_errno(err, "examine /proc");
	if ((uint64_t)fs.f_type != PROC_SUPER_MAGIC || st.st_ino != PROCFS_ROOT_INO)
		return err_set(err, ERR_DENIED, EINVAL, "/proc is not procfs, or not its root");
	return 0;
}

int procfs_open_by(enum procfs_way way, struct err *err)
{
	auto_fd fd = FD_NONE;

	switch (way) {
	case PROCFS_NEW: /* nothing to examine: the kernel has just made it */
		return mount_fs_create("proc", "proc", NULL, 0,
				       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
				       err);
	case PROCFS_CLONE:
		fd = mount_tree_clone(AT_FDCWD, "/proc", MOUNT_TREE_NOFOLLOW, err);
		break;
	case PROCFS_HOST:
		fd = openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return err_errno(err, "open /proc");
		break;
	}
	if (fd < 0)
		return fd;
	int rc = procfs_check(fd, err);
	return rc < 0 ? rc : fd_take(&fd);
}

int procfs_open(struct err *err)
{
	struct err ignored;
	int fd = procfs_open_by(PROCFS_NEW, &ignored);

	if (fd < 0)
		fd = procfs_open_by(PROCFS_CLONE, &ignored);
	return fd < 0 ? procfs_open_by(PROCFS_HOST, err) : fd;
}

/* struct statx's stx_mnt_id (5.8), or 0: no mount has that number. */
static uint64_t procfs_mount_id(int fd)
{
	uint64_t raw[32]; /* struct statx: 256 bytes; musl's headers may lack it */

	(void)memset(raw, 0, sizeof(raw));
	return syscall(SYS_statx, fd, "", AT_EMPTY_PATH, 0x1000U, raw) < 0 ? 0 : raw[18];
}

static bool procfs_is_on(int fd, uint64_t mount)
{
	return mount != 0 && procfs_mount_id(fd) == mount;
}

/* Without openat2: name by name, no link, and on one mount. */
static int procfs_walk(int procfd, const char *path, int flags)
{
	char name[NAME_MAX + 1];
	uint64_t mount = procfs_mount_id(procfd);
	auto_fd at = openat(procfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	while (at >= 0) {
		size_t len = strcspn(path, "/");
		bool last = path[len] == '\0';
		if (len == 0 || len > NAME_MAX || strncmp(path, "..", len) == 0)
			return -EINVAL;
		(void)memcpy(name, path, len);
		name[len] = '\0';
		int next = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		struct stat st;
		if (next < 0)
			return -errno;
		bool fine = fstat(next, &st) == 0 && procfs_is_on(next, mount);
		if (fine && last && !(flags & O_PATH) && !S_ISLNK(st.st_mode)) {
			fd_closep(&next);
			next = openat(at, name, flags | O_NOFOLLOW);
			if (next < 0)
				return -errno;
			fine = procfs_is_on(next, mount);
		}
		fd_closep(&at);
		at = next;
		if (!fine)
			return -EXDEV;
		if (S_ISLNK(st.st_mode) && !(last && (flags & O_PATH) && (flags & O_NOFOLLOW)))
			return -ELOOP;
		if (last)
			return fd_take(&at);
		path += len + 1;
	}
	return -errno;
}

static int procfs_open_beneath(int procfd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned int)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS,
	};

	/* The link itself may be what is asked for. */
	if (!(flags & O_NOFOLLOW))
		how.resolve |= RESOLVE_NO_SYMLINKS;
	int fd = uapi_openat2(procfd, path, &how);
	/* EPERM: what old seccomp policies answer for a call that they do not know. */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return procfs_walk(procfd, path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Writes path to buf with a leading "self" or "thread-self" replaced by what the link says. */
static int procfs_resolve_self(int procfd, const char *path, char *buf, size_t size)
{
	size_t first = strcspn(path, "/");
	char target[64];
	int len;

	if (strncmp(path, "self", first) != 0 && strncmp(path, "thread-self", first) != 0) {
		len = snprintf(buf, size, "%s", path);
		return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
	}
	char name[16];
	(void)memcpy(name, path, first);
	name[first] = '\0';
	auto_fd link = procfs_open_beneath(procfd, name, O_PATH | O_NOFOLLOW);
	if (link < 0)
		return link;
	ssize_t got = readlinkat(link, "", target, sizeof(target) - 1);
	if (got < 0)
		return -errno;
	target[got] = '\0';
	if (strspn(target, "0123456789/task") != (size_t)got)
		return -EINVAL;
	len = snprintf(buf, size, "%s%s", target, path + first);
	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

int procfs_open_at(int procfd, const char *path, int flags, struct err *err)
{
	char resolved[PROCFS_PATH_MAX];
	int fd = procfs_resolve_self(procfd, path, resolved, sizeof(resolved));

	if (fd == 0)
		fd = procfs_open_beneath(procfd, resolved, flags);
	if (fd >= 0)
		return fd;
	if (fd == -EXDEV)
		return err_set(err, ERR_DENIED, EXDEV,
			       "open '/proc/%s': something is mounted over it", path);
	if (fd == -ELOOP)
		return err_set(err, ERR_DENIED, ELOOP, "open '/proc/%s': it is a link", path);
	errno = -fd;
	return err_errno(err, "open '/proc/%s'", path);
}

int procfs_write_at(int procfd, const char *path, const char *text, struct err *err)
{
	auto_fd fd = procfs_open_at(procfd, path, O_WRONLY, err);

	if (fd < 0)
		return fd;
	for (;;) {
		if (write(fd, text, strlen(text)) >= 0)
			return 0;
		if (errno != EINTR)
			return err_errno(err, "write '%.64s' to '/proc/%s'", text, path);
	}
}

ssize_t procfs_read_at(int procfd, const char *path, char *buf, size_t size, struct err *err)
{
	auto_fd fd = procfs_open_at(procfd, path, O_RDONLY, err);

	if (fd < 0)
		return fd;
	ssize_t len = fd_read_once(fd, buf, size - 1);
	if (len < 0) {
		errno = (int)-len;
		return err_errno(err, "read '/proc/%s'", path);
	}
	buf[len] = '\0';
	return len;
}

int procfs_set_oom_score_adj(int procfd, int score, struct err *err)
{
	char text[16];

	if (score < -1000 || score > 1000)
		return err_set(err, ERR_INVALID, EINVAL,
			       "oomScoreAdj %d: not within -1000 and 1000", score);
	(void)snprintf(text, sizeof(text), "%d", score);
	int rc = procfs_write_at(procfd, "self/oom_score_adj", text, err);
	if (rc == -EACCES)
		return err_set(err, ERR_DENIED, EACCES,
			       "oomScoreAdj %d: lowering the value needs CAP_SYS_RESOURCE", score);
	return rc;
}
