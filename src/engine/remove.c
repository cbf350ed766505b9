#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "engine/spec/list.h"
#include "monitor/wire/attach.h"
#include "monitor/wire/config.h"

#define LOCK_TIMEOUT_MS    20000
#define LOCK_STEP_MS       5
#define MONITOR_TIMEOUT_MS 10000

/* Waits for whoever starts or removes the container; a dead process's lock is gone. */
static int lock(int data_fd, const char *id, struct err *err)
{
	int64_t deadline = engine_monotonic_ms() + LOCK_TIMEOUT_MS;

	while (flock(data_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_errno(err, "lock container %.12s", id);
		if (engine_monotonic_ms() > deadline)
			return err_set(err, ERR_CONFLICT, EBUSY,
				       "another process starts or removes container %.12s", id);
		(void)poll(NULL, 0, LOCK_STEP_MS);
	}
	return 0;
}

/* Until the monitor is gone: it hangs up when it is done, having sent what it had to say. */
static void await_hangup(int session)
{
	uint8_t buffer[ATTACH_MESSAGE_MAX];
	struct attach_message message;
	struct err ignored;
	int64_t deadline = engine_monotonic_ms() + MONITOR_TIMEOUT_MS;

	for (int64_t left = MONITOR_TIMEOUT_MS; left > 0; left = deadline - engine_monotonic_ms()) {
		struct pollfd poll_fd = {.fd = session, .events = POLLIN};
		if (poll(&poll_fd, 1, (int)left) > 0 &&
		    attach_receive(session, buffer, &message, &ignored) <= 0)
			return;
	}
}

/*
 * Ends what runs. A monitor that lives is waited for, so that it does not write into folders that
 * are being removed; the runtime's forced delete has the last word over processes, mounts, cgroups.
 */
static int end_processes(struct engine *engine, const struct engine_container *container,
			 struct err *err)
{
	const char *words[] = {"delete", "--force", container->id, NULL};
	struct engine_streams nothing = {.want_stdin = false};
	struct err ignored;
	auto_fd session = FD_NONE;

	bool monitored =
		engine_container_attach(engine, container, &nothing, &session, &ignored) == 0;
	if (container->status == ENGINE_RUNNING)
		(void)engine_container_signal(engine, container, SIGKILL, &ignored);
	if (monitored)
		await_hangup(session);
	int rc = launch_runtime(engine, words, err);
	return rc < 0 ? err_wrap(err, rc, "remove what the runtime holds of container %.12s",
				 container->id)
		      : 0;
}

static int remove_folders(struct engine *engine, const char *id, struct err *err)
{
	ARENA_AUTO(arena, 65536);
	const char *state = paths_in_state(engine, id, NULL, &arena);

	if (state == NULL)
		return list_no_memory(err);
	int rc = paths_remove_tree(AT_FDCWD, state, err);
	if (rc == 0)
		rc = store_trash_put(engine->store, engine->containers_fd, id, err);
	return rc < 0 && err->kind == ERR_NOT_FOUND ? 0 : rc;
}

/* The trash is emptied off the path; what cannot be removed is told to who tries next. */
static void empty_trash(struct engine *engine)
{
	ARENA_AUTO(arena, 65536);
	const char *program = NULL;
	struct err ignored;

	if (paths_find_program(engine, "corten-image", &arena, &program, &ignored) == 0)
		(void)store_trash_empty_later(engine->store, program, &ignored);
}

/* Whether the runtime still has a state folder of that name; a doubt counts as yes. */
static bool runtime_holds(const struct engine *engine, const char *id)
{
	ARENA_AUTO(arena, 65536);
	const char *path = list_text(&arena, "%s/runtime/%s", engine->state, id);

	return path == NULL || faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	       errno != ENOENT;
}

/*
 * ended: the monitor said that the container has ended and that the runtime's part is gone. It is
 * looked at all the same: whoever was to remove that part may have been killed over it.
 */
static int remove_all(struct engine *engine, const struct engine_container *container, bool ended,
		      struct err *err)
{
	struct err absent;
	auto_fd data = paths_open_data(engine, container->id, &absent);

	int rc = data >= 0 ? lock(data, container->id, err) : 0;
	if (rc == 0 && (!ended || runtime_holds(engine, container->id)))
		rc = end_processes(engine, container, err);
	if (rc == 0)
		rc = remove_folders(engine, container->id, err);
	if (rc == 0)
		rc = record_delete(engine, container->id, err);
	if (rc == 0)
		empty_trash(engine);
	return rc;
}

int engine_container_remove(struct engine *engine, const struct engine_container *container,
			    bool force, struct err *err)
{
	if (container->status == ENGINE_RUNNING && !force)
		return err_set(
			err, ERR_CONFLICT, 0,
			"cannot remove container \"%s\": container is running: stop the container "
			"before removing or force remove",
			container->name);
	return remove_all(engine, container, false, err);
}

int engine_container_finish(struct engine *engine, const char *id, struct err *err)
{
	const struct engine_container container = {.id = id};

	return remove_all(engine, &container, true, err);
}

int engine_container_cleanup(struct engine *engine, const char *id, struct err *err)
{
	ARENA_AUTO(arena, 8 * 1024 * 1024);
	struct engine_container container;

	int rc = engine_container_find(engine, id, &arena, &container, err);
	if (rc < 0)
		return err->kind == ERR_NOT_FOUND ? 0 : rc;
	if (!container.auto_remove || container.status == ENGINE_RUNNING)
		return 0;
	return engine_container_finish(engine, container.id, err);
}
