/* What the specification demands of config.json and a table of fields cannot say. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "oci/runtime_config.h"

#define ID_NONE    UINT32_MAX /* the kernel's "no id": setuid(-1) would silently change nothing */
#define IFNAME_MAX 15

#define NET_DEVICES_MAX 256 /* compared in pairs */

static int refuse(struct err *err, const char *fmt, ...) PRINTF(2, 3);
static int refuse(struct err *err, const char *fmt, ...)
{
	char text[400];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return err_set(err, ERR_INVALID, 0, "%s", text);
}

static bool is_empty(const char *text)
{
	return text == NULL || text[0] == '\0';
}

static bool is_absolute(const char *path)
{
	return path != NULL && path[0] == '/';
}

static bool is_one_of(const char *text, const char *const *names)
{
	for (size_t i = 0; names[i] != NULL; i++) {
		if (strcmp(text, names[i]) == 0)
			return true;
	}
	return false;
}

/* Steps over a decimal number without needless zeros; NULL when none stands at text. */
static const char *semver_number(const char *text)
{
	if (text[0] == '0')
		return text + 1;
	size_t len = strspn(text, "0123456789");
	return len == 0 ? NULL : text + len;
}

/* Steps over dot-separated identifiers, each at least one character. */
static const char *semver_identifiers(const char *text)
{
	static const char set[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-";

	for (;;) {
		size_t len = strspn(text, set);
		if (len == 0)
			return NULL;
		text += len;
		if (*text != '.')
			return text;
		text++;
	}
}

static int check_version(const char *version, struct err *err)
{
	const char *at = version;

	if (is_empty(version))
		return refuse(err, "ociVersion: empty");
	for (int i = 0; i < 3 && at != NULL; i++) {
		if (i > 0)
			at = *at == '.' ? at + 1 : NULL;
		if (at != NULL)
			at = semver_number(at);
	}
	if (at != NULL && *at == '-')
		at = semver_identifiers(at + 1);
	if (at != NULL && *at == '+')
		at = semver_identifiers(at + 1);
	if (at == NULL || *at != '\0')
		return refuse(err, "ociVersion: \"%.64s\" is not a semantic version", version);
	if (strncmp(version, "1.", 2) != 0)
		return refuse(err, "ociVersion: \"%.64s\" is not supported; 1.x is", version);
	return 0;
}

static int check_user(const struct oci_user *user, const char *place, struct err *err)
{
	if (user->uid == ID_NONE)
		return refuse(err, "%s.user.uid: %u is no user", place, user->uid);
	if (user->gid == ID_NONE)
		return refuse(err, "%s.user.gid: %u is no group", place, user->gid);
	for (size_t i = 0; i < user->additional_gids.count; i++) {
		if (user->additional_gids.items[i] == ID_NONE)
			return refuse(err, "%s.user.additionalGids[%zu]: %u is no group", place, i,
				      user->additional_gids.items[i]);
	}
	if (user->umask != NULL && *user->umask > 0777)
		return refuse(err, "%s.user.umask: %u is more than 511 (octal 777)", place,
			      *user->umask);
	return 0;
}

static int check_rlimits(const struct oci_process *process, const char *place, struct err *err)
{
	uint32_t seen = 0;

	for (size_t i = 0; i < process->rlimits.count; i++) {
		const struct oci_rlimit *limit = &process->rlimits.items[i];
		const char *name = oci_rlimit_names[limit->type];
		if ((seen >> limit->type & 1) != 0)
			return refuse(err, "%s.rlimits[%zu].type: %s comes twice", place, i, name);
		if (limit->soft > limit->hard)
			return refuse(err,
				      "%s.rlimits[%zu].soft: %llu is more than the hard limit %llu",
				      place, i, (unsigned long long)limit->soft,
				      (unsigned long long)limit->hard);
		seen |= 1U << limit->type;
	}
	return 0;
}

static int check_priorities(const struct oci_process *process, const char *place, struct err *err)
{
	const struct oci_io_priority *io = process->io_priority;
	const int32_t *oom = process->oom_score_adj;

	if (oom != NULL && (*oom < -1000 || *oom > 1000))
		return refuse(err, "%s.oomScoreAdj: %d is not in -1000 to 1000", place, *oom);
	if (io != NULL && (io->priority < 0 || io->priority > 7))
		return refuse(err, "%s.ioPriority.priority: %d is not in 0 to 7", place,
			      io->priority);
	return 0;
}

static int check_scheduler(const struct oci_scheduler *scheduler, const char *place,
			   struct err *err)
{
	if (scheduler == NULL)
		return 0;
	/* The kernel would take the nearest value that it knows. */
	if (scheduler->nice < -20 || scheduler->nice > 19)
		return refuse(err, "%s.scheduler.nice: %d is not in -20 to 19", place,
			      scheduler->nice);
	if (scheduler->priority < 0)
		return refuse(err, "%s.scheduler.priority: %d is negative", place,
			      scheduler->priority);
	if (scheduler->policy != OCI_SCHED_DEADLINE &&
	    (scheduler->runtime_ns != 0 || scheduler->deadline_ns != 0 ||
	     scheduler->period_ns != 0))
		return refuse(err,
			      "%s.scheduler: runtime, deadline and period are for SCHED_DEADLINE "
			      "alone",
			      place);
	for (size_t i = 0; i < scheduler->flags.count; i++) {
		if (!is_one_of(scheduler->flags.items[i], oci_sched_flag_names))
			return refuse(err, "%s.scheduler.flags[%zu]: unknown flag \"%.64s\"", place,
				      i, scheduler->flags.items[i]);
	}
	return 0;
}

int oci_process_check(const struct oci_process *process, const char *place, struct err *err)
{
	if (!is_absolute(process->cwd))
		return refuse(err, "%s.cwd: \"%.128s\" is not an absolute path", place,
			      process->cwd);
	if (process->args.count == 0)
		return refuse(err, "%s.args: missing or empty", place);
	if (process->args.items[0][0] == '\0')
		return refuse(err, "%s.args[0]: empty", place);
	for (size_t i = 0; i < process->env.count; i++) {
		const char *entry = process->env.items[i];
		if (entry[0] == '=' || strchr(entry, '=') == NULL)
			return refuse(err, "%s.env[%zu]: \"%s\" is not NAME=VALUE", place, i,
				      entry);
	}
	int rc = check_user(&process->user, place, err);
	if (rc == 0)
		rc = check_rlimits(process, place, err);
	if (rc == 0)
		rc = check_priorities(process, place, err);
	if (rc == 0)
		rc = check_scheduler(process->scheduler, place, err);
	return rc;
}

static int check_mappings(const oci_id_mappings *mappings, const char *place, struct err *err)
{
	for (size_t i = 0; i < mappings->count; i++) {
		const struct oci_id_mapping *map = &mappings->items[i];
		uint64_t size = map->size;
		if (size == 0)
			return refuse(err, "%s[%zu].size: 0 maps nothing", place, i);
		/* The last id of each range must stay below (uint32_t)-1. */
		if (map->container_id + size > ID_NONE || map->host_id + size > ID_NONE)
			return refuse(err, "%s[%zu]: the range passes the largest id", place, i);
	}
	return 0;
}

static int check_mount(const struct oci_mount *mount, size_t index, struct err *err)
{
	char place[64];

	if (is_empty(mount->destination))
		return refuse(err, "mounts[%zu].destination: empty", index);
	if ((mount->uid_mappings.count == 0) != (mount->gid_mappings.count == 0))
		return refuse(err, "mounts[%zu]: uidMappings and gidMappings need each other",
			      index);
	(void)snprintf(place, sizeof(place), "mounts[%zu].uidMappings", index);
	int rc = check_mappings(&mount->uid_mappings, place, err);
	if (rc < 0)
		return rc;
	(void)snprintf(place, sizeof(place), "mounts[%zu].gidMappings", index);
	return check_mappings(&mount->gid_mappings, place, err);
}

static bool is_mapped(const oci_id_mappings *mappings, uint32_t id)
{
	for (size_t i = 0; i < mappings->count; i++) {
		const struct oci_id_mapping *map = &mappings->items[i];
		if (id >= map->container_id && id - map->container_id < map->size)
			return true;
	}
	return false;
}

/* In a new user namespace the process can only be whom the mappings know. */
static int check_user_mapped(const struct oci_process *process, const struct oci_linux *linux,
			     struct err *err)
{
	const struct oci_user *user = &process->user;
	const oci_id_mappings *uids = &linux->uid_mappings;
	const oci_id_mappings *gids = &linux->gid_mappings;

	if (!is_mapped(uids, user->uid))
		return refuse(err,
			      "process.user.uid: %u is not mapped in the user namespace; add it to "
			      "linux.uidMappings",
			      user->uid);
	if (!is_mapped(gids, user->gid))
		return refuse(err,
			      "process.user.gid: %u is not mapped in the user namespace; add it to "
			      "linux.gidMappings",
			      user->gid);
	for (size_t i = 0; i < user->additional_gids.count; i++) {
		uint32_t gid = user->additional_gids.items[i];
		if (!is_mapped(gids, gid))
			return refuse(err,
				      "process.user.additionalGids[%zu]: %u is not mapped in the "
				      "user namespace; add it to linux.gidMappings",
				      i, gid);
	}
	return 0;
}

static int check_hook_list(const oci_hook_list *hooks, const char *name, struct err *err)
{
	for (size_t i = 0; i < hooks->count; i++) {
		const struct oci_hook *hook = &hooks->items[i];
		if (!is_absolute(hook->path))
			return refuse(err, "hooks.%s[%zu].path: \"%.128s\" is not an absolute path",
				      name, i, hook->path);
		if (hook->timeout_s != NULL && *hook->timeout_s <= 0)
			return refuse(err, "hooks.%s[%zu].timeout: %d is not more than zero", name,
				      i, *hook->timeout_s);
	}
	return 0;
}

static int check_hooks(const struct oci_hooks *hooks, struct err *err)
{
	if (hooks == NULL)
		return 0;
	const struct {
		const oci_hook_list *list;
		const char *name;
	} lists[] = {
		{&hooks->prestart, "prestart"},
		{&hooks->create_runtime, "createRuntime"},
		{&hooks->create_container, "createContainer"},
		{&hooks->start_container, "startContainer"},
		{&hooks->poststart, "poststart"},
		{&hooks->poststop, "poststop"},
	};
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		int rc = check_hook_list(lists[i].list, lists[i].name, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int check_namespaces(const struct oci_linux *linux, struct err *err)
{
	uint32_t seen = 0;

	for (size_t i = 0; i < linux->namespaces.count; i++) {
		const struct oci_namespace *ns = &linux->namespaces.items[i];
		if ((seen >> ns->type & 1) != 0)
			return refuse(err, "linux.namespaces[%zu].type: \"%s\" comes twice", i,
				      oci_namespace_names[ns->type]);
		if (!is_empty(ns->path) && !is_absolute(ns->path))
			return refuse(
				err,
				"linux.namespaces[%zu].path: \"%.128s\" is not an absolute path", i,
				ns->path);
		seen |= 1U << ns->type;
	}
	if ((linux->uid_mappings.count > 0 || linux->gid_mappings.count > 0) &&
	    (seen >> OCI_NS_USER & 1) == 0)
		return refuse(err, "linux.%s: needs a namespace of type \"user\"",
			      linux->uid_mappings.count > 0 ? "uidMappings" : "gidMappings");
	if (linux->time_offsets.count > 0 && (seen >> OCI_NS_TIME & 1) == 0)
		return refuse(err, "linux.timeOffsets: needs a namespace of type \"time\"");
	return 0;
}

static int check_time_offsets(const struct oci_linux *linux, struct err *err)
{
	static const char *const clocks[] = {"monotonic", "boottime", NULL};

	for (size_t i = 0; i < linux->time_offsets.count; i++) {
		const struct oci_time_offset *offset = &linux->time_offsets.items[i];
		if (!is_one_of(offset->clock, clocks))
			return refuse(err, "linux.timeOffsets: unknown clock \"%.64s\"",
				      offset->clock);
		if (offset->nanosecs > 999999999)
			return refuse(err,
				      "linux.timeOffsets[\"%s\"].nanosecs: %u is over a second",
				      offset->clock, offset->nanosecs);
	}
	return 0;
}

static int check_device_numbers(const struct oci_device *device, size_t index, struct err *err)
{
	if (device->major == NULL || device->minor == NULL)
		return refuse(err,
			      "linux.devices[%zu].%s: missing; a device of type %s needs major and "
			      "minor",
			      index, device->major == NULL ? "major" : "minor", device->type);
	/* Linux keeps 12 bits of major and 20 of minor. */
	if (*device->major < 0 || *device->major > 0xfff || *device->minor < 0 ||
	    *device->minor > 0xfffff)
		return refuse(err, "linux.devices[%zu]: %lld:%lld is no device number", index,
			      (long long)*device->major, (long long)*device->minor);
	return 0;
}

static int check_device(const struct oci_device *device, size_t index, struct err *err)
{
	static const char *const types[] = {"c", "b", "u", "p", NULL};

	if (!is_absolute(device->path))
		return refuse(err, "linux.devices[%zu].path: \"%.128s\" is not an absolute path",
			      index, device->path);
	if (!is_one_of(device->type, types))
		return refuse(err, "linux.devices[%zu].type: \"%.16s\" is none of c, b, u, p",
			      index, device->type);
	int rc = device->type[0] == 'p' ? 0 : check_device_numbers(device, index, err);
	if (rc < 0)
		return rc;
	if (device->uid != NULL && *device->uid == ID_NONE)
		return refuse(err, "linux.devices[%zu].uid: %u is no user", index, *device->uid);
	if (device->gid != NULL && *device->gid == ID_NONE)
		return refuse(err, "linux.devices[%zu].gid: %u is no group", index, *device->gid);
	return 0;
}

/* Two devices cannot both be called the same inside; a name with "%d" is chosen by the kernel. */
static int check_net_device_twice(const struct oci_linux *linux, size_t index, struct err *err)
{
	const struct oci_net_device *items = linux->net_devices.items;
	const char *name = is_empty(items[index].name) ? items[index].host_name : items[index].name;

	for (size_t i = 0; i < index; i++) {
		const char *other = is_empty(items[i].name) ? items[i].host_name : items[i].name;
		if (strcmp(name, other) == 0 && strchr(name, '%') == NULL)
			return refuse(err,
				      "linux.netDevices: \"%.16s\" and \"%.16s\" would both be "
				      "called \"%.16s\"",
				      items[i].host_name, items[index].host_name, name);
	}
	return 0;
}

static bool has_namespace(const struct oci_linux *linux, enum oci_namespace_type type)
{
	for (size_t i = 0; i < linux->namespaces.count; i++) {
		if (linux->namespaces.items[i].type == type)
			return true;
	}
	return false;
}

static int check_net_devices(const struct oci_linux *linux, struct err *err)
{
	if (linux->net_devices.count > NET_DEVICES_MAX)
		return refuse(err, "linux.netDevices: %zu devices; %d are allowed",
			      linux->net_devices.count, NET_DEVICES_MAX);
	for (size_t i = 0; i < linux->net_devices.count; i++) {
		const struct oci_net_device *device = &linux->net_devices.items[i];
		const char *names[] = {device->host_name,
				       is_empty(device->name) ? device->host_name : device->name};
		for (size_t n = 0; n < 2; n++) {
			size_t len = strlen(names[n]);
			if (len == 0 || len > IFNAME_MAX ||
			    strcspn(names[n], "/: \t\n\v\f\r") < len ||
			    strcmp(names[n], ".") == 0 || strcmp(names[n], "..") == 0)
				return refuse(
					err,
					"linux.netDevices: \"%.64s\" cannot name a network device",
					names[n]);
		}
		int rc = check_net_device_twice(linux, i, err);
		if (rc < 0)
			return rc;
	}
	if (linux->net_devices.count > 0 && !has_namespace(linux, OCI_NS_NETWORK))
		return refuse(err, "linux.netDevices: needs a namespace of type \"network\"");
	return 0;
}

static int check_device_rules(const struct oci_resources *resources, struct err *err)
{
	static const char *const types[] = {"a", "b", "c", "", NULL};

	for (size_t i = 0; i < resources->devices.count; i++) {
		const struct oci_device_rule *rule = &resources->devices.items[i];
		if (rule->type != NULL && !is_one_of(rule->type, types))
			return refuse(
				err,
				"linux.resources.devices[%zu].type: \"%.16s\" is none of a, b, c",
				i, rule->type);
		if (rule->access != NULL && rule->access[strspn(rule->access, "rwm")] != '\0')
			return refuse(err,
				      "linux.resources.devices[%zu].access: \"%.16s\" is not made "
				      "of r, w, m",
				      i, rule->access);
	}
	return 0;
}

/* "2MB": what stands in the names of the kernel's hugetlb files. */
static int check_hugepages(const struct oci_resources *resources, struct err *err)
{
	for (size_t i = 0; i < resources->hugepage_limits.count; i++) {
		const char *size = resources->hugepage_limits.items[i].page_size;
		size_t digits = size[0] == '0' ? 0 : strspn(size, "0123456789");
		if (digits == 0 || size[digits] == '\0' || strchr("KMG", size[digits]) == NULL ||
		    strcmp(size + digits + 1, "B") != 0)
			return refuse(
				err,
				"linux.resources.hugepageLimits[%zu].pageSize: \"%.32s\" is not "
				"a size such as 64KB, 2MB or 1GB",
				i, size);
	}
	return 0;
}

static int check_weights(const struct oci_block_io *io, struct err *err)
{
	for (size_t i = 0; i < io->weight_device.count; i++) {
		const struct oci_weight_device *device = &io->weight_device.items[i];
		if (device->weight == NULL && device->leaf_weight == NULL)
			return refuse(err,
				      "linux.resources.blockIO.weightDevice[%zu]: needs weight or "
				      "leafWeight",
				      i);
	}
	return 0;
}

int oci_resources_check(const struct oci_resources *resources, struct err *err)
{
	const struct oci_memory *memory = resources->memory;
	int rc = 0;

	if (memory != NULL && memory->swappiness != NULL && *memory->swappiness > 100)
		return refuse(err, "linux.resources.memory.swappiness: %llu is not in 0 to 100",
			      (unsigned long long)*memory->swappiness);
	for (size_t i = 0; i < resources->rdma.count; i++) {
		const struct oci_rdma *rdma = &resources->rdma.items[i];
		if (rdma->hca_handles == NULL && rdma->hca_objects == NULL)
			return refuse(err,
				      "linux.resources.rdma[\"%.64s\"]: needs hcaHandles or "
				      "hcaObjects",
				      rdma->device);
	}
	if (resources->block_io != NULL)
		rc = check_weights(resources->block_io, err);
	if (rc == 0)
		rc = check_hugepages(resources, err);
	if (rc == 0)
		rc = check_device_rules(resources, err);
	return rc;
}

static int check_paths(const json_strings *paths, const char *place, struct err *err)
{
	for (size_t i = 0; i < paths->count; i++) {
		if (!is_absolute(paths->items[i]))
			return refuse(err, "%s[%zu]: \"%.128s\" is not an absolute path", place, i,
				      paths->items[i]);
	}
	return 0;
}

static int check_intel_rdt(const struct oci_intel_rdt *rdt, struct err *err)
{
	if (rdt == NULL)
		return 0;
	const char *id = rdt->clos_id;
	/* It becomes a folder's name; "/" alone is the default class. */
	if (id != NULL && strcmp(id, "/") != 0 &&
	    (strchr(id, '/') != NULL || strcmp(id, ".") == 0 || strcmp(id, "..") == 0))
		return refuse(err, "linux.intelRdt.closID: \"%.64s\" cannot name a class", id);
	for (size_t i = 0; i < rdt->schemata.count; i++) {
		if (strchr(rdt->schemata.items[i], '\n') != NULL)
			return refuse(err, "linux.intelRdt.schemata[%zu]: holds a line break", i);
	}
	if (rdt->l3_cache_schema != NULL && strchr(rdt->l3_cache_schema, '\n') != NULL)
		return refuse(err, "linux.intelRdt.l3CacheSchema: holds a line break");
	if (!is_empty(rdt->mem_bw_schema) && strncmp(rdt->mem_bw_schema, "MB:", 3) != 0)
		return refuse(err, "linux.intelRdt.memBwSchema: does not start with \"MB:\"");
	if (rdt->mem_bw_schema != NULL && strchr(rdt->mem_bw_schema, '\n') != NULL)
		return refuse(err, "linux.intelRdt.memBwSchema: holds a line break");
	return 0;
}

static int check_memory_policy(const struct oci_memory_policy *policy, struct err *err)
{
	for (size_t i = 0; policy != NULL && i < policy->flags.count; i++) {
		if (!is_one_of(policy->flags.items[i], oci_memory_policy_flag_names))
			return refuse(err, "linux.memoryPolicy.flags[%zu]: unknown flag \"%.64s\"",
				      i, policy->flags.items[i]);
	}
	return 0;
}

static int check_words(const struct oci_linux *linux, struct err *err)
{
	static const char *const modes[] = {"shared",  "rshared",  "slave",      "rslave",
					    "private", "rprivate", "unbindable", "runbindable",
					    "",        NULL};

	if (linux->rootfs_propagation != NULL && !is_one_of(linux->rootfs_propagation, modes))
		return refuse(err, "linux.rootfsPropagation: unknown mode \"%.64s\"",
			      linux->rootfs_propagation);
	if (linux->personality != NULL && linux->personality->flags.count > 0)
		return refuse(err, "linux.personality.flags: unknown flag \"%.64s\"",
			      linux->personality->flags.items[0]);
	for (size_t i = 0; i < linux->sysctl.count; i++) {
		if (linux->sysctl.items[i].key[0] == '\0')
			return refuse(err, "linux.sysctl: a name is empty");
	}
	int rc = check_paths(&linux->masked_paths, "linux.maskedPaths", err);
	if (rc == 0)
		rc = check_paths(&linux->readonly_paths, "linux.readonlyPaths", err);
	return rc;
}

static int check_linux(const struct oci_linux *linux, struct err *err)
{
	int rc = check_namespaces(linux, err);

	if (rc == 0)
		rc = check_mappings(&linux->uid_mappings, "linux.uidMappings", err);
	if (rc == 0)
		rc = check_mappings(&linux->gid_mappings, "linux.gidMappings", err);
	if (rc == 0)
		rc = check_time_offsets(linux, err);
	for (size_t i = 0; rc == 0 && i < linux->devices.count; i++)
		rc = check_device(&linux->devices.items[i], i, err);
	if (rc == 0)
		rc = check_net_devices(linux, err);
	if (rc == 0 && linux->resources != NULL)
		rc = oci_resources_check(linux->resources, err);
	if (rc == 0)
		rc = check_words(linux, err);
	if (rc == 0)
		rc = check_intel_rdt(linux->intel_rdt, err);
	if (rc == 0)
		rc = check_memory_policy(linux->memory_policy, err);
	return rc;
}

int oci_config_check(const struct oci_config *config, struct err *err)
{
	int rc = check_version(config->oci_version, err);

	if (rc == 0 && config->root == NULL)
		rc = refuse(err, "root: missing");
	if (rc == 0 && config->root != NULL && is_empty(config->root->path))
		rc = refuse(err, "root.path: empty");
	if (rc == 0 && config->process != NULL)
		rc = oci_process_check(config->process, "process", err);
	for (size_t i = 0; rc == 0 && i < config->mounts.count; i++)
		rc = check_mount(&config->mounts.items[i], i, err);
	if (rc == 0)
		rc = check_hooks(config->hooks, err);
	for (size_t i = 0; rc == 0 && i < config->annotations.count; i++) {
		if (config->annotations.items[i].key[0] == '\0')
			rc = refuse(err, "annotations: a name is empty");
	}
	if (rc == 0 && config->linux != NULL)
		rc = check_linux(config->linux, err);
	const struct oci_namespace *user =
		config->linux != NULL ? oci_config_namespace(config, OCI_NS_USER) : NULL;
	/* The mappings of a namespace that is there already are its own. */
	if (rc == 0 && config->process != NULL && user != NULL && is_empty(user->path) &&
	    config->linux->uid_mappings.count > 0 && config->linux->gid_mappings.count > 0)
		rc = check_user_mapped(config->process, config->linux, err);
	return rc;
}
