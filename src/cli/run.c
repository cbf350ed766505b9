/* corten run, create, start, attach: what joins a client to a container. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/command.h"
#include "cli/pull.h"

#define FAILED_STATUS                   125
#define RUN_FLAG(m, letter, name, help) OPT_FLAG(struct engine_options, m, letter, name, help)
#define RUN_STRING(m, letter, name, metavar, hint, help) \
	OPT_STRING(struct engine_options, m, letter, name, metavar, hint, help)
#define RUN_LIST(m, letter, name, metavar, hint, help) \
	OPT_LIST(struct engine_options, m, letter, name, metavar, hint, help)

static const struct engine_options run_defaults = ENGINE_OPTIONS_DEFAULT;

/* What run alone has stands first; create begins behind it. */
#define RUN_ONLY 4
static const struct option run_options[] = {
	RUN_FLAG(detach, 'd', "detach", "run in the background and print the container's id"),
	RUN_FLAG(sig_proxy, '\0', "sig-proxy", "pass signals on to the container (default true)"),
	RUN_STRING(detach_keys, '\0', "detach-keys", "KEYS", HINT_NONE,
		   "keys that leave the container running (default ctrl-p,ctrl-q)"),
	RUN_LIST(attach, 'a', "attach", "stdin|stdout|stderr", HINT_WORDS,
		 "join these streams only"),
	RUN_LIST(hosts, '\0', "add-host", "NAME:ADDRESS", HINT_NONE, "add a line to /etc/hosts"),
	RUN_STRING(auth_file, '\0', "authfile", "FILE", HINT_FILE,
		   "names and passwords of registries"),
	RUN_LIST(cap_add, '\0', "cap-add", "CAP", HINT_NONE, "add a capability, or ALL"),
	RUN_LIST(cap_drop, '\0', "cap-drop", "CAP", HINT_NONE, "drop a capability, or ALL"),
	RUN_STRING(cgroup_parent, '\0', "cgroup-parent", "PATH", HINT_NONE,
		   "the cgroup above the container's (default: none; the container's own is "
		   "/corten-ID)"),
	RUN_STRING(cgroupns, '\0', "cgroupns", "host|private", HINT_WORDS,
		   "cgroup namespace (default private)"),
	RUN_STRING(cidfile, '\0', "cidfile", "FILE", HINT_FILE, "write the container's id to FILE"),
	RUN_STRING(cpu_period, '\0', "cpu-period", "MICROSECONDS", HINT_NONE,
		   "period of the CPU quota"),
	RUN_STRING(cpu_quota, '\0', "cpu-quota", "MICROSECONDS", HINT_NONE,
		   "CPU time in each period"),
	RUN_STRING(cpu_shares, 'c', "cpu-shares", "N", HINT_NONE, "relative weight (default 1024)"),
	RUN_STRING(cpus, '\0', "cpus", "N", HINT_NONE, "number of CPUs, such as 1.5"),
	RUN_STRING(cpuset_cpus, '\0', "cpuset-cpus", "LIST", HINT_NONE, "CPUs to use: 0-3, 0,1"),
	RUN_STRING(cpuset_mems, '\0', "cpuset-mems", "LIST", HINT_NONE, "memory nodes to use"),
	RUN_LIST(devices, '\0', "device", "HOST[:CONTAINER[:rwm]]", HINT_FILE,
		 "give the container a device of the host"),
	RUN_LIST(dns, '\0', "dns", "ADDRESS", HINT_NONE, "name server for /etc/resolv.conf"),
	RUN_LIST(dns_options, '\0', "dns-option", "OPTION", HINT_NONE, "option of the resolver"),
	RUN_LIST(dns_search, '\0', "dns-search", "DOMAIN", HINT_NONE, "search domain"),
	RUN_STRING(domainname, '\0', "domainname", "NAME", HINT_NONE, "NIS domain name"),
	RUN_STRING(entrypoint, '\0', "entrypoint", "COMMAND", HINT_NONE,
		   "instead of the image's entrypoint"),
	RUN_LIST(env, 'e', "env", "NAME[=VALUE]", HINT_NONE,
		 "set a variable; without a value: the client's"),
	RUN_LIST(env_files, '\0', "env-file", "FILE", HINT_FILE, "read variables from FILE"),
	RUN_LIST(groups, '\0', "group-add", "GROUP", HINT_NONE, "one more group"),
	RUN_STRING(hostname, 'h', "hostname", "NAME", HINT_NONE, "the container's host name"),
	RUN_FLAG(init, '\0', "init", "run an init that reaps and forwards signals"),
	RUN_FLAG(interactive, 'i', "interactive", "keep stdin open"),
	RUN_STRING(ipc, '\0', "ipc", "host|private", HINT_WORDS, "IPC namespace (default private)"),
	RUN_LIST(labels, 'l', "label", "KEY[=VALUE]", HINT_NONE, "set a label"),
	RUN_LIST(label_files, '\0', "label-file", "FILE", HINT_FILE, "read labels from FILE"),
	RUN_STRING(log_driver, '\0', "log-driver", "json-file|none", HINT_WORDS,
		   "where output is kept (default json-file)"),
	RUN_LIST(log_options, '\0', "log-opt", "KEY=VALUE", HINT_NONE, "max-size, max-file"),
	RUN_STRING(memory, 'm', "memory", "BYTES", HINT_NONE, "memory limit, such as 512m"),
	RUN_STRING(memory_reservation, '\0', "memory-reservation", "BYTES", HINT_NONE,
		   "soft memory limit"),
	RUN_STRING(memory_swap, '\0', "memory-swap", "BYTES", HINT_NONE,
		   "memory and swap together; -1: unlimited swap"),
	RUN_LIST(mounts, '\0', "mount", "type=bind|tmpfs,KEY=VALUE...", HINT_NONE,
		 "mount a folder of the host or a tmpfs"),
	RUN_STRING(name, '\0', "name", "NAME", HINT_NONE, "the container's name"),
	RUN_STRING(network, '\0', "network", "none|host", HINT_WORDS,
		   "network (default none: only a loopback)"),
	RUN_STRING(network, '\0', "net", "none|host", HINT_WORDS, "the same as --network"),
	RUN_FLAG(oom_kill_disable, '\0', "oom-kill-disable", "no OOM killer (cgroup v1)"),
	RUN_STRING(oom_score_adj, '\0', "oom-score-adj", "N", HINT_NONE,
		   "preference of the OOM killer, -1000 to 1000"),
	RUN_STRING(pid, '\0', "pid", "host|private", HINT_WORDS, "PID namespace (default private)"),
	RUN_STRING(pids_limit, '\0', "pids-limit", "N", HINT_NONE,
		   "number of processes; -1: unlimited"),
	RUN_STRING(platform, '\0', "platform", "OS/ARCH", HINT_NONE,
		   "which image of several, when it is pulled"),
	RUN_FLAG(privileged, '\0', "privileged",
		 "all capabilities, nothing masked, any device may be opened"),
	RUN_STRING(pull, '\0', "pull", "missing|always|never|newer", HINT_WORDS,
		   "when to fetch the image from its registry (default missing)"),
	RUN_FLAG(quiet, 'q', "quiet", "no progress while pulling"),
	RUN_FLAG(read_only, '\0', "read-only", "mount the root read-only"),
	RUN_FLAG(remove, '\0', "rm", "remove the container when it has ended"),
	RUN_LIST(security, '\0', "security-opt", "OPTION", HINT_NONE,
		 "seccomp=FILE|unconfined, no-new-privileges, systempaths=unconfined, "
		 "apparmor=PROFILE, label=PART:VALUE|disable"),
	RUN_STRING(shm_size, '\0', "shm-size", "BYTES", HINT_NONE,
		   "size of /dev/shm (default 64m)"),
	RUN_STRING(stop_signal, '\0', "stop-signal", "SIGNAL", HINT_NONE,
		   "what stop sends (default SIGTERM, or the image's)"),
	RUN_STRING(stop_timeout, '\0', "stop-timeout", "SECONDS", HINT_NONE,
		   "how long stop waits before it kills (default 10)"),
	RUN_LIST(sysctls, '\0', "sysctl", "KEY=VALUE", HINT_NONE, "namespaced kernel setting"),
	RUN_LIST(tmpfs, '\0', "tmpfs", "PATH[:OPTIONS]", HINT_NONE, "mount a tmpfs"),
	RUN_STRING(tls_verify, '\0', "tls-verify", "true|false", HINT_WORDS,
		   "whether registries must prove who they are"),
	RUN_FLAG(tty, 't', "tty", "give the container a terminal"),
	RUN_LIST(ulimits, '\0', "ulimit", "NAME=SOFT[:HARD]", HINT_NONE, "resource limit"),
	RUN_STRING(user, 'u', "user", "USER[:GROUP]", HINT_NONE, "user, by name or number"),
	RUN_STRING(uts, '\0', "uts", "host|private", HINT_WORDS, "UTS namespace (default private)"),
	RUN_LIST(volumes, 'v', "volume", "HOST:CONTAINER[:OPTIONS]", HINT_DIR,
		 "mount a folder of the host; OPTIONS: ro, rshared, rslave, z, Z, ..."),
	RUN_STRING(workdir, 'w', "workdir", "DIR", HINT_NONE, "working folder in the container"),
};
#define RUN_COUNT (sizeof(run_options) / sizeof(run_options[0]))

static int parse_attach(const struct engine_options *options, struct engine_streams *streams,
			struct err *err)
{
	for (size_t i = 0; i < options->attach.count; i++) {
		const char *word = options->attach.items[i];
		if (strcasecmp(word, "stdin") == 0)
			streams->want_stdin = true;
		else if (strcasecmp(word, "stdout") == 0)
			streams->want_stdout = true;
		else if (strcasecmp(word, "stderr") == 0)
			streams->want_stderr = true;
		else
			return err_set(err, ERR_INVALID, 0,
				       "valid streams are STDIN, STDOUT and STDERR, not '%s'",
				       word);
	}
	if (options->attach.count == 0) {
		streams->want_stdout = true;
		streams->want_stderr = true;
		streams->want_stdin = options->interactive;
	}
	return 0;
}

static void terminal_size(struct engine_streams *streams)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ||
	    ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) {
		streams->rows = size.ws_row;
		streams->columns = size.ws_col;
	}
}

static int check_run(const struct engine_options *options, struct engine_streams *streams,
		     struct err *err)
{
	if (options->detach && options->attach.count > 0)
		return err_set(err, ERR_INVALID, 0, "Conflicting options: -a and -d");
	int rc = options->detach ? 0 : parse_attach(options, streams, err);
	if (rc == 0 && options->detach_keys != NULL)
		rc = engine_session_check_keys(options->detach_keys, err);
	if (rc < 0)
		return rc;
	if (streams->want_stdin && options->tty && isatty(STDIN_FILENO) != 1)
		return err_set(err, ERR_INVALID, 0, "the input device is not a TTY");
	if (options->tty)
		terminal_size(streams);
	streams->will_clean = options->remove && !options->detach;
	return 0;
}

/* Made before the container: a file that exists already is another container's. */
static int open_cidfile(const char *path, int *ret_fd, struct err *err)
{
	if (path == NULL)
		return 0;
	*ret_fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (*ret_fd < 0 && errno == EEXIST)
		return err_set(
			err, ERR_CONFLICT, 0,
			"container ID file found, make sure the other container isn't running or "
			"delete %s",
			path);
	return *ret_fd < 0 ? err_errno(err, "make the container ID file '%s'", path) : 0;
}

static int create(struct cli *cli, struct engine_options *options, const struct option_args *args,
		  struct engine_created *ret_created, struct err *err)
{
	auto_fd cidfile = FD_NONE;

	options->image = args->items[0];
	options->command.count = args->count - 1;
	options->command.items = arena_alloc(cli->arena, args->count * sizeof(char *));
	if (options->command.items == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "read the command");
	for (size_t i = 1; i < args->count; i++)
		options->command.items[i - 1] = args->items[i];
	int rc = open_cidfile(options->cidfile, &cidfile, err);
	if (rc == 0)
		rc = pull_for(cli, options, err);
	if (rc < 0 && cidfile >= 0)
		(void)unlink(options->cidfile);
	if (rc < 0)
		return rc;
	rc = engine_container_create(cli->engine, options, cli->env, cli->arena, ret_created, err);
	if (rc < 0 && cidfile >= 0)
		(void)unlink(options->cidfile);
	if (rc == 0 && cidfile >= 0 &&
	    fd_write_all(cidfile, ret_created->id, strlen(ret_created->id)) < 0)
		rc = err_set(err, ERR_SYSTEM, EIO, "write the container ID file '%s'",
			     options->cidfile);
	if (rc == 0)
		cli_warn(cli, &ret_created->warnings);
	return rc;
}

struct joined {
	const char *id;
	bool tty;
	bool want_stdin;
	bool sig_proxy;
	bool remove;
	const char *detach_keys;
};

static int join(struct cli *cli, int fd, const struct joined *joined, struct err *err)
{
	struct engine_session session = {.fd = fd,
					 .tty = joined->tty,
					 .want_stdin = joined->want_stdin,
					 .sig_proxy = joined->sig_proxy,
					 .detach_keys = joined->detach_keys};
	enum engine_session_end end = ENGINE_SESSION_LOST;
	int status = 0;

	int rc = engine_session_run(&session, &end, &status, err);
	if (rc < 0)
		return rc;
	if (end == ENGINE_SESSION_DETACHED)
		return 0;
	if (end == ENGINE_SESSION_LOST)
		return err_set(
			err, ERR_SYSTEM, 0,
			"the monitor of container %.12s went away; the container may still run",
			joined->id);
	if (joined->remove) {
		struct err kept = {.kind = ERR_NONE};
		rc = engine_container_finish(cli->engine, joined->id, &kept);
		if (rc == 0) {
			engine_session_cleaned(fd);
		} else {
			(void)err_wrap(&kept, rc, "remove container %.12s", joined->id);
			cli_print_error(&kept);
		}
	}
	return status;
}

/* A container that could not start is of no use to who asked for its removal. */
static void discard(struct cli *cli, const char *id)
{
	struct engine_container container;
	struct err ignored;

	if (engine_container_find(cli->engine, id, cli->arena, &container, &ignored) == 0)
		(void)engine_container_remove(cli->engine, &container, true, &ignored);
}

static int cmd_run(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	struct engine_options *options = values;
	struct engine_streams streams = {.want_stdin = false};
	struct engine_created created;
	struct engine_started started;
	int status = FAILED_STATUS;

	int rc = check_run(options, &streams, err);
	if (rc == 0)
		rc = create(cli, options, args, &created, err);
	if (rc < 0)
		return rc;
	rc = engine_container_start(cli->engine, created.id, &streams, cli->arena, &started,
				    &status, err);
	if (rc < 0) {
		cli_print_error(err);
		if (options->remove)
			discard(cli, created.id);
		return status;
	}
	auto_fd session = started.session;
	cli_warn(cli, &started.warnings);
	if (options->detach) {
		(void)printf("%s\n", created.id);
		return 0;
	}
	const struct joined joined = {.id = created.id,
				      .tty = options->tty,
				      .want_stdin = streams.want_stdin,
				      .sig_proxy = options->sig_proxy,
				      .remove = options->remove,
				      .detach_keys = options->detach_keys};
	return join(cli, session, &joined, err);
}

static int cmd_create(struct cli *cli, void *values, const struct option_args *args,
		      struct err *err)
{
	struct engine_created created;

	int rc = create(cli, values, args, &created, err);
	if (rc < 0)
		return rc;
	(void)printf("%s\n", created.id);
	return 0;
}

struct start_values {
	bool attach;
	bool interactive;
	bool sig_proxy;
	const char *detach_keys;
};

static const struct start_values start_defaults = {.sig_proxy = true};

static const struct option start_options[] = {
	OPT_FLAG(struct start_values, attach, 'a', "attach", "join the output and forward signals"),
	OPT_FLAG(struct start_values, interactive, 'i', "interactive", "join stdin"),
	OPT_FLAG(struct start_values, sig_proxy, '\0', "sig-proxy",
		 "pass signals on to the container (default true)"),
	OPT_STRING(struct start_values, detach_keys, '\0', "detach-keys", "KEYS", HINT_NONE,
		   "keys that leave the container running"),
};

static int start_one(struct cli *cli, const struct start_values *values, const char *reference,
		     struct err *err)
{
	struct engine_container container;
	struct engine_started started;
	bool joins = values->attach || values->interactive;
	int status = 1;

	int rc = engine_container_find(cli->engine, reference, cli->arena, &container, err);
	if (rc < 0)
		return rc;
	struct engine_streams streams = {.want_stdin = values->interactive &&
						       container.options.interactive,
					 .want_stdout = joins,
					 .want_stderr = joins,
					 .will_clean = joins && container.auto_remove};
	if (container.options.tty)
		terminal_size(&streams);
	if (container.status == ENGINE_RUNNING && !joins) {
		(void)printf("%s\n", reference);
		return 0;
	}
	rc = engine_container_start(cli->engine, container.id, &streams, cli->arena, &started,
				    &status, err);
	if (rc < 0)
		return rc;
	auto_fd session = started.session;
	cli_warn(cli, &started.warnings);
	if (!joins) {
		(void)printf("%s\n", reference);
		return 0;
	}
	const struct joined joined = {.id = container.id,
				      .tty = container.options.tty,
				      .want_stdin = streams.want_stdin,
				      .sig_proxy = values->sig_proxy,
				      .remove = container.auto_remove,
				      .detach_keys = values->detach_keys};
	return join(cli, session, &joined, err);
}

static int cmd_start(struct cli *cli, void *values, const struct option_args *args, struct err *err)
{
	const struct start_values *v = values;
	int rc = 0;

	if ((v->attach || v->interactive) && args->count > 1)
		return err_set(err, ERR_INVALID, 0,
			       "you cannot start and attach multiple containers at once");
	for (size_t i = 0; rc == 0 && i < args->count; i++)
		rc = start_one(cli, v, args->items[i], err);
	return rc;
}

struct attach_values {
	bool no_stdin;
	bool sig_proxy;
	const char *detach_keys;
};

static const struct attach_values attach_defaults = {.sig_proxy = true};

static const struct option attach_options[] = {
	OPT_FLAG(struct attach_values, no_stdin, '\0', "no-stdin", "do not join stdin"),
	OPT_FLAG(struct attach_values, sig_proxy, '\0', "sig-proxy",
		 "pass signals on to the container (default true)"),
	OPT_STRING(struct attach_values, detach_keys, '\0', "detach-keys", "KEYS", HINT_NONE,
		   "keys that leave the container running"),
};

static int cmd_attach(struct cli *cli, void *values, const struct option_args *args,
		      struct err *err)
{
	const struct attach_values *v = values;
	struct engine_container container;
	auto_fd session = FD_NONE;

	int rc = engine_container_find(cli->engine, args->items[0], cli->arena, &container, err);
	if (rc < 0)
		return rc;
	if (container.status != ENGINE_RUNNING)
		return err_set(err, ERR_CONFLICT, 0,
			       "You cannot attach to a stopped container, start it first");
	struct engine_streams streams = {.want_stdin =
						 !v->no_stdin && container.options.interactive,
					 .want_stdout = true,
					 .want_stderr = true};
	if (container.options.tty)
		terminal_size(&streams);
	rc = engine_container_attach(cli->engine, &container, &streams, &session, err);
	if (rc < 0)
		return rc;
	const struct joined joined = {.id = container.id,
				      .tty = container.options.tty,
				      .want_stdin = streams.want_stdin,
				      .sig_proxy = v->sig_proxy,
				      .detach_keys = v->detach_keys};
	return join(cli, session, &joined, err);
}

const struct command command_run = {
	.name = "run",
	.operands = "IMAGE [COMMAND] [ARG...]",
	.summary = "create a container from an image and start it",
	.min = 1,
	.max = CLI_ARGS_ANY,
	.flags = COMMAND_ENGINE | COMMAND_OPERAND_ENDS | COMMAND_CONTAINER,
	.failure = FAILED_STATUS,
	.options = run_options,
	.option_count = RUN_COUNT,
	.defaults = &run_defaults,
	.values_size = sizeof(struct engine_options),
	.hint = HINT_IMAGE,
	.run = cmd_run,
};

const struct command command_create = {
	.name = "create",
	.operands = "IMAGE [COMMAND] [ARG...]",
	.summary = "create a container without starting it",
	.min = 1,
	.max = CLI_ARGS_ANY,
	.flags = COMMAND_ENGINE | COMMAND_OPERAND_ENDS | COMMAND_CONTAINER,
	.options = run_options + RUN_ONLY,
	.option_count = RUN_COUNT - RUN_ONLY,
	.defaults = &run_defaults,
	.values_size = sizeof(struct engine_options),
	.hint = HINT_IMAGE,
	.run = cmd_create,
};

const struct command command_start = {
	.name = "start",
	.operands = "CONTAINER [CONTAINER...]",
	.summary = "start containers that were created or have ended",
	.min = 1,
	.max = CLI_ARGS_ANY,
	.flags = COMMAND_ENGINE | COMMAND_CONTAINER,
	.options = start_options,
	.option_count = sizeof(start_options) / sizeof(start_options[0]),
	.defaults = &start_defaults,
	.values_size = sizeof(struct start_values),
	.hint = HINT_CONTAINER,
	.run = cmd_start,
};

const struct command command_attach = {
	.name = "attach",
	.operands = "CONTAINER",
	.summary = "join the streams of a running container",
	.min = 1,
	.max = 1,
	.flags = COMMAND_ENGINE | COMMAND_CONTAINER,
	.options = attach_options,
	.option_count = sizeof(attach_options) / sizeof(attach_options[0]),
	.defaults = &attach_defaults,
	.values_size = sizeof(struct attach_values),
	.hint = HINT_CONTAINER,
	.run = cmd_attach,
};
