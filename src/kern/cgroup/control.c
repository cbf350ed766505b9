#include "kern/cgroup/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/cgroup/internal.h"
#include "kern/pidfd/pidfd.h"

#define KILL_FREEZE_MS 200
#define SIGNAL_BATCH   64 /* descriptors of processes that are held at once */

/*
 * The hierarchy to freeze in, or -1. A hybrid host's v1 freezer comes first: runc and others use
 * it.
 */
static int freezer_of(const struct cgroup *cgroup)
{
	int i = cgroup_host_find(cgroup->host, CGROUP_FREEZER);

	if (i >= 0 && cgroup->dir_at[i] != 0)
		return i;
	i = cgroup_host_find_v2(cgroup->host);
	return i >= 0 && cgroup->dir_at[i] != 0 ? i : -1;
}

/* The hierarchy that tells best who belongs to the container, or -1. */
static int roll_of(const struct cgroup *cgroup)
{
	static const enum cgroup_controller order[] = {CGROUP_FREEZER, CGROUP_DEVICES, CGROUP_PIDS};
	int i = cgroup_host_find_v2(cgroup->host);

	if (i >= 0 && cgroup->dir_at[i] != 0)
		return i;
	for (size_t c = 0; c < sizeof(order) / sizeof(order[0]); c++) {
		i = cgroup_host_find(cgroup->host, order[c]);
		if (i >= 0 && cgroup->dir_at[i] != 0)
			return i;
	}
	for (size_t h = 0; h < cgroup->host->count; h++)
		if (cgroup->dir_at[h] != 0)
			return (int)h;
	return -1;
}

static int no_freezer(struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED, 0,
		       "the container has no cgroup that can be frozen (freezer on v1, any on v2)");
}

static int write_state(const struct cgroup *cgroup, int i, const char *file, const char *text,
		       struct err *err)
{
	const char *dir = cgroup_dir(cgroup, (size_t)i);
	int rc = cgroup_write_file(cgroup->host->root_fd, dir, file, text);

	if (rc < 0) {
		errno = -rc;
		return err_errno(err, "write '%s' to '" CGROUP_ROOT "/%s/%s'", text, dir, file);
	}
	return 0;
}

static int freeze_timeout(const char *dir, struct err *err)
{
	return err_set(err, ERR_SYSTEM, ETIMEDOUT,
		       "freeze '" CGROUP_ROOT "/%s': some process does not stop", dir);
}

/*
 * v1 can stay in FREEZING while processes fork; writing again, and thawing between, gets it
 * further.
 */
static int freeze_v1(const struct cgroup *cgroup, int i, uint64_t deadline_us, struct err *err)
{
	const char *dir = cgroup_dir(cgroup, (size_t)i);
	char state[32];

	for (unsigned round = 1;; round++) {
		int rc = write_state(cgroup, i, "freezer.state", "FROZEN", err);
		if (rc == 0 && round % 25 == 0)
			cgroup_sleep_us(20);
		if (rc == 0)
			rc = cgroup_read_value(cgroup->host->root_fd, dir, "freezer.state", state,
					       sizeof(state), err);
		if (rc < 0)
			return rc;
		if (strcmp(state, "FROZEN") == 0)
			return 0;
		if (cgroup_now_us() >= deadline_us)
			return freeze_timeout(dir, err);
		if (round % 50 == 0) {
			(void)cgroup_write_file(cgroup->host->root_fd, dir, "freezer.state",
						"THAWED");
			cgroup_sleep_us(5000);
		}
	}
}

static int freeze_v2(const struct cgroup *cgroup, int i, uint64_t deadline_us, struct err *err)
{
	const char *dir = cgroup_dir(cgroup, (size_t)i);
	char path[CGROUP_PATH_MAX + 32], events[256];

	int rc = write_state(cgroup, i, "cgroup.freeze", "1", err);
	if (rc < 0)
		return rc;
	(void)snprintf(path, sizeof(path), "%s/cgroup.events", dir);
	auto_fd fd = openat(cgroup->host->root_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "open '" CGROUP_ROOT "/%s'", path);
	for (;;) {
		ssize_t got = pread(fd, events, sizeof(events) - 1, 0);
		if (got < 0)
			return err_errno(err, "read '" CGROUP_ROOT "/%s'", path);
		events[got] = '\0';
		if (strstr(events, "frozen 1") != NULL)
			return 0;
		uint64_t now_us = cgroup_now_us();
		if (now_us >= deadline_us)
			return freeze_timeout(dir, err);
		struct pollfd change = {.fd = fd, .events = POLLPRI};
		(void)poll(&change, 1, (int)((deadline_us - now_us) / 1000) + 1);
	}
}

int cgroup_freeze(const struct cgroup *cgroup, unsigned timeout_ms, struct err *err)
{
	uint64_t deadline_us = cgroup_now_us() + (uint64_t)timeout_ms * 1000;
	int i = freezer_of(cgroup);

	if (i < 0)
		return no_freezer(err);
	int rc = cgroup->host->hierarchies[i].v2 ? freeze_v2(cgroup, i, deadline_us, err)
						 : freeze_v1(cgroup, i, deadline_us, err);
	struct err ignored;
	if (rc < 0) /* half frozen is worse than not at all */
		(void)cgroup_thaw(cgroup, &ignored);
	return rc;
}

int cgroup_thaw(const struct cgroup *cgroup, struct err *err)
{
	int i = freezer_of(cgroup);

	if (i < 0)
		return no_freezer(err);
	if (cgroup->host->hierarchies[i].v2)
		return write_state(cgroup, i, "cgroup.freeze", "0", err);
	return write_state(cgroup, i, "freezer.state", "THAWED", err);
}

int cgroup_is_frozen(const struct cgroup *cgroup, bool *ret_frozen, struct err *err)
{
	int i = freezer_of(cgroup);
	char state[32];

	*ret_frozen = false;
	if (i < 0)
		return 0; /* what cannot be frozen is not */
	bool v2 = cgroup->host->hierarchies[i].v2;
	/* v1: a cgroup that is frozen through its parent only cannot be thawed itself. */
	int rc = cgroup_read_value(cgroup->host->root_fd, cgroup_dir(cgroup, (size_t)i),
				   v2 ? "cgroup.freeze" : "freezer.self_freezing", state,
				   sizeof(state), err);
	if (rc < 0)
		return rc;
	*ret_frozen = strcmp(state, "1") == 0;
	return 0;
}

/*
 * Calls each for every process id in a cgroup's list; 0, which stands for a process of another pid
 * namespace, is left out.
 */
static int each_pid(int dir_fd, void (*each)(void *context, pid_t pid), void *context,
		    struct err *err)
{
	char block[4096];
	int64_t pid = 0;
	auto_fd fd = openat(dir_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, "open 'cgroup.procs'");
	ssize_t got = read(fd, block, sizeof(block));
	if (got < 0 && errno == EOPNOTSUPP) { /* v2: a threaded cgroup */
		fd_closep(&fd);
		fd = openat(dir_fd, "cgroup.threads", O_RDONLY | O_CLOEXEC);
		got = fd < 0 ? -1 : read(fd, block, sizeof(block));
	}
	while (got > 0) {
		for (ssize_t i = 0; i < got; i++) {
			if (block[i] >= '0' && block[i] <= '9' && pid < INT32_MAX / 10) {
				pid = pid * 10 + (block[i] - '0');
			} else {
				if (pid > 0)
					each(context, (pid_t)pid);
				pid = 0;
			}
		}
		got = read(fd, block, sizeof(block));
	}
	if (got < 0 && errno != ENODEV)
		return err_errno(err, "read 'cgroup.procs'");
	return 0;
}

struct pid_heap {
	pid_t *pids;
	size_t count;
	size_t room;
	bool full; /* there is no memory for more */
};

static void heap_grow(struct pid_heap *heap)
{
	size_t room = heap->room == 0 ? 256 : heap->room * 2;
	pid_t *pids = realloc(heap->pids, room * sizeof(*pids));

	if (pids == NULL) {
		heap->full = true;
		return;
	}
	heap->pids = pids;
	heap->room = room;
}

static void heap_add(void *context, pid_t pid)
{
	struct pid_heap *heap = context;

	if (heap->count == heap->room && !heap->full)
		heap_grow(heap);
	if (heap->count < heap->room)
		heap->pids[heap->count++] = pid;
}

struct signal_batch {
	const pid_t *pids;
	size_t count;
	int fds[SIGNAL_BATCH];
	bool listed[SIGNAL_BATCH];
};

static void batch_confirm(void *context, pid_t pid)
{
	struct signal_batch *batch = context;

	for (size_t i = 0; i < batch->count; i++)
		if (batch->pids[i] == pid)
			batch->listed[i] = true;
}

/*
 * Between the reading of a number and the signal it may be given to another process: a descriptor is
 * taken first, and only who is still listed afterwards is signalled. The descriptor then names a
 * process that was in the cgroup, or one that is gone.
 */
static int signal_some(int dir_fd, const pid_t *pids, size_t count, int signal, struct err *err)
{
	struct signal_batch batch = {.pids = pids, .count = count};
	struct err ignored;

	/* It may be gone by now, or be a thread whose process is listed further up. */
	for (size_t i = 0; i < count; i++)
		batch.fds[i] = pidfd_of(pids[i], &ignored);
	int rc = each_pid(dir_fd, batch_confirm, &batch, err);
	for (size_t i = 0; i < count; i++) {
		if (batch.fds[i] >= 0 && batch.listed[i])
			(void)pidfd_signal(batch.fds[i], signal, &ignored);
		fd_closep(&batch.fds[i]);
	}
	return rc;
}

static int signal_one(void *context, int dir_fd, struct err *err)
{
	struct pid_heap heap = {.pids = NULL};
	int rc = each_pid(dir_fd, heap_add, &heap, err);

	for (size_t at = 0; rc == 0 && at < heap.count; at += SIGNAL_BATCH) {
		size_t left = heap.count - at;
		rc = signal_some(dir_fd, heap.pids + at, left < SIGNAL_BATCH ? left : SIGNAL_BATCH,
				 *(const int *)context, err);
	}
	if (rc == 0 && heap.full)
		rc = err_set(err, ERR_SYSTEM, ENOMEM, "signal more than %zu processes", heap.count);
	free(heap.pids);
	return rc;
}

int cgroup_signal_dir(int root_fd, const char *dir, int signal, struct err *err)
{
	if (signal == SIGKILL && cgroup_write_file(root_fd, dir, "cgroup.kill", "1") == 0)
		return 0;
	return cgroup_walk(root_fd, dir, signal_one, &signal, err);
}

int cgroup_kill(const struct cgroup *cgroup, int signal, struct err *err)
{
	int root_fd = cgroup->host->root_fd;
	int i = roll_of(cgroup);
	struct err ignored;

	if (i < 0)
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "the container has no cgroup to find its processes by");
	const char *dir = cgroup_dir(cgroup, (size_t)i);
	if (signal != SIGKILL)
		return cgroup_signal_dir(root_fd, dir, signal, err);
	int rc = cgroup_write_file(root_fd, dir, "cgroup.kill", "1");
	if (rc < 0) {
		(void)cgroup_freeze(cgroup, KILL_FREEZE_MS, &ignored);
		rc = cgroup_signal_dir(root_fd, dir, signal, err);
	}
	/* On v1 the frozen cannot even die. */
	(void)cgroup_thaw(cgroup, &ignored);
	return rc;
}

struct pid_list {
	pid_t *pids;
	size_t max;
	size_t count;
};

static void add_pid(void *context, pid_t pid)
{
	struct pid_list *list = context;

	if (list->count < list->max)
		list->pids[list->count] = pid;
	list->count++;
}

static int list_one(void *context, int dir_fd, struct err *err)
{
	return each_pid(dir_fd, add_pid, context, err);
}

int cgroup_list_pids(const struct cgroup *cgroup, pid_t *pids, size_t max, size_t *ret_count,
		     struct err *err)
{
	struct pid_list list = {.pids = pids, .max = max};
	int i = roll_of(cgroup);

	*ret_count = 0;
	if (i < 0)
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "the container has no cgroup to find its processes by");
	int rc = cgroup_walk(cgroup->host->root_fd, cgroup_dir(cgroup, (size_t)i), list_one, &list,
			     err);
	if (rc < 0)
		return rc;
	if (list.count > max)
		return err_set(err, ERR_INVALID, E2BIG,
			       "the container has %zu processes, more than %zu", list.count, max);
	*ret_count = list.count;
	return 0;
}
