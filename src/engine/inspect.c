/* Docker's inspect object, in the parts that hold here. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/internal.h"
#include "engine/spec/build.h"
#include "engine/spec/list.h"
#include "engine/spec/mounts.h"
#include "engine/spec/process.h"
#include "engine/spec/value.h"
#include "monitor/wire/logline.h"

#define TEXT(s, m, n)  JSON_PLAIN(s, m, n, JSON_TYPE_STRING, JSON_WRITE_ZERO)
#define FLAG(s, m, n)  JSON_PLAIN(s, m, n, JSON_TYPE_BOOL, JSON_WRITE_ZERO)
#define NUM(s, m, n)   JSON_PLAIN(s, m, n, JSON_TYPE_INT64, JSON_WRITE_ZERO)
#define TEXTS(s, m, n) JSON_LIST_FLAGS(s, m, n, JSON_TYPE_STRING, JSON_WRITE_ZERO)

struct view_state {
	const char *status;
	bool running;
	bool paused;
	bool restarting;
	bool oom_killed;
	bool dead;
	int64_t pid;
	int64_t exit_code;
	const char *error;
	const char *started_at;
	const char *finished_at;
};
static const struct json_field state_fields[] = {
	TEXT(struct view_state, status, "Status"),
	FLAG(struct view_state, running, "Running"),
	FLAG(struct view_state, paused, "Paused"),
	FLAG(struct view_state, restarting, "Restarting"),
	FLAG(struct view_state, oom_killed, "OOMKilled"),
	FLAG(struct view_state, dead, "Dead"),
	NUM(struct view_state, pid, "Pid"),
	NUM(struct view_state, exit_code, "ExitCode"),
	TEXT(struct view_state, error, "Error"),
	TEXT(struct view_state, started_at, "StartedAt"),
	TEXT(struct view_state, finished_at, "FinishedAt"),
};
static JSON_SHAPE(state_shape, struct view_state, state_fields);

/* No container is started again by itself yet. */
struct view_restart {
	const char *name;
	int64_t most;
};
static const struct json_field restart_fields[] = {
	TEXT(struct view_restart, name, "Name"),
	NUM(struct view_restart, most, "MaximumRetryCount"),
};
static JSON_SHAPE(restart_shape, struct view_restart, restart_fields);

struct view_host {
	json_strings binds;
	const char *network_mode;
	bool auto_remove;
	json_strings cap_add;
	json_strings cap_drop;
	bool privileged;
	bool readonly_rootfs;
	json_strings security_opt;
	int64_t memory;
	int64_t memory_swap;
	int64_t memory_reservation;
	int64_t nano_cpus;
	int64_t cpu_shares;
	const char *cpuset_cpus;
	int64_t pids_limit;
	int64_t shm_size;
	bool init;
	const char *ipc_mode;
	const char *pid_mode;
	const char *uts_mode;
	const char *cgroup_parent;
	int64_t cpu_period;
	int64_t cpu_quota;
	const char *cpuset_mems;
	int64_t oom_score_adj;
	json_strings extra_hosts;
	json_strings dns;
	json_strings dns_search;
	json_strings dns_options;
	json_strings group_add;
	struct view_restart restart;
};
static const struct json_field host_fields[] = {
	TEXTS(struct view_host, binds, "Binds"),
	TEXT(struct view_host, network_mode, "NetworkMode"),
	FLAG(struct view_host, auto_remove, "AutoRemove"),
	TEXTS(struct view_host, cap_add, "CapAdd"),
	TEXTS(struct view_host, cap_drop, "CapDrop"),
	FLAG(struct view_host, privileged, "Privileged"),
	FLAG(struct view_host, readonly_rootfs, "ReadonlyRootfs"),
	TEXTS(struct view_host, security_opt, "SecurityOpt"),
	NUM(struct view_host, memory, "Memory"),
	NUM(struct view_host, memory_swap, "MemorySwap"),
	NUM(struct view_host, memory_reservation, "MemoryReservation"),
	NUM(struct view_host, nano_cpus, "NanoCpus"),
	NUM(struct view_host, cpu_shares, "CpuShares"),
	TEXT(struct view_host, cpuset_cpus, "CpusetCpus"),
	NUM(struct view_host, pids_limit, "PidsLimit"),
	NUM(struct view_host, shm_size, "ShmSize"),
	FLAG(struct view_host, init, "Init"),
	TEXT(struct view_host, ipc_mode, "IpcMode"),
	TEXT(struct view_host, pid_mode, "PidMode"),
	TEXT(struct view_host, uts_mode, "UTSMode"),
	TEXT(struct view_host, cgroup_parent, "CgroupParent"),
	NUM(struct view_host, cpu_period, "CpuPeriod"),
	NUM(struct view_host, cpu_quota, "CpuQuota"),
	TEXT(struct view_host, cpuset_mems, "CpusetMems"),
	NUM(struct view_host, oom_score_adj, "OomScoreAdj"),
	TEXTS(struct view_host, extra_hosts, "ExtraHosts"),
	TEXTS(struct view_host, dns, "Dns"),
	TEXTS(struct view_host, dns_search, "DnsSearch"),
	TEXTS(struct view_host, dns_options, "DnsOptions"),
	TEXTS(struct view_host, group_add, "GroupAdd"),
	JSON_EMBED(struct view_host, restart, "RestartPolicy", restart_shape),
};
static JSON_SHAPE(host_shape, struct view_host, host_fields);

struct view_config {
	const char *hostname;
	const char *domainname;
	const char *user;
	bool tty;
	bool open_stdin;
	json_strings env;
	json_strings cmd;
	const char *image;
	const char *working_dir;
	json_strings entrypoint;
	json_pairs labels;
	const char *stop_signal;
};
static const struct json_field config_fields[] = {
	TEXT(struct view_config, hostname, "Hostname"),
	TEXT(struct view_config, domainname, "Domainname"),
	TEXT(struct view_config, user, "User"),
	FLAG(struct view_config, tty, "Tty"),
	FLAG(struct view_config, open_stdin, "OpenStdin"),
	TEXTS(struct view_config, env, "Env"),
	TEXTS(struct view_config, cmd, "Cmd"),
	TEXT(struct view_config, image, "Image"),
	TEXT(struct view_config, working_dir, "WorkingDir"),
	TEXTS(struct view_config, entrypoint, "Entrypoint"),
	JSON_FIELD_(struct view_config, labels, "Labels", JSON_TYPE_STRING, JSON_FORM_MAP,
		    JSON_WRITE_ZERO, NULL, NULL),
	JSON_STRING(struct view_config, stop_signal, "StopSignal"),
};
static JSON_SHAPE(config_shape, struct view_config, config_fields);

struct view_mount {
	const char *type;
	const char *source;
	const char *destination;
	const char *mode;
	bool rw;
	const char *propagation;
};
static const struct json_field mount_fields[] = {
	TEXT(struct view_mount, type, "Type"),
	TEXT(struct view_mount, source, "Source"),
	TEXT(struct view_mount, destination, "Destination"),
	TEXT(struct view_mount, mode, "Mode"),
	FLAG(struct view_mount, rw, "RW"),
	TEXT(struct view_mount, propagation, "Propagation"),
};
static JSON_SHAPE(mount_shape, struct view_mount, mount_fields);

/* There are none or the host's: what people's scripts look at is empty. */
struct view_network {
	const char *address;
	json_pairs ports;
	json_pairs networks;
};
static const struct json_field network_fields[] = {
	TEXT(struct view_network, address, "IPAddress"),
	JSON_FIELD_(struct view_network, ports, "Ports", JSON_TYPE_STRING, JSON_FORM_MAP,
		    JSON_WRITE_ZERO, NULL, NULL),
	JSON_FIELD_(struct view_network, networks, "Networks", JSON_TYPE_STRING, JSON_FORM_MAP,
		    JSON_WRITE_ZERO, NULL, NULL),
};
static JSON_SHAPE(network_shape, struct view_network, network_fields);

struct view {
	const char *id;
	const char *created;
	const char *path;
	json_strings args;
	struct view_state state;
	const char *image;
	const char *hostname_path;
	const char *hosts_path;
	const char *resolv_path;
	const char *log_path;
	const char *name;
	const char *mount_label;
	const char *process_label;
	const char *apparmor;
	int64_t restart_count;
	const char *driver;
	const char *platform;
	struct view_host host;
	struct view_network network;
	int64_t *size_rw; /* NULL: not asked for */
	int64_t *size_root_fs;
	JSON_LIST_OF(struct view_mount) mounts;
	struct view_config config;
};
static const struct json_field view_fields[] = {
	TEXT(struct view, id, "Id"),
	TEXT(struct view, created, "Created"),
	TEXT(struct view, path, "Path"),
	TEXTS(struct view, args, "Args"),
	JSON_EMBED(struct view, state, "State", state_shape),
	TEXT(struct view, image, "Image"),
	TEXT(struct view, resolv_path, "ResolvConfPath"),
	TEXT(struct view, hostname_path, "HostnamePath"),
	TEXT(struct view, hosts_path, "HostsPath"),
	TEXT(struct view, log_path, "LogPath"),
	TEXT(struct view, name, "Name"),
	NUM(struct view, restart_count, "RestartCount"),
	TEXT(struct view, driver, "Driver"),
	TEXT(struct view, platform, "Platform"),
	TEXT(struct view, mount_label, "MountLabel"),
	TEXT(struct view, process_label, "ProcessLabel"),
	TEXT(struct view, apparmor, "AppArmorProfile"),
	JSON_EMBED(struct view, host, "HostConfig", host_shape),
	JSON_OPT(struct view, size_rw, "SizeRw", JSON_TYPE_INT64),
	JSON_OPT(struct view, size_root_fs, "SizeRootFs", JSON_TYPE_INT64),
	JSON_FIELD_(struct view, mounts, "Mounts", JSON_TYPE_OBJECT, JSON_FORM_LIST,
		    JSON_WRITE_ZERO, &mount_shape, NULL),
	JSON_EMBED(struct view, config, "Config", config_shape),
	JSON_EMBED(struct view, network, "NetworkSettings", network_shape),
};
static JSON_SHAPE(view_shape, struct view, view_fields);

static const char *time_text(int64_t ns, struct arena *arena)
{
	char text[LOGLINE_TIME_SIZE];

	if (ns <= 0)
		return "0001-01-01T00:00:00Z";
	logline_time_format(ns, text);
	return list_text(arena, "%s", text);
}

static const char *or_empty(const char *text)
{
	return text != NULL ? text : "";
}

static int64_t size_of(const char *text)
{
	struct err ignored;
	int64_t bytes = 0;

	return text != NULL && value_parse_size(text, true, &bytes, &ignored) == 0 ? bytes : 0;
}

static int64_t number_of(const char *text)
{
	struct err ignored;
	int64_t number = 0;

	return text != NULL && value_parse_int(text, "", INT64_MIN, INT64_MAX, &number, &ignored) ==
				       0
		       ? number
		       : 0;
}

static void fill_host(const struct engine_container *c, struct view_host *host)
{
	const struct engine_options *o = &c->options;
	struct err ignored;

	*host = (struct view_host){
		.binds = o->volumes,
		.network_mode = o->network != NULL ? o->network : "none",
		.auto_remove = c->auto_remove,
		.cap_add = o->cap_add,
		.cap_drop = o->cap_drop,
		.privileged = o->privileged,
		.readonly_rootfs = o->read_only,
		.security_opt = o->security,
		.memory = size_of(o->memory),
		.memory_swap = size_of(o->memory_swap),
		.memory_reservation = size_of(o->memory_reservation),
		.cpu_shares = number_of(o->cpu_shares),
		.cpuset_cpus = or_empty(o->cpuset_cpus),
		.pids_limit = number_of(o->pids_limit),
		.shm_size = o->shm_size != NULL ? size_of(o->shm_size) : 64 * 1024 * 1024,
		.init = o->init,
		.ipc_mode = o->ipc != NULL ? o->ipc : "private",
		.pid_mode = or_empty(o->pid),
		.uts_mode = or_empty(o->uts),
		.cgroup_parent = or_empty(o->cgroup_parent),
		.cpu_period = number_of(o->cpu_period),
		.cpu_quota = number_of(o->cpu_quota),
		.cpuset_mems = or_empty(o->cpuset_mems),
		.oom_score_adj = number_of(o->oom_score_adj),
		.extra_hosts = o->hosts,
		.dns = o->dns,
		.dns_search = o->dns_search,
		.dns_options = o->dns_options,
		.group_add = o->groups,
		.restart = {.name = "no"},
	};
	if (host->memory_swap == 0)
		host->memory_swap = host->memory * 2;
	if (o->cpus != NULL)
		(void)value_parse_cpus(o->cpus, &host->nano_cpus, &ignored);
}

/* As far as they are known: before the first start a container may have no level yet. */
static void fill_labels(const struct engine_container *c, struct arena *arena, struct view *view)
{
	struct spec_modes modes = {0};
	struct security security = {0};
	struct spec_labels labels = {0};
	struct spec_host host;
	struct err ignored;

	host_look(&host);
	(void)spec_modes_parse(&c->options, &modes, &ignored);
	if (security_parse(&c->options.security, &security, &ignored) == 0) {
		struct labels_request request = {.security = &security,
						 .host = &host,
						 .privileged = c->options.privileged,
						 .host_namespaces =
							 modes.host_pid || modes.host_ipc,
						 .level = c->selinux_level};
		(void)labels_build(&request, arena, &labels, &ignored);
	}
	view->mount_label = or_empty(labels.mount);
	view->process_label = or_empty(labels.process);
	view->apparmor = or_empty(labels.apparmor);
}

static void fill_state(const struct engine_container *c, struct arena *arena,
		       struct view_state *state)
{
	*state = (struct view_state){
		.status = engine_status_name(c->status),
		.running = c->status == ENGINE_RUNNING,
		.oom_killed = c->oom,
		.pid = c->status == ENGINE_RUNNING ? c->pid : 0,
		.exit_code = c->exit_code,
		.error = or_empty(c->message),
		.started_at = time_text(c->started_ns, arena),
		.finished_at = time_text(c->finished_ns, arena),
	};
}

static int fill_mounts(struct engine *engine, const struct engine_container *c,
		       const struct oci_image_run *image, struct arena *arena, struct view *view,
		       struct err *err)
{
	static const char *const types[] = {"bind", "tmpfs", "volume"};
	mount_option_list mounts;
	size_t volumes = 0;

	int rc = mounts_collect(&c->options, image, arena, &mounts, err);
	for (size_t i = 0; rc == 0 && i < mounts.count; i++) {
		const struct mount_option *mount = &mounts.items[i];
		struct view_mount *added = list_push(&view->mounts, sizeof(*added), arena);
		char name[48];
		if (added == NULL)
			return list_no_memory(err);
		*added = (struct view_mount){.type = types[mount->type],
					     .source = or_empty(mount->source),
					     .destination = mount->target,
					     .mode = mount->read_only ? "ro" : "",
					     .rw = !mount->read_only,
					     .propagation = mount->propagation};
		if (mount->type == MOUNT_OPTION_VOLUME) {
			(void)snprintf(name, sizeof(name), "volumes/%zu", volumes++);
			added->source = or_empty(paths_in_root(engine, c->id, name, arena));
		}
	}
	return rc;
}

static int fill_config(const struct engine_container *c, const struct oci_image_run *image,
		       struct arena *arena, struct view *view, struct err *err)
{
	static const json_strings none;
	const struct engine_options *o = &c->options;
	const char **entry = arena_alloc(arena, sizeof(*entry));
	json_strings args = {0};
	struct account nobody = {.home = "/"};

	if (entry == NULL)
		return list_no_memory(err);
	*entry = o->entrypoint;
	view->config = (struct view_config){
		.hostname = o->hostname != NULL ? o->hostname : list_text(arena, "%.12s", c->id),
		.domainname = or_empty(o->domainname),
		.user = or_empty(o->user != NULL ? o->user : image->user),
		.tty = o->tty,
		.open_stdin = o->interactive,
		.cmd = o->command.count > 0 || o->entrypoint != NULL ? o->command : image->cmd,
		.image = c->image,
		.working_dir = or_empty(o->workdir != NULL ? o->workdir : image->working_dir),
		.entrypoint = o->entrypoint == NULL ? image->entrypoint
			      : o->entrypoint[0] != '\0'
				      ? (json_strings){.items = entry, .count = 1}
				      : none,
		.labels = c->labels,
		.stop_signal = o->stop_signal != NULL ? o->stop_signal : image->stop_signal,
	};
	struct process_request request = {
		.image_env = &image->env, .env = &o->env, .account = &nobody};
	struct oci_process process;
	int rc = process_build(&request, arena, &process, err);
	if (rc == 0) {
		/* HOME is found out at the start, from the root's own files. */
		view->config.env = process.env;
		if (process.env.count > 0 &&
		    strcmp(process.env.items[process.env.count - 1], "HOME=/") == 0)
			view->config.env.count--;
		rc = process_arguments(o, image, arena, &args, err);
	}
	if (rc == 0) {
		view->path = args.items[0];
		view->args = (json_strings){args.items + 1, args.count - 1};
	}
	return rc;
}

int engine_container_inspect(struct engine *engine, const struct engine_container *container,
			     bool size, struct buf *out, struct err *err)
{
	static const struct oci_image_run unknown;
	ARENA_AUTO(arena, 32 * 1024 * 1024);
	struct store_image *image = NULL;
	struct engine_container_size sizes = {0};
	struct err gone;
	struct view view = {
		.driver = "overlay",
		.platform = "linux",
		.network = {.address = ""},
		.id = container->id,
		.created = time_text(container->created_ns, &arena),
		.image = list_text(&arena, "sha256:%s", container->image_id),
		.resolv_path = paths_in_state(engine, container->id, "resolv.conf", &arena),
		.hostname_path = paths_in_state(engine, container->id, "hostname", &arena),
		.hosts_path = paths_in_state(engine, container->id, "hosts", &arena),
		.log_path = paths_in_root(engine, container->id, "log", &arena),
		.name = list_text(&arena, "/%s", container->name),
	};

	(void)store_image_find(engine->store, container->image_id, &image, &gone);
	const struct oci_image_run *run = image != NULL ? &image->config->config : &unknown;
	fill_state(container, &arena, &view.state);
	fill_host(container, &view.host);
	fill_labels(container, &arena, &view);
	int rc = size ? engine_container_size(engine, container, &sizes, err) : 0;
	int64_t whole = sizes.own_bytes + sizes.image_bytes;
	view.size_rw = size ? &sizes.own_bytes : NULL;
	view.size_root_fs = size ? &whole : NULL;
	if (rc == 0)
		rc = fill_config(container, run, &arena, &view, err);
	if (rc == 0)
		rc = fill_mounts(engine, container, run, &arena, &view, err);
	if (rc == 0)
		json_write(&view_shape, &view, JSON_PRETTY, out);
	store_image_free(image);
	return rc;
}
