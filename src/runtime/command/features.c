#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/caps/caps.h"
#include "kern/mount/options.h"
#include "kern/seccomp/seccomp.h"
#include "oci/features.h"
#include "oci/runtime_config.h"
#include "oci/state.h"
#include "runtime/command/command.h"

struct features_values {
	bool help;
};

static const struct option options[] = {OPTION_HELP(struct features_values)};

#define NAMES_MAX 256
#define LIST(array)                                         \
	{                                                   \
		(array), sizeof(array) / sizeof((array)[0]) \
	}

static const char *hook_names[] = {"prestart",       "createRuntime", "createContainer",
				   "startContainer", "poststart",     "poststop"};
/* The kernel may lack one: setting it then says so. */
static size_t names_of_table(const char *const *table, const char **names)
{
	size_t count = 0;

	while (count < NAMES_MAX && table[count] != NULL) {
		names[count] = table[count];
		count++;
	}
	return count;
}

static int features_compare(const void *left, const void *right)
{
	const char *a, *b;

	memcpy(&a, left, sizeof(a));
	memcpy(&b, right, sizeof(b));
	return strcmp(a, b);
}

static void features_add(json_strings *list, const char **room, const char *name)
{
	list->items = room;
	if (list->count < NAMES_MAX)
		room[list->count++] = name;
}

struct seccomp_names {
	const char *actions[NAMES_MAX], *operators[NAMES_MAX], *archs[NAMES_MAX];
	const char *known_flags[NAMES_MAX], *supported_flags[NAMES_MAX];
};

static void features_fill_seccomp(struct oci_seccomp_features *to, struct seccomp_names *room)
{
	const char *name;
	uint32_t bit;

	features_add(&to->actions, room->actions, "SCMP_ACT_KILL");
	for (size_t i = 0; (name = seccomp_action_name(i)) != NULL; i++)
		features_add(&to->actions, room->actions, name);
	for (size_t i = 0; (name = seccomp_op_name(i)) != NULL; i++)
		features_add(&to->operators, room->operators, name);
	for (size_t i = 0; (name = seccomp_arch_name(i)) != NULL; i++)
		features_add(&to->archs, room->archs, name);
	for (size_t i = 0; (name = seccomp_flag_name(i, &bit)) != NULL; i++) {
		features_add(&to->known_flags, room->known_flags, name);
		if (seccomp_flags_are_supported(bit))
			features_add(&to->supported_flags, room->supported_flags, name);
	}
	qsort(room->actions, to->actions.count, sizeof(room->actions[0]), features_compare);
	qsort(room->operators, to->operators.count, sizeof(room->operators[0]), features_compare);
	qsort(room->archs, to->archs.count, sizeof(room->archs[0]), features_compare);
}

static int features_print(const struct oci_features *features, struct err *err)
{
	BUF_AUTO(out, 1 << 20);

	json_write(&oci_features_shape, features, JSON_PRETTY, &out);
	buf_char(&out, '\n');
	return command_print(&out, "the features", err);
}

static int features_run(const struct command_globals *globals, void *values, int argc, char **argv,
			struct err *err)
{
	bool yes = true;
	const char *capabilities[64], *mount_options[NAMES_MAX], *namespaces[NAMES_MAX];
	struct oci_cgroup_features cgroup = {
		.v1 = &yes, .v2 = &yes, .systemd = &yes, .systemd_user = &yes, .rdma = &yes};
	struct oci_seccomp_features seccomp = {.enabled = &yes};
	struct seccomp_names seccomp_names;
	struct oci_enabled_feature on = {.enabled = &yes};
	const char *policy_modes[NAMES_MAX], *policy_flags[NAMES_MAX];
	struct oci_memory_policy_features policy = {
		.modes = {policy_modes, names_of_table(oci_memory_policy_mode_names, policy_modes)},
		.flags = {policy_flags, names_of_table(oci_memory_policy_flag_names, policy_flags)},
	};
	struct oci_intel_rdt_features rdt = {.enabled = &yes, .schemata = &yes, .monitoring = &yes};
	struct oci_mount_extensions mount_extensions = {.idmap = &on};
	struct oci_linux_features linux_ = {.cgroup = &cgroup,
					    .seccomp = &seccomp,
					    .apparmor = &on,
					    .selinux = &on,
					    .intel_rdt = &rdt,
					    .mount_extensions = &mount_extensions,
					    .net_devices = &on,
					    .memory_policy = &policy};
	struct oci_features features = {
		.oci_version_min = "1.0.0",
		.oci_version_max = OCI_VERSION,
		.hooks = LIST(hook_names),
		.linux = &linux_,
	};

	(void)globals;
	(void)values;
	(void)argc;
	(void)argv;
	features_fill_seccomp(&seccomp, &seccomp_names);
	for (int i = 0; i <= caps_last() && i < 64 && caps_name(i) != NULL; i++)
		capabilities[linux_.capabilities.count++] = caps_name(i);
	linux_.capabilities.items = capabilities;
	for (size_t i = 0; i < NAMES_MAX && mount_option_name(i) != NULL; i++)
		mount_options[features.mount_options.count++] = mount_option_name(i);
	features.mount_options.items = mount_options;
	linux_.namespaces.items = namespaces;
	linux_.namespaces.count = names_of_table(oci_namespace_names, namespaces);
	return features_print(&features, err);
}

const struct command command_features = {
	.name = "features",
	.operands = "",
	.summary = "show what this runtime supports as JSON",
	.options = options,
	.option_count = 1,
	.values_size = sizeof(struct features_values),
	.run = features_run,
};
