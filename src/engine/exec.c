#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "engine/prepare.h"
#include "engine/relay.h"
#include "engine/spec/environment.h"
#include "engine/spec/list.h"
#include "engine/spec/process.h"
#include "kern/pidfd/pidfd.h"
#include "kern/proc/procfs.h"

#define PROCESS_TEXT_MAX (4 * 1024 * 1024)

/* The container's root, as its first process has it; verified to be that process's after opening. */
static int open_root(const struct engine_container *container, struct err *err)
{
	char path[48];
	auto_fd proc = procfs_open(err);

	if (proc < 0)
		return proc;
	auto_fd pidfd = pidfd_of_started(proc, container->pid, container->pid_start_ticks, err);
	if (pidfd < 0)
		return err_wrap(err, pidfd, "container %s is not running", container->id);
	(void)snprintf(path, sizeof(path), "%d/root", (int)container->pid);
	auto_fd root = openat(proc, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_errno(err, "open the root of container %s", container->name);
	int ended = pidfd_has_ended(pidfd, err);
	if (ended != 0)
		return ended < 0 ? ended
				 : err_set(err, ERR_CONFLICT, 0, "container %s is not running",
					   container->id);
	return fd_take(&root);
}

static int build_process(struct engine *engine, const struct engine_container *container,
			 const struct engine_exec *request, char *const *env, struct arena *arena,
			 struct buf *out, uid_t *ret_uid, struct err *err)
{
	struct prepared prepared;
	struct store_image *image = NULL;
	struct engine_container as = *container;
	struct oci_process process;
	json_strings given, merged;

	auto_fd root = open_root(container, err);
	if (root < 0)
		return root;
	int rc = store_image_find(engine->store, container->image_id, &image, err);
	if (rc < 0)
		return rc;
	const struct oci_image_run *run = &image->config->config;
	if (request->user != NULL)
		as.options.user = request->user;
	if (request->privileged)
		as.options.privileged = true;
	/* As the container is confined, even where exec is privileged: so it is with Docker. */
	rc = prepare_labels(engine, container, arena, &prepared, err);
	if (rc == 0)
		rc = prepare_security(engine, &as, run, root, arena, &prepared, err);
	if (rc == 0)
		rc = environment_resolve(&request->env_files, &request->env, env, arena, &given,
					 err);
	if (rc == 0)
		rc = environment_merge(&container->options.env, &given, arena, &merged, err);
	if (rc == 0) {
		const char *cwd = request->workdir;
		if (cwd == NULL)
			cwd = container->options.workdir;
		struct process_request wanted = {
			.args = request->args,
			.image_env = &run->env,
			.env = &merged,
			.hostname = spec_hostname(&container->options, &prepared.modes,
						  &prepared.host, container->id, arena),
			.account = &prepared.account,
			.cwd = cwd != NULL ? cwd : run->working_dir,
			.terminal = request->tty,
			.caps = prepared.caps,
			.no_new_privileges = prepared.security.no_new_privileges,
			.labels = &prepared.labels,
		};
		rc = process_build(&wanted, arena, &process, err);
	}
	if (rc == 0) {
		json_write(&oci_process_shape, &process, JSON_COMPACT, out);
		rc = buf_check(out, "the process", err);
	}
	if (rc == 0)
		*ret_uid = prepared.account.uid;
	store_image_free(image);
	return rc;
}

/* The document in memory, under a name that survives the runtime's re-execution. */
static int process_file(const struct buf *text, char ret_path[32], struct err *err)
{
	auto_fd fd = memfd_create("corten-process", 0);

	if (fd < 0)
		return err_errno(err, "make a file in memory");
	int rc = fd_write_all(fd, text->data, text->len);
	if (rc < 0)
		return err_set(err, err_kind_of(-rc), -rc, "write the process");
	(void)snprintf(ret_path, 32, "/proc/self/fd/%d", fd);
	return fd_take(&fd);
}

/* What the runtime has to say goes to a log of its own: its stderr is the process's. */
static int memory_file(char ret_path[32], struct err *err)
{
	auto_fd fd = memfd_create("corten-runtime-log", 0);

	if (fd < 0)
		return err_errno(err, "make a file in memory");
	(void)snprintf(ret_path, 32, "/proc/self/fd/%d", fd);
	return fd_take(&fd);
}

static bool has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

/* The status that Docker's users know for a process that could not be executed. */
static int failure_status(const char *log)
{
	if (has(log, "executable file not found") || has(log, "no such file or directory"))
		return 127;
	return has(log, "permission denied") || has(log, "exec format error") ? 126 : 125;
}

/* Members of a line of the runtime's log; Go's clients know the same ones. */
struct log_line {
	const char *level;
	const char *msg;
};

static const struct json_field log_line_fields[] = {
	JSON_STRING(struct log_line, level, "level"),
	JSON_STRING(struct log_line, msg, "msg"),
};
static JSON_SHAPE(log_line_shape, struct log_line, log_line_fields);

/* The error that the runtime logged last, in the arena; NULL when it logged none. */
static const char *logged_error(int log_fd, struct arena *arena)
{
	BUF_AUTO(log, 65536);
	struct err ignored;
	const char *found = NULL;

	if (lseek(log_fd, 0, SEEK_SET) < 0 ||
	    fd_read_all(log_fd, "the runtime's log", &log, &ignored) < 0 || log.len == 0)
		return NULL;
	for (const char *at = log.data; *at != '\0';) {
		struct log_line line = {0};
		size_t len = strcspn(at, "\n");
		if (json_parse(&log_line_shape, at, len, arena, &line, &ignored) == 0 &&
		    line.level != NULL && strcmp(line.level, "error") == 0)
			found = line.msg;
		at += len + (at[len] == '\n');
	}
	return found;
}

static void fill_signals(sigset_t *set)
{
	static const int taken[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
				    SIGUSR1, SIGUSR2, SIGALRM, SIGPIPE};

	(void)sigemptyset(set);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		(void)sigaddset(set, taken[i]);
}

/* A running exec: the runtime's process, the signals for it and its streams. */
struct running {
	int pid;
	int pidfd;
	int signal_fd;
	bool ended;
	bool told; /* a signal came after the end */
	struct relay *relay;
};

/*
 * Passes signals on. Those of the terminal (SI_KERNEL) reach the runtime themselves, as it is of the
 * same process group. SIGPIPE is this process's own, and said by EPIPE.
 */
static void take_signals(struct running *running)
{
	struct signalfd_siginfo info;

	while (read(running->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGPIPE)
			continue;
		if (running->ended)
			running->told = true;
		else if (info.ssi_code <= 0)
			(void)kill(running->pid, (int)info.ssi_signo);
	}
}

/* Until the runtime has ended and what its process wrote is copied, or a signal cuts that short. */
static int follow(struct running *running, struct err *err)
{
	struct pollfd fds[2 + RELAY_STREAMS];

	while (!running->ended || !(running->told || relay_is_done(running->relay))) {
		fds[0] = (struct pollfd){.fd = running->signal_fd, .events = POLLIN};
		fds[1] = (struct pollfd){.fd = running->ended ? -1 : running->pidfd,
					 .events = POLLIN};
		relay_poll(running->relay, fds + 2);
		if (poll(fds, 2 + RELAY_STREAMS, -1) < 0) {
			if (errno == EINTR)
				continue;
			return err_errno(err, "wait for corten-runtime");
		}
		if (fds[0].revents != 0)
			take_signals(running);
		relay_move(running->relay, fds + 2);
		if (fds[1].revents != 0) {
			running->ended = true;
			relay_ended(running->relay);
		}
	}
	return 0;
}

static int run_runtime(const struct launch *launch, struct relay *relay, int *ret_status,
		       struct err *err)
{
	struct running running = {.pid = -1, .pidfd = FD_NONE, .relay = relay};
	sigset_t set, old;
	struct err ignored;

	fill_signals(&set);
	if (sigprocmask(SIG_BLOCK, &set, &old) < 0)
		return err_errno(err, "block signals");
	auto_fd signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	running.signal_fd = signals;
	int rc = signals < 0 ? err_errno(err, "make a signalfd") : 0;
	if (rc == 0)
		rc = launch_start(launch, &running.pid, err);
	relay_started(relay);
	if (rc == 0) {
		auto_fd pidfd = pidfd_of(running.pid, err);
		running.pidfd = pidfd;
		rc = pidfd < 0 ? pidfd : follow(&running, err);
		int waited = pidfd < 0 ? 0 : pidfd_wait(pidfd, -1, ret_status, &ignored);
		if (rc == 0 && waited < 0)
			rc = err_set(err, ignored.kind, 0, "wait for corten-runtime");
		take_signals(&running); /* a SIGPIPE of the last write is not to be delivered */
	}
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return rc;
}

/* In the background the runtime has no stderr: what it had to say there is said for it. */
static int exit_status(int status, bool detach, int log_fd, struct arena *arena)
{
	int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	const char *error = code != 0 ? logged_error(log_fd, arena) : NULL;

	if (error != NULL && detach)
		(void)dprintf(STDERR_FILENO, "corten-runtime: %s\n", error);
	return error != NULL ? failure_status(error) : code;
}

int engine_container_exec(struct engine *engine, const struct engine_container *container,
			  const struct engine_exec *request, char *const *env, int *ret_exit_code,
			  struct err *err)
{
	ARENA_AUTO(arena, 16 * 1024 * 1024);
	BUF_AUTO(text, PROCESS_TEXT_MAX);
	char path[32], log_path[32];
	uid_t uid = 0;
	const char *runtime = NULL, *root = list_text(&arena, "%s/runtime", engine->state);

	*ret_exit_code = 125;
	if (container->status != ENGINE_RUNNING)
		return err_set(err, ERR_CONFLICT, 0, "container %s is not running", container->id);
	if (request->args.count == 0)
		return err_set(err, ERR_INVALID, 0, "No exec command specified");
	int rc = build_process(engine, container, request, env, &arena, &text, &uid, err);
	if (rc == 0)
		rc = paths_find_program(engine, "corten-runtime", &arena, &runtime, err);
	if (rc < 0 || root == NULL)
		return rc < 0 ? rc : list_no_memory(err);
	auto_fd file = process_file(&text, path, err);
	if (file < 0)
		return file;
	auto_fd log = memory_file(log_path, err);
	if (log < 0)
		return log;
	const char *argv[] = {runtime,
			      "--root",
			      root,
			      "--log",
			      log_path,
			      "--log-format",
			      "json",
			      "exec",
			      "--process",
			      path,
			      request->detach ? "--detach" : container->id,
			      request->detach ? container->id : NULL,
			      NULL};
	/* The runtime relays the terminal itself, and needs the caller's for that. */
	bool own = request->tty && !request->detach;
	struct launch launch = {argv,
				{file, log, FD_NONE},
				{own ? STDIN_FILENO : FD_NONE, own ? STDOUT_FILENO : FD_NONE,
				 own ? STDERR_FILENO : FD_NONE}};
	struct relay *relay = arena_alloc(&arena, sizeof(*relay));
	if (relay == NULL)
		return list_no_memory(err);
	relay_init(relay);
	if (!own && !request->detach) {
		rc = relay_open(relay, request->interactive, uid, err);
		for (size_t i = 0; i < RELAY_STREAMS; i++)
			launch.stdio[i] = relay->streams[i].theirs;
	}
	int status = 0;
	if (rc == 0)
		rc = run_runtime(&launch, relay, &status, err);
	relay_close(relay);
	if (rc == 0)
		*ret_exit_code = exit_status(status, request->detach, log, &arena);
	return rc;
}
