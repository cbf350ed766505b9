#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "engine/prepare.h"
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
			 struct buf *out, struct err *err)
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
		};
		rc = process_build(&wanted, arena, &process, err);
	}
	if (rc == 0) {
		json_write(&oci_process_shape, &process, JSON_COMPACT, out);
		rc = buf_check(out, "the process", err);
	}
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

static int exit_status(int status, int log_fd)
{
	BUF_AUTO(log, 65536);
	struct err ignored;
	int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);

	if (code == 0 || lseek(log_fd, 0, SEEK_SET) < 0 ||
	    fd_read_all(log_fd, "the runtime's log", &log, &ignored) < 0 || log.len == 0 ||
	    !has(log.data, "\"level\":\"error\""))
		return code;
	return failure_status(log.data);
}

static void fill_signals(sigset_t *set)
{
	static const int passed_on[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
					SIGUSR1, SIGUSR2, SIGALRM, SIGCHLD};

	(void)sigemptyset(set);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		(void)sigaddset(set, passed_on[i]);
}

/*
 * Waits for the runtime and passes signals on. Those of the terminal (SI_KERNEL) reach the runtime
 * themselves, as it is of the same process group.
 */
static int run_runtime(const struct launch *launch, int log_fd, int *ret_exit_code, struct err *err)
{
	sigset_t set, old;
	int pid = -1, status = 0;

	fill_signals(&set);
	if (sigprocmask(SIG_BLOCK, &set, &old) < 0)
		return err_errno(err, "block signals");
	int rc = launch_start(launch, &pid, err);
	while (rc == 0) {
		siginfo_t info;
		pid_t got = waitpid(pid, &status, WNOHANG);
		if (got == pid)
			break;
		if (got < 0)
			rc = err_errno(err, "wait for corten-runtime");
		else if (sigwaitinfo(&set, &info) > 0 && info.si_signo != SIGCHLD &&
			 info.si_code <= 0)
			(void)kill(pid, info.si_signo);
	}
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	if (rc == 0)
		*ret_exit_code = exit_status(status, log_fd);
	return rc;
}

int engine_container_exec(struct engine *engine, const struct engine_container *container,
			  const struct engine_exec *request, char *const *env, int *ret_exit_code,
			  struct err *err)
{
	ARENA_AUTO(arena, 16 * 1024 * 1024);
	BUF_AUTO(text, PROCESS_TEXT_MAX);
	char path[32], log_path[32];
	const char *runtime = NULL, *root = list_text(&arena, "%s/runtime", engine->state);

	*ret_exit_code = 125;
	if (container->status != ENGINE_RUNNING)
		return err_set(err, ERR_CONFLICT, 0, "container %s is not running", container->id);
	if (request->args.count == 0)
		return err_set(err, ERR_INVALID, 0, "No exec command specified");
	int rc = build_process(engine, container, request, env, &arena, &text, err);
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
	/* Without -i the process sees the end of its input at once; a terminal is needed both ways. */
	bool joined = !request->detach && (request->interactive || request->tty);
	struct launch launch = {argv,
				{file, log},
				{joined ? STDIN_FILENO : FD_NONE,
				 request->detach ? FD_NONE : STDOUT_FILENO, STDERR_FILENO}};
	return run_runtime(&launch, log, ret_exit_code, err);
}
