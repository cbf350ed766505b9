/* Copies a small tree by descriptors: what "tmpcopyup" fills a tmpfs with. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "runtime/steps/mount_util.h"

static int copy_folder(int from, int to, int depth, struct err *err);

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st,
		     struct err *err)
{
	auto_fd from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	auto_fd to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			    st->st_mode & 07777);

	if (from < 0 || to < 0)
		return err_errno(err, "copy '%s'", name);
	for (;;) {
		ssize_t sent = sendfile(to, from, NULL, 1 << 20);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return err_errno(err, "copy '%s'", name);
		if (sent == 0)
			return 0;
	}
}

static int copy_link(int from_dir, int to_dir, const char *name, struct err *err)
{
	char target[PATH_LENGTH_MAX];
	ssize_t len = readlinkat(from_dir, name, target, sizeof(target) - 1);

	if (len < 0)
		return err_errno(err, "read the link '%s'", name);
	target[len] = '\0';
	if (symlinkat(target, to_dir, name) < 0)
		return err_errno(err, "make the link '%s'", name);
	return 0;
}

static int copy_subfolder(int from_dir, int to_dir, const char *name, const struct stat *st,
			  int depth, struct err *err)
{
	if (mkdirat(to_dir, name, st->st_mode & 07777) < 0)
		return err_errno(err, "make the folder '%s'", name);
	auto_fd from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_fd to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (from < 0 || to < 0)
		return err_errno(err, "open the folder '%s'", name);
	return copy_folder(from, to, depth + 1, err);
}

/* Devices and sockets of an image mean nothing in a container and are left out. */
static int copy_entry(int from, int to, const char *name, int depth, struct err *err)
{
	struct stat st;
	int rc = 0;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, "look at '%s'", name);
	if (S_ISREG(st.st_mode))
		rc = copy_file(from, to, name, &st, err);
	else if (S_ISLNK(st.st_mode))
		rc = copy_link(from, to, name, err);
	else if (S_ISDIR(st.st_mode))
		rc = copy_subfolder(from, to, name, &st, depth, err);
	else
		return 0;
	if (rc < 0)
		return rc;
	struct timespec times[2] = {st.st_atim, st.st_mtim};
	if (fchownat(to, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (!S_ISLNK(st.st_mode) && fchmodat(to, name, st.st_mode & 07777, 0) < 0) ||
	    utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, "set owner, mode and times of '%s'", name);
	return 0;
}

static int copy_folder(int from, int to, int depth, struct err *err)
{
	int rc = 0;

	if (depth > TREE_DEPTH_MAX)
		return err_set(err, ERR_INVALID, ELOOP, "folders nested deeper than %d",
			       TREE_DEPTH_MAX);
	int again = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = again >= 0 ? fdopendir(again) : NULL;
	if (dir == NULL) {
		rc = err_errno(err, "list a folder");
		fd_closep(&again);
		return rc;
	}
	for (struct dirent *entry = readdir(dir); entry != NULL && rc == 0; entry = readdir(dir))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = copy_entry(from, to, entry->d_name, depth, err);
	(void)closedir(dir);
	return rc;
}

int mount_copy_up(int from_fd, int to_fd, struct err *err)
{
	struct stat st;
	auto_fd to = openat(to_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (to < 0 || fstat(from_fd, &st) < 0)
		return err_errno(err, "open the folders to copy up");
	if (fchown(to, st.st_uid, st.st_gid) < 0 || fchmod(to, st.st_mode & 07777) < 0)
		return err_errno(err, "give the tmpfs the folder's owner and mode");
	int rc = copy_folder(from_fd, to, 0, err);
	return rc < 0 ? err_wrap(err, rc, "copy up the image's files") : 0;
}
