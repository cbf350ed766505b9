/* Removing cgroups with whatever a container nested in them, in bounded time and memory. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/cgroup/internal.h"

#define PAUSE_FIRST_US 50
#define PAUSE_MAX_US   5000

/*
 * Removes all cgroups beneath one. It climbs up and down by descriptors instead of recursing: a
 * container can nest deeper than any path or stack is long. Returns 0, or -EBUSY for one that
 * holds processes.
 */
static int remove_children(int root_fd, const char *dir, uint64_t deadline_us)
{
	char name[256];
	struct stat here, left = {.st_ino = 0}; /* left: the empty one that was climbed out of */
	size_t depth = 0;
	auto_fd at = openat(root_fd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (at < 0)
		return errno == ENOENT ? 0 : -errno;
	while (cgroup_now_us() <= deadline_us) {
		int found = lseek(at, 0, SEEK_SET) < 0 ? -errno
						       : cgroup_next_child(at, name, sizeof(name));
		if (found < 0)
			return found == -ENOENT || found == -ENODEV ? 0 : found;
		if (found == 0 && depth == 0)
			return 0;
		if (found > 0 && (unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT))
			continue;
		if (found > 0 && errno != EBUSY)
			return -errno;
		if (found > 0 && fstatat(at, name, &here, AT_SYMLINK_NOFOLLOW) == 0 &&
		    here.st_ino == left.st_ino)
			return -EBUSY;
		if (found == 0 && fstat(at, &left) < 0)
			return -errno;
		/* Empty: up again, where it can be removed. Busy: it may have children, down. */
		auto_fd next = openat(at, found == 0 ? ".." : name,
				      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0 && errno == ENOENT && found > 0)
			continue;
		if (next < 0)
			return -errno;
		depth = found == 0 ? depth - 1 : depth + 1;
		fd_closep(&at);
		at = fd_take(&next);
	}
	return -EBUSY;
}

/* One try. Returns 0 or -errno. */
static int remove_dir(int root_fd, const char *dir, uint64_t deadline_us)
{
	if (unlinkat(root_fd, dir, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != EBUSY)
		return -errno;
	int rc = remove_children(root_fd, dir, deadline_us);
	if (rc < 0)
		return rc;
	if (unlinkat(root_fd, dir, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	return -errno;
}

/* Tries all of `left`, bits of dirs, and clears those that are gone. Returns the first failure. */
static int remove_dirs(int root_fd, const char *const *dirs, size_t count, uint64_t deadline_us,
		       uint32_t *left, size_t *ret_failed)
{
	int first = 0;

	for (size_t i = 0; i < count; i++) {
		if ((*left & (1u << i)) == 0)
			continue;
		int rc = remove_dir(root_fd, dirs[i], deadline_us);
		if (rc == 0) {
			*left &= ~(1u << i);
		} else if (first == 0) {
			first = rc;
			*ret_failed = i;
		}
	}
	return first;
}

int cgroup_remove(const char *const *dirs, size_t count, unsigned timeout_ms, unsigned flags,
		  struct err *err)
{
	uint64_t deadline_us = cgroup_now_us() + (uint64_t)timeout_ms * 1000;
	uint32_t left = 0;
	size_t failed = 0;

	if (count > CGROUP_HIERARCHIES_MAX)
		return err_set(err, ERR_INVALID, E2BIG, "%zu cgroups to remove", count);
	for (size_t i = 0; i < count; i++) {
		int rc = cgroup_check_dir(dirs[i], err);
		if (rc < 0)
			return rc;
		left |= 1u << i;
	}
	auto_fd root_fd = openat(AT_FDCWD, CGROUP_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return err_errno(err, "open " CGROUP_ROOT);
	for (unsigned pause_us = PAUSE_FIRST_US;; pause_us *= 2) {
		int rc = remove_dirs(root_fd, dirs, count, deadline_us, &left, &failed);
		if (rc == 0)
			return 0;
		if (rc != -EBUSY || cgroup_now_us() >= deadline_us) {
			errno = -rc;
			return err_errno(err, "remove the cgroup '" CGROUP_ROOT "/%s'",
					 dirs[failed]);
		}
		if (flags & CGROUP_REMOVE_KILL)
			for (size_t i = 0; i < count; i++)
				if ((left & (1u << i)) != 0)
					(void)cgroup_signal_dir(root_fd, dirs[i], SIGKILL, err);
		if (pause_us > PAUSE_MAX_US)
			pause_us = PAUSE_MAX_US;
		cgroup_sleep_us(pause_us);
	}
}
