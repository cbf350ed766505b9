#include "engine/spec/build.h"

#include <string.h>

#include "engine/spec/list.h"
#include "engine/spec/process.h"
#include "engine/spec/value.h"
#include "oci/state.h"

#define HOSTNAME_MAX_  64
#define SHORT_ID_CHARS 12

static int parse_mode(const char *text, const char *option, bool *ret_host, struct err *err)
{
	*ret_host = false;
	if (text == NULL || text[0] == '\0' || strcmp(text, "private") == 0)
		return 0;
	if (strcmp(text, "host") == 0) {
		*ret_host = true;
		return 0;
	}
	if (strncmp(text, "container:", 10) == 0 || strcmp(text, "shareable") == 0 ||
	    strcmp(text, "none") == 0)
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "%s %s is not built yet: host and private are", option, text);
	return err_set(err, ERR_INVALID, 0, "%s: invalid mode: %s", option, text);
}

static int parse_network(const char *text, bool *ret_host, struct err *err)
{
	*ret_host = false;
	if (text == NULL || strcmp(text, "none") == 0)
		return 0;
	if (strcmp(text, "host") == 0) {
		*ret_host = true;
		return 0;
	}
	return err_set(err, ERR_UNSUPPORTED, 0,
		       "--network %s is not built yet: use none (the default) or host", text);
}

int spec_modes_parse(const struct engine_options *options, struct spec_modes *ret_modes,
		     struct err *err)
{
	struct spec_modes modes;

	int rc = parse_network(options->network, &modes.host_network, err);
	if (rc == 0)
		rc = parse_mode(options->ipc, "--ipc", &modes.host_ipc, err);
	if (rc == 0)
		rc = parse_mode(options->pid, "--pid", &modes.host_pid, err);
	if (rc == 0)
		rc = parse_mode(options->uts, "--uts", &modes.host_uts, err);
	if (rc == 0)
		rc = parse_mode(options->cgroupns, "--cgroupns", &modes.host_cgroup, err);
	if (rc < 0)
		return rc;
	if (modes.host_uts && options->hostname != NULL)
		return err_set(err, ERR_INVALID, 0,
			       "conflicting options: hostname and the UTS mode");
	if (options->hostname != NULL && strlen(options->hostname) > HOSTNAME_MAX_)
		return err_set(err, ERR_INVALID, 0,
			       "invalid hostname: '%s' is longer than %d bytes", options->hostname,
			       HOSTNAME_MAX_);
	*ret_modes = modes;
	return 0;
}

const char *spec_hostname(const struct engine_options *options, const struct spec_modes *modes,
			  const struct spec_host *host, const char *id, struct arena *arena)
{
	if (options->hostname != NULL)
		return options->hostname;
	if (modes->host_uts || modes->host_network)
		return arena_strndup(arena, host->hostname, strlen(host->hostname));
	return arena_strndup(arena, id, SHORT_ID_CHARS);
}

static int build_namespaces(const struct spec_modes *modes, struct arena *arena,
			    struct oci_linux *config, struct err *err)
{
	const struct {
		enum oci_namespace_type type;
		bool host;
	} rows[] = {
		{OCI_NS_MOUNT, false},         {OCI_NS_NETWORK, modes->host_network},
		{OCI_NS_UTS, modes->host_uts}, {OCI_NS_PID, modes->host_pid},
		{OCI_NS_IPC, modes->host_ipc}, {OCI_NS_CGROUP, modes->host_cgroup},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].host)
			continue;
		struct oci_namespace *added = list_push(&config->namespaces, sizeof(*added), arena);
		if (added == NULL)
			return list_no_memory(err);
		added->type = rows[i].type;
	}
	return 0;
}

static int add_sysctl(struct oci_linux *config, const char *key, const char *value,
		      struct arena *arena, struct err *err)
{
	for (size_t i = 0; i < config->sysctl.count; i++) {
		if (strcmp(config->sysctl.items[i].key, key) == 0) {
			config->sysctl.items[i].value = value;
			return 0;
		}
	}
	struct json_pair *added = list_push(&config->sysctl, sizeof(*added), arena);
	if (added == NULL)
		return list_no_memory(err);
	*added = (struct json_pair){key, value};
	return 0;
}

/* A namespaced setting may be written only where the namespace is the container's own. */
static int check_sysctl(const char *key, const struct spec_modes *modes, struct err *err)
{
	static const char *const ipc[] = {"kernel.msgmax", "kernel.msgmnb",         "kernel.msgmni",
					  "kernel.sem",    "kernel.shmall",         "kernel.shmmax",
					  "kernel.shmmni", "kernel.shm_rmid_forced"};
	bool net = strncmp(key, "net.", 4) == 0, mqueue = strncmp(key, "fs.mqueue.", 10) == 0;

	for (size_t i = 0; !mqueue && i < sizeof(ipc) / sizeof(ipc[0]); i++)
		mqueue = strcmp(key, ipc[i]) == 0;
	bool uts = strcmp(key, "kernel.domainname") == 0;
	if (!net && !mqueue && !uts)
		return err_set(err, ERR_INVALID, 0,
			       "sysctl '%s' is not allowed: it is not namespaced", key);
	if ((net && modes->host_network) || (mqueue && modes->host_ipc) || (uts && modes->host_uts))
		return err_set(err, ERR_INVALID, 0,
			       "sysctl '%s' is not allowed in the host's namespace", key);
	return 0;
}

static int build_sysctls(const struct spec_request *request, struct arena *arena,
			 struct oci_linux *config, struct err *err)
{
	const json_strings *given = &request->options->sysctls;
	int rc = 0;

	if (!request->modes->host_network) {
		rc = add_sysctl(config, "net.ipv4.ip_unprivileged_port_start", "0", arena, err);
		if (rc == 0)
			rc = add_sysctl(config, "net.ipv4.ping_group_range", "0 2147483647", arena,
					err);
	}
	for (size_t i = 0; rc == 0 && i < given->count; i++) {
		const char *key = NULL, *value = NULL;
		rc = value_parse_pair(given->items[i], "--sysctl", arena, &key, &value, err);
		if (rc == 0 && value == NULL)
			rc = err_set(err, ERR_INVALID, 0, "--sysctl '%s': the value is missing",
				     given->items[i]);
		if (rc == 0)
			rc = check_sysctl(key, request->modes, err);
		if (rc == 0)
			rc = add_sysctl(config, key, value, arena, err);
	}
	return rc;
}

static int copy_paths(json_strings *list, const char *const *paths, struct arena *arena,
		      struct err *err)
{
	for (; *paths != NULL; paths++) {
		int rc = list_push_text(list, *paths, arena, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int build_paths(const struct spec_request *request, struct arena *arena,
		       struct oci_linux *config, struct err *err)
{
	static const char *const masked[] = {"/proc/asound",
					     "/proc/acpi",
					     "/proc/interrupts",
					     "/proc/kcore",
					     "/proc/keys",
					     "/proc/latency_stats",
					     "/proc/timer_list",
					     "/proc/timer_stats",
					     "/proc/sched_debug",
					     "/proc/scsi",
					     "/sys/firmware",
					     "/sys/devices/virtual/powercap",
					     NULL};
	static const char *const readonly[] = {
		"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL};

	if (request->options->privileged || request->security->system_paths_unconfined)
		return 0;
	int rc = copy_paths(&config->masked_paths, masked, arena, err);
	return rc < 0 ? rc : copy_paths(&config->readonly_paths, readonly, arena, err);
}

static int build_linux(const struct spec_request *request, struct arena *arena,
		       struct spec_result *result, struct err *err)
{
	struct oci_linux *config = &result->linux_part;

	config->cgroups_path = request->cgroups_path;
	config->seccomp = request->seccomp;
	config->mount_label = request->labels.mount;
	for (size_t i = 0; i < request->mounts.mounts->count; i++) {
		/* A shared or slave bind needs a root that lets events through. */
		const char *word = request->mounts.mounts->items[i].propagation;
		if (strstr(word, "shared") != NULL)
			config->rootfs_propagation = "shared";
		else if (strstr(word, "slave") != NULL && config->rootfs_propagation == NULL)
			config->rootfs_propagation = "rslave";
	}
	int rc = build_namespaces(request->modes, arena, config, err);
	if (rc == 0)
		rc = build_sysctls(request, arena, config, err);
	if (rc == 0)
		rc = build_paths(request, arena, config, err);
	if (rc == 0)
		rc = resources_build(request->options, request->host, arena, config,
				     &result->warnings, err);
	return rc;
}

static int build_process(const struct spec_request *request, struct arena *arena,
			 struct spec_result *result, struct err *err)
{
	const struct engine_options *options = request->options;
	const char *cwd = options->workdir != NULL ? options->workdir : request->image->working_dir;
	struct process_request wanted = {
		.image_env = &request->image->env,
		.env = &options->env,
		.hostname = request->hostname,
		.account = request->account,
		.cwd = cwd,
		.terminal = options->tty,
		.size = request->size,
		.caps = request->caps,
		.no_new_privileges = request->security->no_new_privileges,
		.labels = &request->labels,
	};

	int rc = process_arguments(options, request->image, arena, &wanted.args, err);
	if (rc == 0 && request->mounts.init_program != NULL) {
		json_strings args = {0};
		rc = list_push_text(&args, MOUNTS_INIT_TARGET, arena, err);
		if (rc == 0)
			rc = list_push_text(&args, "--", arena, err);
		for (size_t i = 0; rc == 0 && i < wanted.args.count; i++)
			rc = list_push_text(&args, wanted.args.items[i], arena, err);
		wanted.args = args;
	}
	if (rc == 0)
		rc = process_build(&wanted, arena, &result->process, err);
	if (rc == 0)
		rc = resources_build_rlimits(&options->ulimits, arena, &result->process,
					     &result->warnings, err);
	if (rc == 0 && options->oom_score_adj != NULL) {
		int64_t value = 0;
		rc = value_parse_int(options->oom_score_adj, "--oom-score-adj", -1000, 1000, &value,
				     err);
		int32_t *score = arena_alloc(arena, sizeof(*score));
		if (score == NULL)
			return rc < 0 ? rc : list_no_memory(err);
		*score = (int32_t)value;
		result->process.oom_score_adj = score;
	}
	return rc;
}

int spec_build(const struct spec_request *request, struct arena *arena,
	       struct spec_result *ret_result, struct err *err)
{
	struct spec_result *result = ret_result;

	*result = (struct spec_result){0};
	result->root = (struct oci_root){"rootfs", request->options->read_only};
	result->config = (struct oci_config){
		.oci_version = OCI_VERSION,
		.process = &result->process,
		.root = &result->root,
		.linux = &result->linux_part,
		.hostname = request->modes->host_uts ? NULL : request->hostname,
		.domainname = request->options->domainname,
	};
	int rc = build_process(request, arena, result, err);
	if (rc == 0)
		rc = mounts_build(&request->mounts, arena, &result->config, err);
	if (rc == 0)
		rc = build_linux(request, arena, result, err);
	return rc;
}
