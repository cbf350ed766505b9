#include "monitor/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/pidfd/pidfd.h"
#include "monitor/oom.h"
#include "monitor/spawn.h"
#include "monitor/state.h"
#include "monitor/wire/journal.h"

#define HELLO_TIMEOUT_MS 10000
#define BOOT_ID_SIZE     37

int64_t monitor_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t monitor_now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int monitor_detach(struct err *err)
{
	sigset_t child;

	/* EPERM: already the leader of a session of its own. */
	(void)setsid();
	(void)umask(022);
	if (chdir("/") < 0)
		return err_errno(err, "change to '/'");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return err_errno(err, "become a subreaper");
	for (int sig = 1; sig < NSIG; sig++)
		if (sig == SIGHUP || sig == SIGINT || sig == SIGQUIT || sig == SIGTERM ||
		    sig == SIGPIPE || sig == SIGUSR1 || sig == SIGUSR2)
			(void)signal(sig, SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	if (sigprocmask(SIG_SETMASK, &child, NULL) < 0)
		return err_errno(err, "block SIGCHLD");
	auto_fd null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return err_errno(err, "open '/dev/null'");
	/* The starter's pipes must see their end although the monitor lives on. */
	for (int fd = 0; fd < 3; fd++)
		if (dup2(null, fd) < 0)
			return err_errno(err, "put '/dev/null' on descriptor %d", fd);
	if (null < 3)
		null = FD_NONE;
	return 0;
}

static int folder_open(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? err_errno(err, "open the folder '%s'", path) : fd;
}

static int monitor_open(struct monitor *monitor, struct err *err)
{
	const struct monitor_config *config = monitor->config;
	sigset_t child;

	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	monitor->signal_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (monitor->signal_fd < 0)
		return err_errno(err, "make a signalfd");
	monitor->state_fd = folder_open(config->state_dir, err);
	if (monitor->state_fd < 0)
		return monitor->state_fd;
	monitor->data_fd = folder_open(config->data_dir, err);
	if (monitor->data_fd < 0)
		return monitor->data_fd;
	if (config->log_driver == MONITOR_LOG_NONE)
		return 0;
	return log_open(&monitor->log, monitor->data_fd, config->log_max_bytes, config->log_files,
			err);
}

/* Takes the starter in as the first client and waits for its HELLO. */
static int launch_greet(struct monitor *monitor, int launch_fd, struct err *err)
{
	struct pollfd poll_fd = {.fd = launch_fd, .events = POLLIN};

	int flags = fcntl(launch_fd, F_GETFL);
	if (flags < 0 || fcntl(launch_fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(launch_fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_errno(err, "take --launch-fd %d over", launch_fd);
	struct client *client = clients_add(&monitor->clients, launch_fd);
	if (poll(&poll_fd, 1, HELLO_TIMEOUT_MS) > 0)
		monitor_serve(monitor, client);
	/* Nobody is left to hear what became of the container: it is not started. */
	if (monitor->clients.count == 0 || !client->greeted)
		return err_set(err, ERR_CONFLICT, ECONNABORTED,
			       "the starting process has gone or does not speak the protocol");
	return 0;
}

static void boot_id_read(char out[BOOT_ID_SIZE])
{
	struct err ignored;
	BUF_AUTO(text, 64);

	out[0] = '\0';
	if (fd_read_file_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", &text, &ignored) == 0 &&
	    text.len >= BOOT_ID_SIZE - 1)
		(void)snprintf(out, BOOT_ID_SIZE, "%s", text.data);
}

static uint64_t start_ticks(pid_t pid)
{
	char name[32];
	struct pidfd_stat stat;
	struct err ignored;
	BUF_AUTO(text, 4096);

	(void)snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	if (fd_read_file_at(AT_FDCWD, name, &text, &ignored) < 0 || text.data == NULL ||
	    pidfd_parse_stat(text.data, text.len, &stat, &ignored) < 0)
		return 0;
	return stat.start_time;
}

static int record_start(struct monitor *monitor, struct err *err)
{
	char boot_id[BOOT_ID_SIZE];
	struct journal_record record = {.type = JOURNAL_STARTED,
					.time_ns = monitor_now_ns(),
					.pid = monitor->init,
					.pid_start_ticks = start_ticks(monitor->init),
					.boot_id = boot_id};

	boot_id_read(boot_id);
	/* After a power cut the container is gone whatever the journal says: no sync. */
	return journal_append_at(monitor->data_fd, MONITOR_JOURNAL, &record, false, err);
}

/* The start has failed: tells everybody why. */
static void report_failure(struct monitor *monitor, uint32_t exit_code, const struct err *err)
{
	struct attach_message message = {.type = ATTACH_FAILED};
	char text[sizeof(err->text) + 128];
	struct err ignored;
	struct journal_record record = {.type = JOURNAL_FAILED,
					.time_ns = monitor_now_ns(),
					.exit_code = (int32_t)exit_code,
					.message = err_format(err, text, sizeof(text))};

	if (monitor->data_fd >= 0)
		(void)journal_append_at(monitor->data_fd, MONITOR_JOURNAL, &record,
					!monitor->config->auto_remove, &ignored);
	fd_closep(&monitor->lock_fd);
	message.failed.exit_code = exit_code;
	message.failed.err = *err;
	clients_tell_all(&monitor->clients, &message, monitor->config->stall_timeout_ms);
}

static int start(struct monitor *monitor, struct err *err)
{
	uint32_t exit_code;
	struct err ignored;
	struct attach_message message = {.type = ATTACH_STARTED};

	int rc = monitor_start(monitor, &exit_code, err);
	if (rc < 0) {
		report_failure(monitor, exit_code, err);
		return rc;
	}
	monitor->oom_fd = oom_open(monitor->init, monitor->config->cgroups_path);
	rc = record_start(monitor, err);
	if (rc == 0) {
		monitor->listener = attach_listen_at(monitor->state_fd, MONITOR_ATTACH_SOCKET, err);
		rc = monitor->listener < 0 ? monitor->listener : 0;
	}
	if (rc < 0) {
		(void)monitor_delete(monitor, &ignored);
		report_failure(monitor, 125, err);
		return rc;
	}
	fd_closep(&monitor->lock_fd);
	message.number = (uint64_t)monitor->init;
	clients_tell_all(&monitor->clients, &message, monitor->config->stall_timeout_ms);
	return 0;
}

static struct journal_record exit_record(struct monitor *monitor)
{
	struct journal_record record = {.type = JOURNAL_EXITED,
					.time_ns = monitor->ended_ns,
					.oom = oom_struck(monitor->oom_fd),
					.log_lost_bytes = monitor->log.lost_bytes};

	if (WIFSIGNALED(monitor->status)) {
		record.signal = WTERMSIG(monitor->status);
		record.exit_code = 128 + record.signal;
	} else {
		record.exit_code = WEXITSTATUS(monitor->status);
	}
	return record;
}

static void finish(struct monitor *monitor)
{
	struct attach_message message = {.type = ATTACH_EXITED}, failed = {.type = ATTACH_ERROR};
	unsigned timeout_ms = monitor->config->stall_timeout_ms;

	if (monitor->config->log_driver == MONITOR_LOG_JSON_FILE)
		log_close(&monitor->log, monitor_now_ns());
	struct journal_record record = exit_record(monitor);
	/* A container that is removed at once leaves nothing that a power cut could take. */
	if (journal_append_at(monitor->data_fd, MONITOR_JOURNAL, &record,
			      !monitor->config->auto_remove, &failed.failed.err) < 0)
		clients_tell_all(&monitor->clients, &failed, timeout_ms);
	if (monitor_delete(monitor, &failed.failed.err) < 0)
		clients_tell_all(&monitor->clients, &failed, timeout_ms);
	fd_closep(&monitor->listener);
	(void)unlinkat(monitor->state_fd, MONITOR_ATTACH_SOCKET, 0);
	message.exited.exit_code = (uint32_t)record.exit_code;
	message.exited.signal = (uint32_t)record.signal;
	message.exited.oom = record.oom;
	message.exited.time_ns = record.time_ns;
	clients_tell_all(&monitor->clients, &message, timeout_ms);
}

/* Whether the client has said CLEANED. *ret_gone: nothing more will come. */
static bool client_cleaned(struct monitor *monitor, struct client *client, bool *ret_gone)
{
	struct attach_message message;
	struct err ignored;

	int rc = attach_receive(client->fd, monitor->message, &message, &ignored);
	*ret_gone = rc != 1 && rc != -EAGAIN;
	return rc == 1 && message.type == ATTACH_CLEANED;
}

/* Waits for those that have promised to clean up. True when one has done it. */
static bool await_cleaned(struct monitor *monitor)
{
	int64_t deadline = monitor_now_ms() + monitor->config->clean_timeout_ms;

	for (size_t i = 0; i < monitor->clients.count;) {
		struct client *client = &monitor->clients.list[i];
		struct pollfd poll_fd = {.fd = client->fd, .events = POLLIN};
		int64_t left = deadline - monitor_now_ms();
		bool gone = (client->flags & ATTACH_WILL_CLEAN) == 0 || left <= 0 ||
			    poll(&poll_fd, 1, (int)left) <= 0;
		if (!gone && client_cleaned(monitor, client, &gone))
			return true;
		if (gone)
			clients_remove(&monitor->clients, client);
	}
	return false;
}

static void monitor_free(struct monitor *monitor)
{
	clients_done(&monitor->clients);
	stdio_close(&monitor->stdio);
	fd_closep(&monitor->state_fd);
	fd_closep(&monitor->data_fd);
	fd_closep(&monitor->signal_fd);
	fd_closep(&monitor->listener);
	fd_closep(&monitor->oom_fd);
	fd_closep(&monitor->rootfs_fd);
	fd_closep(&monitor->lock_fd);
	free(monitor);
}

static struct monitor *monitor_new(const struct monitor_config *config, struct arena *arena,
				   const struct monitor_fds *fds)
{
	struct monitor *monitor = calloc(1, sizeof(*monitor));

	if (monitor == NULL)
		return NULL;
	monitor->config = config;
	monitor->arena = arena;
	monitor->state_fd = monitor->data_fd = monitor->signal_fd = FD_NONE;
	monitor->listener = monitor->oom_fd = FD_NONE;
	monitor->rootfs_fd = fds->rootfs;
	monitor->lock_fd = fds->lock;
	monitor->log.fd = FD_NONE;
	stdio_init(&monitor->stdio, config->tty);
	return monitor;
}

int monitor_run(const struct monitor_config *config, const struct monitor_fds *fds,
		struct arena *arena, struct err *err)
{
	struct monitor *monitor = monitor_new(config, arena, fds);
	int rc = 0;

	if (monitor == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "start a monitor");
	if (fds->lock >= 0 && fcntl(fds->lock, F_SETFD, FD_CLOEXEC) < 0)
		rc = err_errno(err, "take --lock-fd %d over", fds->lock);
	if (rc == 0 && fds->launch >= 0)
		rc = launch_greet(monitor, fds->launch, err);
	if (rc == 0) {
		rc = monitor_open(monitor, err);
		if (rc < 0)
			report_failure(monitor, 125, err);
		else
			rc = start(monitor, err);
	}
	if (rc == 0) {
		monitor_loop(monitor);
		finish(monitor);
	}
	bool cleaned = await_cleaned(monitor);
	monitor_free(monitor);
	if (cleaned || config->exit_command.count == 0)
		return rc;
	struct spawn_args args = {0};
	spawn_args_add_all(&args, &config->exit_command);
	return spawn_become(&args, err);
}
