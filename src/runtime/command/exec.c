#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/limits.h"
#include "runtime/command/command.h"
#include "runtime/config.h"
#include "runtime/exec.h"
#include "runtime/preserve.h"
#include "runtime/seal.h"
#include "runtime/terminal.h"

struct exec_values {
	bool help;
	bool tty;
	bool detach;
	int no_new_privs; /* 0: as config.json has it */
	bool ignore_paused;
	const char *process;
	const char *console_socket;
	const char *pid_file;
	const char *pidfd_socket;
	const char *cwd;
	const char *user;
	const char *apparmor;
	const char *process_label;
	uint32_t preserve_fds;
	struct option_list cgroup;
	struct option_list env;
	struct option_list cap;
	struct option_list additional_gids;
};

static const struct option options[] = {
	OPTION_HELP(struct exec_values),
	OPTION_ROW(struct exec_values, process, "process", 'p', OPTION_STRING, "FILE",
		   "the process as JSON, instead of a command"),
	OPTION_ROW(struct exec_values, tty, "tty", 't', OPTION_BOOL, NULL, "give it a terminal"),
	OPTION_ROW(struct exec_values, detach, "detach", 'd', OPTION_BOOL, NULL,
		   "leave it running and return"),
	OPTION_ROW(struct exec_values, console_socket, "console-socket", 0, OPTION_STRING, "SOCKET",
		   "send the terminal's master to this socket"),
	OPTION_ROW(struct exec_values, pid_file, "pid-file", 0, OPTION_STRING, "FILE",
		   "write its pid to FILE"),
	OPTION_ROW(struct exec_values, pidfd_socket, "pidfd-socket", 0, OPTION_STRING, "SOCKET",
		   "send its pidfd to this socket"),
	OPTION_ROW(struct exec_values, cwd, "cwd", 0, OPTION_STRING, "DIR", "its working folder"),
	OPTION_ROW(struct exec_values, user, "user", 'u', OPTION_STRING, "UID[:GID]", "its user"),
	OPTION_ROW(struct exec_values, additional_gids, "additional-gids", 'g', OPTION_LIST, "GID",
		   "one more group"),
	OPTION_ROW(struct exec_values, env, "env", 'e', OPTION_LIST, "NAME=VALUE",
		   "one more variable"),
	OPTION_ROW(struct exec_values, cap, "cap", 'c', OPTION_LIST, "CAP", "one more capability"),
	OPTION_ROW(struct exec_values, no_new_privs, "no-new-privs", 0, OPTION_CHOICE, NULL,
		   "set no-new-privileges"),
	OPTION_ROW(struct exec_values, cgroup, "cgroup", 0, OPTION_LIST, "[CONTROLLER,...:]PATH",
		   "a cgroup beneath the container's, for these controllers or for all"),
	OPTION_ROW(struct exec_values, preserve_fds, "preserve-fds", 0, OPTION_UINT, "N",
		   "pass descriptors 3 to 3+N-1 on"),
	OPTION_ROW(struct exec_values, apparmor, "apparmor", 0, OPTION_STRING, "PROFILE",
		   "its AppArmor profile"),
	OPTION_ROW(struct exec_values, process_label, "process-label", 0, OPTION_STRING, "LABEL",
		   "its SELinux context"),
	OPTION_ROW(struct exec_values, ignore_paused, "ignore-paused", 0, OPTION_BOOL, NULL,
		   "in a paused container, wait for its thaw"),
};

static int exec_number(const char *text, const char *option, uint32_t *ret, const char **ret_end,
		       struct err *err)
{
	char *end = NULL;

	errno = 0;
	unsigned long number = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || errno != 0 || number >= UINT32_MAX)
		return err_set(err, ERR_INVALID, 0, "--%s '%s' is not a number", option, text);
	*ret = (uint32_t)number;
	*ret_end = end;
	return 0;
}

/* As in runc: without :GID the group stays config.json's, and so do the additional ones. */
static int exec_set_user(const char *text, struct oci_user *user, struct err *err)
{
	const char *end = "";
	int rc = exec_number(text, "user", &user->uid, &end, err);

	if (rc == 0 && *end == ':')
		rc = exec_number(end + 1, "user", &user->gid, &end, err);
	if (rc == 0 && *end != '\0')
		rc = err_set(err, ERR_INVALID, 0, "--user '%s' is not UID[:GID]", text);
	return rc;
}

static int exec_add_groups(const struct option_list *more, struct oci_user *user,
			   struct arena *arena, struct err *err)
{
	size_t had = user->additional_gids.count;
	uint32_t *gids = arena_alloc(arena, (had + more->count + 1) * sizeof(*gids));
	const char *end = "";

	if (gids == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "--additional-gids");
	for (size_t i = 0; i < had; i++)
		gids[i] = user->additional_gids.items[i];
	for (size_t i = 0; i < more->count; i++) {
		int rc = exec_number(more->items[i], "additional-gids", &gids[had + i], &end, err);
		if (rc < 0)
			return rc;
		if (*end != '\0')
			return err_set(err, ERR_INVALID, 0,
				       "--additional-gids '%s' is not a number", more->items[i]);
	}
	user->additional_gids.items = gids;
	user->additional_gids.count = had + more->count;
	return 0;
}

/* list with more items behind it, in the arena. */
static int exec_extend(json_strings *list, const struct option_list *more, struct arena *arena,
		       struct err *err)
{
	const char **items = arena_alloc(arena, (list->count + more->count + 1) * sizeof(*items));

	if (items == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "the process's lists");
	for (size_t i = 0; i < list->count; i++)
		items[i] = list->items[i];
	for (size_t i = 0; i < more->count; i++)
		items[list->count + i] = more->items[i];
	list->items = items;
	list->count += more->count;
	return 0;
}

static int exec_add_caps(const struct exec_values *values, struct oci_process *process,
			 struct arena *arena, struct err *err)
{
	struct oci_capabilities *caps = arena_alloc(arena, sizeof(*caps));

	if (values->cap.count == 0)
		return 0;
	if (caps == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "--cap");
	if (process->capabilities != NULL)
		*caps = *process->capabilities;
	process->capabilities = caps;
	int rc = exec_extend(&caps->bounding, &values->cap, arena, err);
	if (rc == 0)
		rc = exec_extend(&caps->permitted, &values->cap, arena, err);
	if (rc == 0)
		rc = exec_extend(&caps->effective, &values->cap, arena, err);
	/* Ambient ones must be inheritable: as runc, where the container knows any of these. */
	if (rc == 0 && caps->inheritable.count > 0)
		rc = exec_extend(&caps->ambient, &values->cap, arena, err);
	return rc;
}

/* The container's own process with the command line's changes. */
static int exec_from_words(const struct exec_values *values, struct container *container, int argc,
			   char **argv, struct oci_process *ret, struct err *err)
{
	struct option_list words = {.count = 0};
	struct arena *arena = &container->arena;

	*ret = *container->config.process;
	if (argc > OPTION_LIST_MAX)
		return err_set(err, ERR_INVALID, 0,
			       "a command of %d words; at most %d (use --process)", argc,
			       OPTION_LIST_MAX);
	for (int i = 0; i < argc; i++)
		words.items[words.count++] = argv[i];
	ret->args = (json_strings){NULL, 0};
	ret->terminal = values->tty;
	ret->console_size = NULL;
	if (values->cwd != NULL)
		ret->cwd = values->cwd;
	if (values->no_new_privs != 0)
		ret->no_new_privileges = values->no_new_privs > 0;
	int rc = exec_extend(&ret->args, &words, arena, err);
	if (rc == 0)
		rc = exec_extend(&ret->env, &values->env, arena, err);
	if (rc == 0 && values->user != NULL)
		rc = exec_set_user(values->user, &ret->user, err);
	if (rc == 0)
		rc = exec_add_groups(&values->additional_gids, &ret->user, arena, err);
	return rc < 0 ? rc : exec_add_caps(values, ret, arena, err);
}

static int exec_from_file(const char *path, struct container *container, struct oci_process *ret,
			  struct err *err)
{
	BUF_AUTO(text, CONFIG_BYTES_MAX);
	int rc = fd_read_file_at(AT_FDCWD, path, &text, err);

	if (rc >= 0)
		rc = json_parse(&oci_process_shape, text.data != NULL ? text.data : "", text.len,
				&container->arena, ret, err);
	return rc < 0 ? err_wrap(err, rc, "--process '%s'", path) : 0;
}

/* What neither an option nor --process names is the container's own. */
static void exec_set_labels(const struct exec_values *values, const struct oci_process *own,
			    struct oci_process *ret)
{
	bool from_words = values->process == NULL;

	if (from_words && values->apparmor != NULL && values->apparmor[0] != '\0')
		ret->apparmor_profile = values->apparmor;
	else if (ret->apparmor_profile == NULL || ret->apparmor_profile[0] == '\0')
		ret->apparmor_profile = own->apparmor_profile;
	if (from_words && values->process_label != NULL && values->process_label[0] != '\0')
		ret->selinux_label = values->process_label;
	else if (ret->selinux_label == NULL || ret->selinux_label[0] == '\0')
		ret->selinux_label = own->selinux_label;
}

static int exec_prepare(const struct exec_values *values, struct container *container, int argc,
			char **argv, struct oci_process *ret, struct err *err)
{
	int rc = container_load_config(container, err);

	if (rc < 0)
		return rc;
	if (values->process == NULL && argc == 0)
		return err_set(err, ERR_INVALID, 0, "exec needs a command or --process");
	rc = values->process != NULL ? exec_from_file(values->process, container, ret, err)
				     : exec_from_words(values, container, argc, argv, ret, err);
	if (rc == 0)
		exec_set_labels(values, container->config.process, ret);
	if (rc == 0 && values->tty)
		ret->terminal = true;
	return rc < 0 ? rc : oci_process_check(ret, "process", err);
}

static int exec_attend(const struct exec_values *values, struct exec_process *process,
		       struct err *err)
{
	auto_fd pidfd = process->pidfd;
	auto_fd socket = process->master_fd;
	auto_fd master = FD_NONE;

	if (values->detach)
		return 0;
	if (socket >= 0) {
		master = terminal_receive(socket, err);
		if (master < 0)
			return master;
	}
	return terminal_attend(pidfd, master, NULL, err);
}

static int exec_run(const struct command_globals *globals, void *values_, int argc, char **argv,
		    struct err *err)
{
	const struct exec_values *values = values_;
	struct container container;
	struct oci_process process;
	struct exec_process started = {.pidfd = FD_NONE, .master_fd = FD_NONE};
	int rc = preserve_check(values->preserve_fds, err);

	if (rc == 0)
		rc = seal_self(globals->argv, globals->envp, err);
	if (rc == 0)
		rc = seal_hide_root(err);
	if (rc == 0 && !values->detach)
		rc = terminal_block_signals(err);
	if (rc == 0)
		rc = container_open(globals->root, argv[0], &container, err);
	if (rc < 0)
		return rc;
	container_unlock(&container);
	rc = exec_prepare(values, &container, argc - 1, argv + 1, &process, err);
	if (rc == 0) {
		struct exec_options how = {
			.process = &process,
			.console_socket = values->console_socket,
			.pid_file = values->pid_file,
			.pidfd_socket = values->pidfd_socket,
			.cgroups = values->cgroup.items,
			.cgroup_count = values->cgroup.count,
			.clamp_rlimits = globals->clamp_rlimits,
			.preserve_fds = values->preserve_fds,
			.proxy_terminal = !values->detach,
			.ignore_paused = values->ignore_paused,
			.warn = globals->warn,
			.step = globals->step,
			.log_context = globals->log_context,
		};
		rc = exec_start(&container, &how, &started, err);
		if (rc < 0)
			rc = err_wrap(err, rc, "exec failed");
	}
	container_close(&container);
	return rc < 0 ? rc : exec_attend(values, &started, err);
}

const struct command command_exec = {
	.name = "exec",
	.operands = "ID [COMMAND [ARGUMENT...]]",
	.summary = "run another process in a container",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.values_size = sizeof(struct exec_values),
	.options_until = 1,
	.operands_min = 1,
	.operands_max = -1,
	.run = exec_run,
};
