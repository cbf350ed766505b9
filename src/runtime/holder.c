#include "runtime/holder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/pidfd/pidfd.h"
#include "kern/proc/procfs.h"

#define FDINFO_MAX 1024

static DIR *holder_list(int proc, const char *path)
{
	struct err ignored;
	auto_fd fd = procfs_open_at(proc, path, O_RDONLY | O_DIRECTORY, &ignored);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir != NULL)
		(void)fd_take(&fd);
	return dir;
}

/* fdinfo lists the locks of an open file, in every process that shares it. */
static bool holder_is_locked(int proc, pid_t pid, const char *fd)
{
	char path[64], text[FDINFO_MAX];
	struct err ignored;

	(void)snprintf(path, sizeof(path), "%d/fdinfo/%.20s", pid, fd);
	return procfs_read_at(proc, path, text, sizeof(text), &ignored) > 0 &&
	       strstr(text, ": FLOCK ") != NULL;
}

static bool holder_holds(int proc, pid_t pid, const struct stat *folder)
{
	char path[32];
	struct stat st;
	bool found = false;

	(void)snprintf(path, sizeof(path), "%d/fd", pid);
	DIR *dir = holder_list(proc, path);
	if (dir == NULL)
		return false;
	for (struct dirent *entry = readdir(dir); entry != NULL && !found; entry = readdir(dir))
		/* The locks first: to look at a file may hang, where its filesystem is another's. */
		found = holder_is_locked(proc, pid, entry->d_name) &&
			fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 &&
			st.st_ino == folder->st_ino && st.st_dev == folder->st_dev;
	(void)closedir(dir);
	return found;
}

/* Returns whether it was one, and was killed. The descriptor comes first: the number may change hands. */
static bool holder_kill_one(int proc, pid_t pid, const struct stat *folder)
{
	struct err ignored;
	auto_fd pidfd = pidfd_of(pid, &ignored);

	return pidfd >= 0 && holder_holds(proc, pid, folder) &&
	       pidfd_signal(pidfd, SIGKILL, &ignored) == 0;
}

int holder_kill(int dir_fd, struct err *err)
{
	struct stat folder;
	size_t killed = 0;
	auto_fd proc = procfs_open_by(PROCFS_HOST, err);

	if (proc < 0)
		return proc;
	if (fstat(dir_fd, &folder) < 0)
		return err_errno(err, "look at the container's folder");
	DIR *dir = holder_list(proc, ".");
	if (dir == NULL)
		return err_errno(err, "list the processes");
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		long pid = strtol(entry->d_name, NULL, 10);
		if (pid > 0 && pid <= INT_MAX && pid != getpid())
			killed += holder_kill_one(proc, (pid_t)pid, &folder);
	}
	(void)closedir(dir);
	return killed > 0 ? 0
			  : err_set(err, ERR_NOT_FOUND, 0, "no process is seen to hold the lock");
}
