#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "engine/prepare.h"
#include "engine/spec/list.h"
#include "engine/spec/process.h"
#include "engine/spec/value.h"
#include "monitor/wire/attach.h"
#include "monitor/wire/config.h"
#include "monitor/wire/journal.h"

#define LOG_FILES_MAX MONITOR_LOG_FILES_MAX

struct starting {
	struct engine *engine;
	const struct engine_streams *streams;
	struct arena *arena;
	struct engine_container container;
	struct prepared prepared; /* account, security, capabilities */
	struct store_image *image;
	int data_fd;
	int state_fd;
	int rootfs_fd;
	int session;
	mount_option_list mounts;
	json_strings warnings;
	int exit_code;
};

struct start_step {
	const char *name;
	int (*run)(struct starting *starting, struct err *err);
	void (*undo)(struct starting *starting); /* NULL: nothing to undo */
};

/* Held until the container runs, by the monitor too: this process may be killed while it starts it. */
static int lock_data(struct starting *s, struct err *err)
{
	const char *id = s->container.id;

	if (mkdirat(s->engine->containers_fd, id, 0700) < 0 && errno != EEXIST)
		return err_errno(err, "make the folder of container %.12s", id);
	s->data_fd = paths_open_data(s->engine, id, err);
	if (s->data_fd < 0)
		return s->data_fd;
	if (flock(s->data_fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(err, ERR_CONFLICT, EBUSY,
			       "another process starts or removes container %.12s", id);
	/* What another process did before it let go of the lock. */
	int rc = fold_state(s->engine, &s->container, s->arena, err);
	if (rc == 0 && s->container.status == ENGINE_RUNNING)
		return err_set(err, ERR_CONFLICT, 0, "container %.12s is already running", id);
	return rc;
}

static int find_image(struct starting *s, struct err *err)
{
	return store_image_find(s->engine->store, s->container.image_id, &s->image, err);
}

static int journal_restart(struct starting *s, struct err *err)
{
	struct journal_record record = {.type = JOURNAL_RESTARTED, .time_ns = engine_now_ns()};
	const char *words[] = {"delete", "--force", s->container.id, NULL};
	struct err ignored;

	if (s->container.started_ns == 0)
		return 0;
	/* A monitor that was killed leaves the runtime's state and cgroup. */
	(void)launch_runtime(s->engine, words, &ignored);
	return journal_append_at(s->data_fd, MONITOR_JOURNAL, &record, false, err);
}

static int open_state(struct starting *s, struct err *err)
{
	s->state_fd = paths_open_state(s->engine, s->container.id, true, err);
	return s->state_fd < 0 ? s->state_fd : 0;
}

static void remove_state(struct starting *s)
{
	struct err ignored;
	const char *path = paths_in_state(s->engine, s->container.id, NULL, s->arena);

	if (path != NULL)
		(void)paths_remove_tree(AT_FDCWD, path, &ignored);
}

static int prepare_confinement(struct starting *s, struct err *err)
{
	return prepare_labels(s->engine, &s->container, s->arena, &s->prepared, err);
}

static int mount_root(struct starting *s, struct err *err)
{
	s->rootfs_fd = rootfs_mount(s->engine, &s->container, s->image, s->data_fd,
				    s->prepared.labels.mount, err);
	return s->rootfs_fd < 0 ? s->rootfs_fd : 0;
}

static void unmount_root(struct starting *s)
{
	fd_closep(&s->rootfs_fd); /* a detached mount dies with its descriptor */
}

/* A bind needs its source; -v makes a folder where there is none, as Docker does. */
static int check_source(const struct mount_option *mount, struct err *err)
{
	struct stat st;

	if (stat(mount->source, &st) == 0)
		return 0;
	if (errno != ENOENT || !mount->create_source)
		return err_errno(err, "bind source path '%s'", mount->source);
	return paths_make_folder(mount->source, 0755, err);
}

static int prepare_mounts(struct starting *s, struct err *err)
{
	size_t volumes = 0;

	int rc = mounts_collect(&s->container.options, &s->image->config->config, s->arena,
				&s->mounts, err);
	for (size_t i = 0; rc == 0 && i < s->mounts.count; i++) {
		struct mount_option *mount = &s->mounts.items[i];
		if (mount->type == MOUNT_OPTION_BIND)
			rc = check_source(mount, err);
		if (mount->type != MOUNT_OPTION_VOLUME)
			continue;
		rc = volume_prepare(s->data_fd, volumes, s->rootfs_fd, mount,
				    s->prepared.labels.mount, err);
		char name[48];
		(void)snprintf(name, sizeof(name), "volumes/%zu", volumes++);
		mount->source = paths_in_root(s->engine, s->container.id, name, s->arena);
		if (rc == 0 && mount->source == NULL)
			rc = list_no_memory(err);
	}
	return rc;
}

static int prepare_identity(struct starting *s, struct err *err)
{
	return prepare_security(s->engine, &s->container, &s->image->config->config, s->rootfs_fd,
				s->arena, &s->prepared, err);
}

static bool has_mount_setattr(void)
{
	struct utsname names;
	char *end;

	if (uname(&names) < 0)
		return false;
	long major = strtol(names.release, &end, 10);
	long minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
	return major > 5 || (major == 5 && minor >= 12);
}

/* Below --root, with the rest of what the container may fill: --state is the host's memory. */
static int identity_files(struct starting *s, struct mounts_request *request, const char *hostname,
			  struct err *err)
{
	const struct {
		const char *name;
		const char **path;
	} files[] = {{"hostname", &request->hostname_file},
		     {"hosts", &request->hosts_file},
		     {"resolv.conf", &request->resolv_file}};

	int rc = files_write(s->data_fd, &s->container.options, hostname,
			     s->prepared.modes.host_network, s->prepared.labels.mount, err);
	for (size_t i = 0; rc == 0 && i < 3; i++) {
		*files[i].path = paths_in_root(s->engine, s->container.id, files[i].name, s->arena);
		if (*files[i].path == NULL)
			rc = list_no_memory(err);
	}
	if (rc == 0 && s->container.options.init)
		rc = paths_find_program(s->engine, "corten-init", s->arena, &request->init_program,
					err);
	return rc;
}

static int write_state(struct starting *s, const char *name, const struct buf *text,
		       struct err *err)
{
	int rc = buf_check(text, name, err);

	if (rc < 0)
		return rc;
	auto_fd fd = openat(s->state_fd, name,
			    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, "make '%s'", name);
	rc = fd_write_all(fd, text->data, text->len);
	return rc < 0 ? err_set(err, err_kind_of(-rc), -rc, "write '%s'", name) : 0;
}

static int write_config(struct starting *s, struct err *err)
{
	BUF_AUTO(text, 4 * 1024 * 1024);
	struct spec_result result;
	const struct engine_options *options = &s->container.options;
	const char *hostname = spec_hostname(options, &s->prepared.modes, &s->prepared.host,
					     s->container.id, s->arena);
	struct oci_console_size size = {s->streams->rows, s->streams->columns};
	struct spec_request request = {
		.options = options,
		.image = &s->image->config->config,
		.host = &s->prepared.host,
		.modes = &s->prepared.modes,
		.security = &s->prepared.security,
		.account = &s->prepared.account,
		.caps = s->prepared.caps,
		.labels = s->prepared.labels,
		.id = s->container.id,
		.hostname = hostname,
		.mounts = {.mounts = &s->mounts,
			   .shm_size = options->shm_size,
			   .ipc_host = s->prepared.modes.host_ipc,
			   .privileged = options->privileged,
			   .recursive_readonly = has_mount_setattr()},
		.seccomp = s->prepared.seccomp,
		.size = &size,
		.cgroups_path = prepare_cgroups_path(&s->container, s->arena),
	};

	if (hostname == NULL || request.cgroups_path == NULL)
		return list_no_memory(err);
	int rc = identity_files(s, &request.mounts, hostname, err);
	if (rc == 0)
		rc = spec_build(&request, s->arena, &result, err);
	if (rc < 0)
		return rc;
	s->warnings = result.warnings;
	if (s->prepared.unprofiled)
		rc = list_push_text(
			&s->warnings,
			"AppArmor is enabled, but apparmor_parser is not installed: the "
			"container runs without the profile '" LABELS_APPARMOR_DEFAULT
			"' (install the package apparmor)",
			s->arena, err);
	if (rc < 0)
		return rc;
	json_write(&oci_config_shape, &result.config, JSON_COMPACT, &text);
	return write_state(s, "config.json", &text, err);
}

static int log_settings(struct starting *s, struct monitor_config *config, struct err *err)
{
	const struct engine_options *options = &s->container.options;
	const char *driver = options->log_driver, *size = s->engine->config->log_max_size,
		   *files = s->engine->config->log_max_files;
	int64_t number = 0;

	if (driver != NULL && strcmp(driver, "none") == 0)
		config->log_driver = MONITOR_LOG_NONE;
	else if (driver != NULL && strcmp(driver, "json-file") != 0)
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "--log-driver %s is not built: json-file and none are", driver);
	for (size_t i = 0; i < options->log_options.count; i++) {
		const char *option = options->log_options.items[i];
		if (strncmp(option, "max-size=", 9) == 0)
			size = option + 9;
		else if (strncmp(option, "max-file=", 9) == 0)
			files = option + 9;
		else
			return err_set(err, ERR_INVALID, 0,
				       "unknown log opt '%s': max-size and max-file are", option);
	}
	int rc = size != NULL ? value_parse_size(size, false, &number, err) : 0;
	if (rc < 0)
		return err_wrap(err, rc, "log opt max-size");
	config->log_max_bytes = (uint64_t)number;
	number = 0;
	rc = files != NULL
		     ? value_parse_int(files, "log opt max-file", 1, LOG_FILES_MAX, &number, err)
		     : 0;
	config->log_files = (uint32_t)number;
	return rc;
}

/* `corten --root R --state S cleanup ID`, for when the client of `run --rm` is gone. */
static int exit_command(struct starting *s, struct monitor_config *config, struct err *err)
{
	const char *program = NULL;

	if (!s->container.auto_remove)
		return 0;
	int rc = paths_find_program(s->engine, "corten", s->arena, &program, err);
	const char *words[] = {program,          "--root",  s->engine->root, "--state",
			       s->engine->state, "cleanup", s->container.id};
	for (size_t i = 0; rc == 0 && i < sizeof(words) / sizeof(words[0]); i++)
		rc = list_push_text(&config->exit_command, words[i], s->arena, err);
	return rc;
}

static int write_monitor_config(struct starting *s, struct err *err)
{
	BUF_AUTO(text, MONITOR_CONFIG_MAX_BYTES);
	const struct engine_container *c = &s->container;
	struct monitor_config config = {
		.id = c->id,
		.bundle = paths_in_state(s->engine, c->id, NULL, s->arena),
		.state_dir = paths_in_state(s->engine, c->id, NULL, s->arena),
		.data_dir = paths_in_root(s->engine, c->id, NULL, s->arena),
		.tty = c->options.tty,
		.stdin_open = c->options.interactive,
		.stdin_once = c->options.interactive && !c->options.detach,
		.auto_remove = c->auto_remove,
		.cgroups_path = prepare_cgroups_path(c, s->arena),
	};
	const char *runtime_root = list_text(s->arena, "%s/runtime", s->engine->state);

	if (config.bundle == NULL || config.state_dir == NULL || config.data_dir == NULL ||
	    runtime_root == NULL)
		return list_no_memory(err);
	int rc = paths_find_program(s->engine, "corten-runtime", s->arena, &config.runtime, err);
	if (rc == 0)
		rc = list_push_text(&config.runtime_args, "--root", s->arena, err);
	if (rc == 0)
		rc = list_push_text(&config.runtime_args, runtime_root, s->arena, err);
	if (rc == 0)
		rc = log_settings(s, &config, err);
	if (rc == 0)
		rc = exit_command(s, &config, err);
	if (rc < 0)
		return rc;
	monitor_config_write(&config, &text);
	return write_state(s, "monitor.json", &text, err);
}

static int launch_monitor(struct starting *s, struct err *err)
{
	char launch_fd[16], rootfs_fd[16], lock_fd[16];
	const char *program = NULL;
	const char *config = paths_in_state(s->engine, s->container.id, "monitor.json", s->arena);
	int fds[2], pid = -1;

	int rc = paths_find_program(s->engine, "corten-monitor", s->arena, &program, err);
	if (rc == 0 && config == NULL)
		rc = list_no_memory(err);
	if (rc == 0)
		rc = attach_pair(fds, err);
	if (rc != 0)
		return rc;
	s->session = fds[0];
	auto_fd theirs = fds[1];
	struct attach_message hello = prepare_hello(s->streams);
	rc = attach_send(s->session, &hello);
	if (rc < 0)
		return err_set(err, err_kind_of(-rc), -rc, "greet the monitor");
	(void)snprintf(launch_fd, sizeof(launch_fd), "%d", theirs);
	(void)snprintf(rootfs_fd, sizeof(rootfs_fd), "%d", s->rootfs_fd);
	(void)snprintf(lock_fd, sizeof(lock_fd), "%d", s->data_fd);
	const char *argv[] = {program,       "--config", config,      "--launch-fd", launch_fd,
			      "--rootfs-fd", rootfs_fd,  "--lock-fd", lock_fd,       NULL};
	struct launch launch = {
		argv, {theirs, s->rootfs_fd, s->data_fd}, {FD_NONE, FD_NONE, FD_NONE}};
	return launch_start(&launch, &pid, err);
}

static int await_start(struct starting *s, struct err *err)
{
	uint8_t buffer[ATTACH_MESSAGE_MAX];
	struct attach_message message;

	int rc = attach_receive(s->session, buffer, &message, err);
	if (rc == 0)
		return err_set(err, ERR_SYSTEM, 0,
			       "corten-monitor ended before the container started");
	if (rc < 0)
		return err_wrap(err, rc, "hear from corten-monitor");
	if (message.type == ATTACH_STARTED)
		return 0;
	if (message.type != ATTACH_FAILED)
		return err_set(err, ERR_SYSTEM, 0, "corten-monitor began with message %d",
			       (int)message.type);
	*err = message.failed.err;
	err_sanitize(err);
	s->exit_code = (int)message.failed.exit_code;
	message = (struct attach_message){.type = ATTACH_CLEANED};
	if (s->streams->will_clean)
		(void)attach_send(s->session, &message);
	return -EIO;
}

static const struct start_step start_steps[] = {
	{"lock", lock_data, NULL},
	{"image", find_image, NULL},
	{"journal", journal_restart, NULL},
	{"state folder", open_state, remove_state},
	{"labels", prepare_confinement, NULL},
	{"root", mount_root, unmount_root},
	{"mounts", prepare_mounts, NULL},
	{"identity", prepare_identity, NULL},
	{"configuration", write_config, NULL},
	{"monitor's configuration", write_monitor_config, NULL},
	{"monitor", launch_monitor, NULL},
	{"start", await_start, NULL},
};

static int run_steps(struct starting *s, struct err *err)
{
	size_t count = sizeof(start_steps) / sizeof(start_steps[0]), at = 0;
	int rc = 0;

	while (rc == 0 && at < count)
		rc = start_steps[at++].run(s, err);
	while (rc < 0 && at > 0) {
		at--;
		if (start_steps[at].undo != NULL)
			start_steps[at].undo(s);
	}
	return rc;
}

int engine_container_start(struct engine *engine, const char *id,
			   const struct engine_streams *streams, struct arena *arena,
			   struct engine_started *ret_started, int *ret_exit_code, struct err *err)
{
	struct starting s = {.engine = engine,
			     .streams = streams,
			     .arena = arena,
			     .data_fd = FD_NONE,
			     .state_fd = FD_NONE,
			     .rootfs_fd = FD_NONE,
			     .session = FD_NONE,
			     .exit_code = 125};

	int rc = record_find(engine, id, arena, &s.container, err);
	if (rc == 0)
		rc = run_steps(&s, err);
	store_image_free(s.image);
	fd_closep(&s.rootfs_fd);
	fd_closep(&s.state_fd);
	fd_closep(&s.data_fd);
	*ret_exit_code = s.exit_code;
	if (rc < 0) {
		fd_closep(&s.session);
		return rc;
	}
	*ret_started = (struct engine_started){.session = s.session, .warnings = s.warnings};
	return 0;
}
