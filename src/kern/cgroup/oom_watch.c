#include "kern/cgroup/oom_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include "base/fd.h"
#include "base/str.h"
#include "kern/cgroup/control.h"
#include "kern/cgroup/internal.h"

static int oom_open_v1(const struct cgroup_source *source, struct err *err)
{
	char path[CGROUP_PATH_MAX + 32], words[64];
	auto_fd event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (event < 0)
		return err_errno(err, "make an eventfd");
	if (str_format(path, sizeof(path), "%s/memory.oom_control", source->dir) < 0)
		return err_set(err, ERR_INVALID, ENAMETOOLONG, "cgroup '%s'", source->dir);
	auto_fd control = openat(source->root_fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (control < 0)
		return err_errno(err, "open '" CGROUP_ROOT "/%s'", path);
	(void)str_format(words, sizeof(words), "%d %d", event, control);
	int rc = cgroup_write_file(source->root_fd, source->dir, "cgroup.event_control", words);
	if (rc < 0) {
		errno = -rc;
		return err_errno(err, "ask to be told of '" CGROUP_ROOT "/%s'", path);
	}
	return fd_take(&event);
}

/* inotify takes paths alone; the descriptor's own leads where it was opened. */
static int oom_add_watch(int inotify, const struct cgroup_source *source, const char *name,
			 struct err *err)
{
	char path[CGROUP_PATH_MAX + 32], link[32];

	if (str_format(path, sizeof(path), "%s/%s", source->dir, name) < 0)
		return err_set(err, ERR_INVALID, ENAMETOOLONG, "cgroup '%s'", source->dir);
	auto_fd file = openat(source->root_fd, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (file < 0)
		return err_errno(err, "open '" CGROUP_ROOT "/%s'", path);
	(void)str_format(link, sizeof(link), "/proc/self/fd/%d", file);
	if (inotify_add_watch(inotify, link, IN_MODIFY) < 0)
		return err_errno(err, "watch '" CGROUP_ROOT "/%s'", path);
	return 0;
}

static int oom_open_v2(const struct cgroup_source *source, struct err *err)
{
	auto_fd fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0)
		return err_errno(err, "watch the cgroup");
	int rc = oom_add_watch(fd, source, "memory.events", err);
	if (rc == 0)
		rc = oom_add_watch(fd, source, "cgroup.events", err);
	return rc < 0 ? rc : fd_take(&fd);
}

int cgroup_oom_open(const struct cgroup *cgroup, struct cgroup_oom_watch *ret_watch,
		    struct err *err)
{
	struct cgroup_source source = cgroup_source_of(cgroup, CGROUP_MEMORY);
	struct cgroup_stats stats;
	struct err ignored;

	*ret_watch = (struct cgroup_oom_watch){.cgroup = cgroup, .fd = FD_NONE};
	if (!source.known || cgroup_read_stats(cgroup, &stats, &ignored) < 0 || !stats.memory.known)
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "nothing accounts the container's memory: the cgroup controller "
			       "'memory' is missing");
	ret_watch->kills = stats.memory.oom_kills;
	int fd = source.v2 ? oom_open_v2(&source, err) : oom_open_v1(&source, err);
	if (fd < 0)
		return fd;
	ret_watch->fd = fd;
	return 0;
}

void cgroup_oom_close(struct cgroup_oom_watch *watch)
{
	fd_closep(&watch->fd);
}

/* An eventfd counts; its event without a cgroup is the cgroup's end. */
static int oom_read_v1(struct cgroup_oom_watch *watch, const struct cgroup_source *source,
		       uint64_t *ret_count, bool *ret_end, struct err *err)
{
	char text[256];
	uint64_t count = 0;

	if (read(watch->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return err_errno(err, "hear of memory that runs out");
	*ret_end = cgroup_read_file(source->root_fd, source->dir, "memory.oom_control", text,
				    sizeof(text)) < 0;
	*ret_count = *ret_end ? 0 : count;
	return 0;
}

static int oom_read_v2(struct cgroup_oom_watch *watch, const struct cgroup_source *source,
		       uint64_t *ret_count, bool *ret_end, struct err *err)
{
	char events[4096], text[256];
	uint64_t kills = 0;

	while (read(watch->fd, events, sizeof(events)) > 0)
		;
	int rc = cgroup_count_oom_kills(watch->cgroup, &kills, err);
	if (rc < 0)
		return rc;
	*ret_count = kills > watch->kills ? kills - watch->kills : 0;
	if (*ret_count > 0)
		watch->kills = kills;
	*ret_end = cgroup_read_file(source->root_fd, source->dir, "cgroup.events", text,
				    sizeof(text)) < 0 ||
		   strstr(text, "populated 0") != NULL;
	return 0;
}

int cgroup_oom_read(struct cgroup_oom_watch *watch, uint64_t *ret_count, bool *ret_end,
		    struct err *err)
{
	struct cgroup_source source = cgroup_source_of(watch->cgroup, CGROUP_MEMORY);

	return source.v2 ? oom_read_v2(watch, &source, ret_count, ret_end, err)
			 : oom_read_v1(watch, &source, ret_count, ret_end, err);
}
