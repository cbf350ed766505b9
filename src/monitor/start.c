#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "monitor/spawn.h"
#include "monitor/state.h"

#define RUNTIME_LOG     "runtime.log"
#define PID_FILE        "pid"
#define CONSOLE_SOCKET  "console.sock"
#define RUNTIME_LOG_MAX 262144

#define EXIT_ENGINE_FAILED 125
#define EXIT_NOT_RUN       126
#define EXIT_NOT_FOUND     127

struct log_entry {
	const char *level;
	const char *msg;
};

static const struct json_field log_entry_fields[] = {
	JSON_STRING(struct log_entry, level, "level"),
	JSON_STRING(struct log_entry, msg, "msg"),
};

static JSON_SHAPE(log_entry_shape, struct log_entry, log_entry_fields);

const char *monitor_runtime_error(const char *log, size_t len, struct arena *arena)
{
	const char *found = NULL;

	for (size_t at = 0; at < len;) {
		const char *newline = memchr(log + at, '\n', len - at);
		size_t end = newline == NULL ? len : (size_t)(newline - log);
		struct log_entry entry;
		struct err ignored;
		if (end > at &&
		    json_parse(&log_entry_shape, log + at, end - at, arena, &entry, &ignored) ==
			    0 &&
		    entry.level != NULL && entry.msg != NULL &&
		    (strcmp(entry.level, "error") == 0 || strcmp(entry.level, "fatal") == 0))
			found = entry.msg;
		at = end + 1;
	}
	return found;
}

static bool text_has(const char *text, const char *part)
{
	size_t len = strlen(part);

	for (; *text != '\0'; text++)
		if (strncasecmp(text, part, len) == 0)
			return true;
	return false;
}

uint32_t monitor_failure_code(int status, const char *text)
{
	if (WIFEXITED(status) &&
	    (WEXITSTATUS(status) == EXIT_NOT_RUN || WEXITSTATUS(status) == EXIT_NOT_FOUND))
		return (uint32_t)WEXITSTATUS(status);
	/* Other runtimes only say it in words, the same that Docker looks for. */
	if (!text_has(text, "exec"))
		return EXIT_ENGINE_FAILED;
	if (text_has(text, "permission denied") || text_has(text, "exec format error"))
		return EXIT_NOT_RUN;
	if (text_has(text, "executable file not found") ||
	    text_has(text, "no such file or directory"))
		return EXIT_NOT_FOUND;
	return EXIT_ENGINE_FAILED;
}

/* An absolute path in the state folder; lives as long as the monitor. */
static const char *state_path(struct monitor *monitor, const char *name)
{
	const char *dir = monitor->config->state_dir;
	size_t size = strlen(dir) + strlen(name) + 2;
	char *path = arena_alloc(monitor->arena, size);

	if (path == NULL)
		return "";
	(void)snprintf(path, size, "%s/%s", dir, name);
	return path;
}

static void runtime_args(struct monitor *monitor, struct spawn_args *args)
{
	spawn_args_add(args, monitor->config->runtime);
	spawn_args_add_all(args, &monitor->config->runtime_args);
	spawn_args_add(args, "--log");
	spawn_args_add(args, state_path(monitor, RUNTIME_LOG));
	spawn_args_add(args, "--log-format");
	spawn_args_add(args, "json");
}

/* Waits for one child; others are left for later. 1: its status; 0: time ran out. */
static int child_wait(struct monitor *monitor, pid_t pid, unsigned timeout_ms, int *ret_status)
{
	int64_t deadline = monitor_now_ms() + timeout_ms;

	for (;;) {
		struct pollfd poll_fd = {.fd = monitor->signal_fd, .events = POLLIN};
		struct signalfd_siginfo info;
		pid_t got = waitpid(pid, ret_status, WNOHANG);
		if (got == pid || (got < 0 && errno != EINTR))
			return 1;
		int64_t left = deadline - monitor_now_ms();
		if (left <= 0)
			return 0;
		if (poll(&poll_fd, 1, (int)left) > 0)
			(void)!read(monitor->signal_fd, &info, sizeof(info));
	}
}

static int runtime_wait(struct monitor *monitor, pid_t pid, const char *what, int *ret_status,
			struct err *err)
{
	unsigned timeout_ms = monitor->config->start_timeout_ms;

	*ret_status = 0;
	if (child_wait(monitor, pid, timeout_ms, ret_status) == 1)
		return 0;
	(void)kill(pid, SIGKILL);
	(void)child_wait(monitor, pid, 1000, ret_status);
	return err_set(err, ERR_SYSTEM, ETIMEDOUT, "the runtime's %s took more than %u ms", what,
		       timeout_ms);
}

/* What a runtime says on stderr when it has no log yet. */
static const char *stderr_text(struct monitor *monitor)
{
	size_t len = 0;
	int fd = monitor->stdio.ours[STDIO_ERR];

	while (fd >= 0 && len < sizeof(monitor->message) - 1) {
		ssize_t got = read(fd, monitor->message + len, sizeof(monitor->message) - 1 - len);
		if (got <= 0)
			break;
		len += (size_t)got;
	}
	while (len > 0 && monitor->message[len - 1] == '\n')
		len--;
	monitor->message[len] = '\0';
	return (const char *)monitor->message;
}

/* Turns the runtime's failure into err. */
static int runtime_failed(struct monitor *monitor, const char *what, int status, struct err *err)
{
	struct err ignored;
	BUF_AUTO(log, RUNTIME_LOG_MAX);
	const char *text = NULL;

	if (fd_read_file_at(monitor->state_fd, RUNTIME_LOG, &log, &ignored) == 0)
		text = monitor_runtime_error(log.data, log.len, monitor->arena);
	if (text == NULL)
		text = stderr_text(monitor);
	if (text[0] != '\0')
		return err_set(err, ERR_SYSTEM, 0, "%s", text);
	if (WIFSIGNALED(status))
		return err_set(err, ERR_SYSTEM, 0, "the runtime's %s was killed by signal %d", what,
			       WTERMSIG(status));
	return err_set(err, ERR_SYSTEM, 0,
		       "the runtime's %s failed with status %d and said nothing", what,
		       WEXITSTATUS(status));
}

static int pid_read(struct monitor *monitor, struct err *err)
{
	BUF_AUTO(text, 32);
	char *end;
	int rc = fd_read_file_at(monitor->state_fd, PID_FILE, &text, err);

	if (rc < 0)
		return err_wrap(err, rc, "learn the container's pid");
	long pid = text.data == NULL ? 0 : strtol(text.data, &end, 10);
	if (pid <= 1 || pid > INT32_MAX)
		return err_set(err, ERR_SYSTEM, 0, "the runtime wrote no pid to its --pid-file");
	monitor->init = (pid_t)pid;
	return 0;
}

static int runtime_run(struct monitor *monitor, struct spawn_args *args, pid_t *ret_pid,
		       struct err *err)
{
	const struct monitor_config *config = monitor->config;
	char number[16];

	spawn_args_add(args, "run");
	spawn_args_add(args, "--detach");
	spawn_args_add(args, "--bundle");
	spawn_args_add(args, config->bundle);
	spawn_args_add(args, "--pid-file");
	spawn_args_add(args, state_path(monitor, PID_FILE));
	if (config->tty) {
		spawn_args_add(args, "--console-socket");
		spawn_args_add(args, state_path(monitor, CONSOLE_SOCKET));
	}
	if (monitor->rootfs_fd >= 0) {
		(void)snprintf(number, sizeof(number), "%d", monitor->rootfs_fd);
		spawn_args_add(args, "--rootfs-fd");
		spawn_args_add(args, number);
	}
	spawn_args_add(args, config->id);
	(void)unlinkat(monitor->state_fd, PID_FILE, 0);
	(void)unlinkat(monitor->state_fd, RUNTIME_LOG, 0);
	return spawn_start(args, monitor->stdio.theirs, monitor->rootfs_fd, ret_pid, err);
}

int monitor_start(struct monitor *monitor, uint32_t *ret_exit_code, struct err *err)
{
	struct spawn_args args = {0};
	struct err ignored;
	pid_t pid;
	int status;

	*ret_exit_code = EXIT_ENGINE_FAILED;
	int rc = stdio_open(&monitor->stdio, monitor->config->stdin_open, monitor->state_fd,
			    CONSOLE_SOCKET, err);
	if (rc < 0)
		return rc;
	runtime_args(monitor, &args);
	rc = runtime_run(monitor, &args, &pid, err);
	fd_closep(&monitor->rootfs_fd);
	if (rc == 0)
		rc = runtime_wait(monitor, pid, "run", &status, err);
	else
		status = 0;
	if (rc == 0 && status != 0) {
		rc = runtime_failed(monitor, "run", status, err);
		*ret_exit_code = monitor_failure_code(status, err->text);
	} else if (rc == 0) {
		rc = stdio_started(&monitor->stdio, err);
		if (rc == 0)
			rc = pid_read(monitor, err);
		if (rc < 0)
			(void)monitor_delete(monitor, &ignored);
	} else if (rc == -ETIMEDOUT) {
		(void)monitor_delete(monitor, &ignored);
	}
	(void)unlinkat(monitor->state_fd, CONSOLE_SOCKET, 0);
	(void)unlinkat(monitor->state_fd, RUNTIME_LOG, 0);
	(void)unlinkat(monitor->state_fd, PID_FILE, 0);
	return rc;
}

int monitor_delete(struct monitor *monitor, struct err *err)
{
	struct spawn_args args = {0};
	pid_t pid;
	int status;
	auto_fd null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return err_errno(err, "open '/dev/null'");
	runtime_args(monitor, &args);
	spawn_args_add(&args, "delete");
	spawn_args_add(&args, "--force");
	spawn_args_add(&args, monitor->config->id);
	int rc = spawn_start(&args, (const int[3]){null, null, null}, FD_NONE, &pid, err);
	if (rc == 0)
		rc = runtime_wait(monitor, pid, "delete", &status, err);
	if (rc == 0 && status != 0)
		rc = runtime_failed(monitor, "delete", status, err);
	(void)unlinkat(monitor->state_fd, RUNTIME_LOG, 0);
	return rc;
}
