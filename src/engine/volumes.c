#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "engine/internal.h"
#include "engine/spec/mount_option.h"
#include "kern/lsm/lsm.h"

#define COPY_DEPTH_MAX 128
#define COPY_CHUNK     (1 << 20)
#define XATTR_MAX      65536

/* Names of the host's own in what is hostile are only ever single components opened with O_NOFOLLOW. */
static int copy_folder(int from, int to, unsigned depth, struct err *err);

/* Owner, mode and times of an open object; the order keeps setuid bits, which chown takes off. */
static int copy_attributes(int fd, const struct stat *st, struct err *err)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};

	if (fchown(fd, st->st_uid, st->st_gid) < 0 || fchmod(fd, st->st_mode & 07777) < 0 ||
	    futimens(fd, times) < 0)
		return err_errno(err, "copy owner, mode and times");
	return 0;
}

/* user.* and file capabilities; the rest belongs to the filesystem below or to a policy. */
static void copy_xattrs(int from, int to)
{
	char names[XATTR_MAX], value[XATTR_MAX];
	ssize_t len = flistxattr(from, names, sizeof(names));

	for (ssize_t at = 0; at < len; at += (ssize_t)strlen(names + at) + 1) {
		const char *name = names + at;
		if (strncmp(name, "user.", 5) != 0 && strcmp(name, "security.capability") != 0 &&
		    strncmp(name, "system.posix_acl_", 17) != 0)
			continue;
		ssize_t size = fgetxattr(from, name, value, sizeof(value));
		/* A filesystem without them is no reason to refuse the volume. */
		if (size >= 0)
			(void)fsetxattr(to, name, value, (size_t)size, 0);
	}
}

static int copy_bytes(int from, int to, off_t size, struct err *err)
{
	static const char what[] = "copy a file into a volume";

	while (size > 0) {
		ssize_t n = copy_file_range(from, NULL, to, NULL, COPY_CHUNK, 0);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EXDEV && errno != EOPNOTSUPP && errno != EINVAL &&
		    errno != ENOSYS)
			return err_errno(err, "%s", what);
		if (n > 0) {
			size -= n;
			continue;
		}
		char chunk[65536];
		n = read(from, chunk, sizeof(chunk));
		if (n <= 0)
			return n == 0 ? 0 : err_errno(err, "%s", what);
		int rc = fd_write_all(to, chunk, (size_t)n);
		if (rc < 0)
			return err_set(err, err_kind_of(-rc), -rc, "%s", what);
		size -= n;
	}
	return 0;
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st,
		     struct err *err)
{
	struct stat opened;
	auto_fd from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (from < 0 || fstat(from, &opened) < 0)
		return err_errno(err, "open '%s'", name);
	if (!S_ISREG(opened.st_mode))
		return err_set(err, ERR_CONFLICT, 0, "'%s' changed while it was copied", name);
	auto_fd to =
		openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return err_errno(err, "make '%s'", name);
	int rc = copy_bytes(from, to, opened.st_size, err);
	if (rc == 0)
		rc = copy_attributes(to, st, err);
	if (rc == 0)
		copy_xattrs(from, to);
	return rc < 0 ? err_wrap(err, rc, "'%s'", name) : 0;
}

static int copy_link(int from_dir, int to_dir, const char *name, const struct stat *st,
		     struct err *err)
{
	char target[PATH_MAX];
	ssize_t len = readlinkat(from_dir, name, target, sizeof(target) - 1);

	if (len < 0)
		return err_errno(err, "read the link '%s'", name);
	target[len] = '\0';
	if (symlinkat(target, to_dir, name) < 0 ||
	    fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, "copy the link '%s'", name);
	return 0;
}

static int copy_subfolder(int from_dir, int to_dir, const char *name, const struct stat *st,
			  unsigned depth, struct err *err)
{
	auto_fd from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (from < 0)
		return err_errno(err, "open '%s'", name);
	if (mkdirat(to_dir, name, 0700) < 0)
		return err_errno(err, "make '%s'", name);
	auto_fd to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return err_errno(err, "open '%s'", name);
	int rc = copy_folder(from, to, depth + 1, err);
	if (rc == 0)
		rc = copy_attributes(to, st, err);
	if (rc == 0)
		copy_xattrs(from, to);
	return rc < 0 ? err_wrap(err, rc, "'%s'", name) : 0;
}

static int copy_entry(int from, int to, const char *name, unsigned depth, struct err *err)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, "look at '%s'", name);
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		return copy_file(from, to, name, &st, err);
	case S_IFDIR:
		return copy_subfolder(from, to, name, &st, depth, err);
	case S_IFLNK:
		return copy_link(from, to, name, &st, err);
	case S_IFIFO:
		if (mkfifoat(to, name, 0600) < 0 ||
		    fchownat(to, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
		    fchmodat(to, name, st.st_mode & 07777, 0) < 0)
			return err_errno(err, "make the FIFO '%s'", name);
		return 0;
	default:
		/* Sockets mean nothing without their owner; device nodes of an image are never made. */
		return 0;
	}
}

static int copy_folder(int from, int to, unsigned depth, struct err *err)
{
	if (depth > COPY_DEPTH_MAX)
		return err_set(err, ERR_INVALID, ELOOP, "more than %d folders deep",
			       COPY_DEPTH_MAX);
	int fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	int rc = 0;

	if (dir == NULL) {
		fd_closep(&fd);
		return err_errno(err, "read a folder of the image");
	}
	for (struct dirent *entry = readdir(dir); rc == 0 && entry != NULL; entry = readdir(dir)) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = copy_entry(from, to, entry->d_name, depth, err);
	}
	(void)closedir(dir);
	return rc;
}

static int fill(int volume, int rootfs_fd, const struct mount_option *mount, struct err *err)
{
	struct err absent;
	struct stat st;
	auto_fd from = path_open_in_root(rootfs_fd, mount->target, O_RDONLY | O_DIRECTORY, &absent);

	if (from < 0) {
		if (absent.kind == ERR_NOT_FOUND)
			return 0;
		*err = absent;
		return from;
	}
	if (fstat(from, &st) < 0)
		return err_errno(err, "look at '%s'", mount->target);
	int rc = mount->no_copy ? 0 : copy_folder(from, volume, 0, err);
	return rc < 0 ? rc : copy_attributes(volume, &st, err);
}

int volume_prepare(int data_fd, size_t number, int rootfs_fd, const struct mount_option *mount,
		   const char *label, struct err *err)
{
	char name[32], partial[40];

	(void)snprintf(name, sizeof(name), "%zu", number);
	(void)snprintf(partial, sizeof(partial), "%zu.partial", number);
	if (mkdirat(data_fd, "volumes", 0700) < 0 && errno != EEXIST)
		return err_errno(err, "make the folder 'volumes'");
	auto_fd volumes =
		openat(data_fd, "volumes", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (volumes < 0)
		return err_errno(err, "open the folder 'volumes'");
	if (faccessat(volumes, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0; /* of an earlier start */
	int rc = paths_remove_tree(volumes, partial, err);
	if (rc < 0)
		return rc;
	if (mkdirat(volumes, partial, 0755) < 0)
		return err_errno(err, "make the volume of '%s'", mount->target);
	auto_fd volume = openat(volumes, partial, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (volume < 0)
		return err_errno(err, "open the volume of '%s'", mount->target);
	if (fchmod(volume, 0755) < 0)
		return err_errno(err, "set the mode of the volume of '%s'", mount->target);
	/* What is made in it inherits the type. */
	if (label != NULL)
		rc = lsm_selinux_set_file(volume, label, err);
	if (rc == 0)
		rc = fill(volume, rootfs_fd, mount, err);
	if (rc < 0)
		return err_wrap(err, rc, "fill the volume of '%s'", mount->target);
	if (renameat(volumes, partial, volumes, name) < 0)
		return err_errno(err, "name the volume of '%s'", mount->target);
	return 0;
}
