#include <errno.h>
#include <fcntl.h>
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

extern char **environ;

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
	static const json_strings none;
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
			.image_env = run != NULL ? &run->env : &none,
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

static int run_detached(const char *const *argv, int keep_fd, int *ret_exit_code, struct err *err)
{
	struct launch launch = {argv, {keep_fd, FD_NONE}, {FD_NONE, FD_NONE, STDERR_FILENO}};
	int status = 0;

	int rc = launch_wait(&launch, &status, err);
	if (rc == 0)
		*ret_exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 125;
	return rc;
}

/* The runtime takes this process's place: its stdio, its terminal, its parent's wait. */
static int become(const char *const *argv, struct err *err)
{
	char *words[16] = {NULL};

	for (size_t i = 0; i < 15 && argv[i] != NULL; i++)
		memcpy(&words[i], &argv[i], sizeof(words[i])); /* execve never writes to them */
	(void)execve(words[0], words, environ);
	return err_errno(err, "execute '%s'", words[0]);
}

int engine_container_exec(struct engine *engine, const struct engine_container *container,
			  const struct engine_exec *request, char *const *env, int *ret_exit_code,
			  struct err *err)
{
	ARENA_AUTO(arena, 16 * 1024 * 1024);
	BUF_AUTO(text, PROCESS_TEXT_MAX);
	char path[32];
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
	const char *argv[] = {runtime, "--root",      root, "exec", "--process",
			      path,    container->id, NULL, NULL};
	if (request->detach) {
		argv[6] = "--detach";
		argv[7] = container->id;
		return run_detached(argv, file, ret_exit_code, err);
	}
	/* Without -i the process sees the end of its input at once. */
	if (!request->interactive) {
		auto_fd null = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (null < 0 || (!request->tty && dup2(null, STDIN_FILENO) < 0))
			return err_errno(err, "close the input");
	}
	return become(argv, err);
}
