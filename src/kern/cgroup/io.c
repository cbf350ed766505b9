/* Reading, writing and walking cgroupfs. Every path is relative to CGROUP_ROOT's descriptor. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/cgroup/internal.h"

static int open_file(int root_fd, const char *dir, const char *file, int flags)
{
	char path[CGROUP_PATH_MAX + 256];
	int len = snprintf(path, sizeof(path), "%s%s%s", dir, dir[0] != '\0' ? "/" : "", file);

	if (len < 0 || (size_t)len >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return openat(root_fd, path, flags | O_CLOEXEC | O_NOFOLLOW);
}

int cgroup_write_file(int root_fd, const char *dir, const char *file, const char *text)
{
	auto_fd fd = open_file(root_fd, dir, file, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return -errno;
	return 0;
}

ssize_t cgroup_read_file(int root_fd, const char *dir, const char *file, char *buf, size_t size)
{
	auto_fd fd = open_file(root_fd, dir, file, O_RDONLY);

	if (fd < 0)
		return -errno;
	ssize_t got = fd_read_full(fd, buf, size);
	if (got == (ssize_t)size)
		return -E2BIG;
	if (got >= 0)
		buf[got] = '\0';
	return got;
}

int cgroup_read_value(int root_fd, const char *dir, const char *file, char *buf, size_t size,
		      struct err *err)
{
	auto_fd fd = open_file(root_fd, dir, file, O_RDONLY);
	ssize_t got = fd < 0 ? -errno : fd_read_once(fd, buf, size - 1);

	if (got < 0) {
		errno = (int)-got;
		return err_errno(err, "read '" CGROUP_ROOT "/%s/%s'", dir, file);
	}
	buf[got] = '\0';
	if (got > 0 && buf[got - 1] == '\n')
		buf[got - 1] = '\0';
	return 0;
}

bool cgroup_has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	while (*list != '\0') {
		size_t here = strcspn(list, " \n");
		if (here == len && memcmp(list, word, len) == 0)
			return true;
		list += here;
		list += *list != '\0';
	}
	return false;
}

int cgroup_clean_path(const char *path, char *buf, size_t size, struct err *err)
{
	const char *whole = path;
	size_t used = 0;

	while (*path != '\0') {
		size_t len = strcspn(path, "/");
		if (len == 2 && memcmp(path, "..", 2) == 0) {
			if (used == 0)
				return err_set(err, ERR_INVALID, 0,
					       "cgroup path '%s' leaves the hierarchy by '..'",
					       whole);
			while (used > 0 && buf[used - 1] != '/')
				used--;
			used -= used > 0;
		} else if (len > 0 && !(len == 1 && path[0] == '.')) {
			if (len > 255 || used + len + 2 > size)
				return err_set(err, ERR_INVALID, ENAMETOOLONG,
					       "cgroup path '%.64s...'", whole);
			if (used > 0)
				buf[used++] = '/';
			memcpy(buf + used, path, len);
			used += len;
		}
		path += len;
		path += *path == '/';
	}
	buf[used] = '\0';
	return 0;
}

int cgroup_check_dir(const char *dir, struct err *err)
{
	char clean[CGROUP_PATH_MAX];
	int rc = cgroup_clean_path(dir, clean, sizeof(clean), err);

	if (rc == 0 && (clean[0] == '\0' || strcmp(clean, dir) != 0))
		return err_set(err, ERR_INVALID, 0, "'%s' is not a cgroup's directory", dir);
	return rc;
}

struct directory_entry {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

int cgroup_next_child(int dir_fd, char *name, size_t size)
{
	_Alignas(8) char block[1024];

	for (;;) {
		long got = syscall(SYS_getdents64, dir_fd, block, sizeof(block));
		if (got <= 0)
			return got < 0 ? -errno : 0;
		for (long at = 0; at < got;) {
			const struct directory_entry *entry = (const void *)(block + at);
			size_t len = strlen(entry->name) + 1;
			at += entry->reclen;
			if (entry->type != DT_DIR || entry->name[0] == '.' || len > size)
				continue;
			memcpy(name, entry->name, len);
			/* The next call goes on behind this entry. */
			if (lseek(dir_fd, entry->off, SEEK_SET) < 0)
				return -errno;
			return 1;
		}
	}
}

/* Where to go on in each folder above, on the way back up. */
struct walk_trail {
	off_t *resume;
	size_t depth;
	size_t room;
};

static int walk_push(struct walk_trail *trail, off_t at, struct err *err)
{
	if (trail->depth == CGROUP_DEPTH_MAX)
		return err_set(err, ERR_INVALID, E2BIG, "cgroups are nested more than %d deep",
			       CGROUP_DEPTH_MAX);
	if (trail->depth == trail->room) {
		size_t room = trail->room == 0 ? 64 : trail->room * 2;
		off_t *more = realloc(trail->resume, room * sizeof(*more));
		if (more == NULL)
			return err_set(err, ERR_SYSTEM, ENOMEM, "the way into nested cgroups");
		trail->resume = more;
		trail->room = room;
	}
	trail->resume[trail->depth++] = at;
	return 0;
}

/* Into the next child of *at. Returns 1 when *at is that child, 0 when there is none left. */
static int walk_down(struct walk_trail *trail, int *at, struct err *err)
{
	char name[256];

	for (;;) {
		int rc = cgroup_next_child(*at, name, sizeof(name));
		if (rc == 0 || rc == -ENOENT || rc == -ENODEV) /* the end, or removed meanwhile */
			return 0;
		if (rc < 0) {
			errno = -rc;
			return err_errno(err, "read a cgroup's directory");
		}
		int child = openat(*at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child < 0 && errno == ENOENT)
			continue;
		if (child < 0)
			return err_errno(err, "open the cgroup '%s'", name);
		rc = walk_push(trail, lseek(*at, 0, SEEK_CUR), err);
		if (rc < 0) {
			fd_closep(&child);
			return rc;
		}
		fd_closep(at);
		*at = child;
		return 1;
	}
}

static int walk_up(struct walk_trail *trail, int *at, struct err *err)
{
	int parent = openat(*at, "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (parent < 0)
		return err_errno(err, "go back up from a nested cgroup");
	fd_closep(at);
	*at = parent;
	if (lseek(parent, trail->resume[--trail->depth], SEEK_SET) < 0)
		return err_errno(err, "read a cgroup's directory");
	return 0;
}

int cgroup_walk(int root_fd, const char *dir,
		int (*visit)(void *context, int dir_fd, struct err *err), void *context,
		struct err *err)
{
	struct walk_trail trail = {NULL, 0, 0};
	auto_fd at = openat(root_fd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (at < 0)
		return err_errno(err, "open the cgroup '" CGROUP_ROOT "/%s'", dir);
	int rc;
	for (;;) {
		rc = walk_down(&trail, &at, err);
		if (rc > 0)
			continue;
		if (rc == 0)
			rc = visit(context, at, err);
		if (rc < 0 || trail.depth == 0)
			break;
		rc = walk_up(&trail, &at, err);
		if (rc < 0)
			break;
	}
	free(trail.resume);
	return rc;
}

void cgroup_sleep_us(unsigned us)
{
	struct timespec pause = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};

	(void)nanosleep(&pause, NULL);
}

uint64_t cgroup_now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}
