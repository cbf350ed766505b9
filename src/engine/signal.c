#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "engine/spec/value.h"
#include "kern/pidfd/pidfd.h"
#include "kern/proc/procfs.h"
#include "monitor/wire/attach.h"
#include "monitor/wire/config.h"

#define STOP_TIMEOUT_MS_DEFAULT 10000
#define KILL_TIMEOUT_MS         10000
#define POLL_STEP_MS            20

int engine_container_attach(struct engine *engine, const struct engine_container *container,
			    const struct engine_streams *streams, int *ret_session, struct err *err)
{
	auto_fd dir = paths_open_state(engine, container->id, false, err);
	auto_fd sock = dir >= 0 ? attach_connect_at(dir, MONITOR_ATTACH_SOCKET, err) : dir;

	if (sock < 0)
		return err_wrap(err, sock, "attach to container %s", container->name);
	struct attach_message hello = {
		.type = ATTACH_HELLO,
		.hello = {.version = ATTACH_VERSION,
			  .flags = (uint16_t)((streams->want_stdin ? ATTACH_WANT_STDIN : 0) |
					      (streams->want_stdout ? ATTACH_WANT_STDOUT : 0) |
					      (streams->want_stderr ? ATTACH_WANT_STDERR : 0)),
			  .rows = streams->rows,
			  .columns = streams->columns}};
	int rc = attach_send(sock, &hello);
	if (rc < 0)
		return err_set(err, err_kind_of(-rc), -rc, "attach to container %s",
			       container->name);
	*ret_session = fd_take(&sock);
	return 0;
}

static int not_running(const struct engine_container *container, struct err *err)
{
	return err_set(err, ERR_CONFLICT, 0, "container %s is not running", container->id);
}

int engine_container_signal(struct engine *engine, const struct engine_container *container,
			    int signal, struct err *err)
{
	(void)engine;
	if (container->status != ENGINE_RUNNING)
		return not_running(container, err);
	auto_fd proc = procfs_open(err);
	if (proc < 0)
		return proc;
	auto_fd pidfd = pidfd_of_started(proc, container->pid, container->pid_start_ticks, err);
	if (pidfd < 0)
		return err->kind == ERR_NOT_FOUND ? not_running(container, err) : pidfd;
	int rc = pidfd_signal(pidfd, signal, err);
	if (rc < 0 && err->kind == ERR_NOT_FOUND)
		return not_running(container, err);
	return rc;
}

/* Milliseconds left until the deadline; -1 without one. */
static int left_ms(int64_t deadline_ms)
{
	if (deadline_ms < 0)
		return -1;
	int64_t left = deadline_ms - engine_monotonic_ms();
	return left <= 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

/* The monitor closes its clients' sockets when all is done. 1: closed; 0: time ran out. */
static int wait_session(int fd, int64_t deadline_ms, struct err *err)
{
	uint8_t buffer[ATTACH_MESSAGE_MAX];
	struct attach_message message;

	for (;;) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		int n = poll(&poll_fd, 1, left_ms(deadline_ms));
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_errno(err, "wait for the monitor");
		if (n > 0 && attach_receive(fd, buffer, &message, err) <= 0)
			return 1;
	}
}

/* Without a monitor only the process itself can be watched. */
static int wait_process(const struct engine_container *container, int64_t deadline_ms,
			struct err *err)
{
	auto_fd proc = procfs_open(err);

	if (proc < 0)
		return proc;
	auto_fd pidfd = pidfd_of_started(proc, container->pid, container->pid_start_ticks, err);
	if (pidfd < 0)
		return err->kind == ERR_NOT_FOUND ? 1 : pidfd;
	struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
	int n;
	do {
		n = poll(&poll_fd, 1, left_ms(deadline_ms));
	} while (n < 0 && errno == EINTR);
	return n < 0 ? err_errno(err, "wait for the container") : n > 0;
}

int engine_container_wait(struct engine *engine, const struct engine_container *container,
			  int64_t timeout_ms, int *ret_exit_code, struct err *err)
{
	ARENA_AUTO(arena, 8 * 1024 * 1024);
	struct engine_container now = *container;
	int64_t deadline_ms = timeout_ms < 0 ? -1 : engine_monotonic_ms() + timeout_ms;

	for (;;) {
		struct engine_streams nothing = {.want_stdin = false};
		struct err gone;
		auto_fd session = FD_NONE;
		int rc = fold_state(engine, &now, &arena, err);
		if (rc < 0)
			return rc;
		if (now.status != ENGINE_RUNNING) {
			*ret_exit_code = now.exit_code;
			return 1;
		}
		if (engine_container_attach(engine, &now, &nothing, &session, &gone) == 0)
			rc = wait_session(session, deadline_ms, err);
		else
			rc = wait_process(&now, deadline_ms, err);
		if (rc <= 0)
			return rc;
		/* The record is written before the socket closes; a killed monitor writes none, and then
		   the process's end is what counts. */
		rc = fold_state(engine, &now, &arena, err);
		if (rc == 0 && now.status == ENGINE_RUNNING)
			(void)poll(NULL, 0, POLL_STEP_MS);
	}
}

static int stop_signal(struct engine *engine, const struct engine_container *container,
		       int *ret_signal, struct err *err)
{
	struct store_image *image = NULL;
	struct err gone;

	*ret_signal = SIGTERM;
	if (container->options.stop_signal != NULL)
		return value_parse_signal(container->options.stop_signal, ret_signal, err);
	/* An image that is gone, or that names no signal, leaves the default. */
	if (store_image_find(engine->store, container->image_id, &image, &gone) < 0)
		return 0;
	if (image->config->config.stop_signal != NULL &&
	    value_parse_signal(image->config->config.stop_signal, ret_signal, &gone) < 0)
		*ret_signal = SIGTERM;
	store_image_free(image);
	return 0;
}

static int64_t stop_timeout_ms(const struct engine_container *container)
{
	int64_t seconds = 0;
	struct err ignored;

	if (container->options.stop_timeout == NULL ||
	    value_parse_int(container->options.stop_timeout, "", -1, INT32_MAX, &seconds,
			    &ignored) < 0)
		return STOP_TIMEOUT_MS_DEFAULT;
	return seconds < 0 ? -1 : seconds * 1000;
}

int engine_container_stop(struct engine *engine, const struct engine_container *container,
			  int64_t timeout_ms, struct err *err)
{
	int signal = SIGTERM, exit_code = 0;

	if (container->status != ENGINE_RUNNING)
		return 0; /* as with Docker, stopping what is stopped is no error */
	int rc = stop_signal(engine, container, &signal, err);
	if (rc == 0)
		rc = engine_container_signal(engine, container, signal, err);
	if (rc < 0)
		return err->kind == ERR_CONFLICT ? 0 : rc;
	if (timeout_ms < 0)
		timeout_ms = stop_timeout_ms(container);
	rc = engine_container_wait(engine, container, timeout_ms, &exit_code, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = engine_container_signal(engine, container, SIGKILL, err);
	if (rc < 0)
		return err->kind == ERR_CONFLICT ? 0 : rc;
	rc = engine_container_wait(engine, container, KILL_TIMEOUT_MS, &exit_code, err);
	if (rc == 0)
		return err_set(err, ERR_SYSTEM, ETIMEDOUT,
			       "container %s does not end after SIGKILL", container->name);
	return rc < 0 ? rc : 0;
}
