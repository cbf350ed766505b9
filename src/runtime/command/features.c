#include <unistd.h>

#include "base/fd.h"
#include "kern/caps/caps.h"
#include "kern/mount/options.h"
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
static const char *seccomp_actions[] = {
	"SCMP_ACT_ALLOW",       "SCMP_ACT_ERRNO", "SCMP_ACT_KILL",  "SCMP_ACT_KILL_PROCESS",
	"SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",   "SCMP_ACT_TRACE", "SCMP_ACT_TRAP"};
static const char *seccomp_operators[] = {"SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT",
					  "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ",
					  "SCMP_CMP_NE"};
static const char *seccomp_archs[] = {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_X32",
				      "SCMP_ARCH_X86", "SCMP_ARCH_X86_64"};
static const char *seccomp_flags[] = {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
				      "SECCOMP_FILTER_FLAG_TSYNC"};

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
	bool yes = true, no = false;
	const char *capabilities[64], *mount_options[NAMES_MAX], *namespaces[NAMES_MAX];
	struct oci_cgroup_features cgroup = {
		.v1 = &yes, .v2 = &yes, .systemd = &no, .systemd_user = &no, .rdma = &yes};
	struct oci_seccomp_features seccomp = {
		.enabled = &yes,
		.actions = LIST(seccomp_actions),
		.operators = LIST(seccomp_operators),
		.archs = LIST(seccomp_archs),
		.known_flags = LIST(seccomp_flags),
		.supported_flags = LIST(seccomp_flags),
	};
	struct oci_enabled_feature off = {.enabled = &no}, on = {.enabled = &yes};
	const char *policy_modes[NAMES_MAX], *policy_flags[NAMES_MAX];
	struct oci_memory_policy_features policy = {
		.modes = {policy_modes, names_of_table(oci_memory_policy_mode_names, policy_modes)},
		.flags = {policy_flags, names_of_table(oci_memory_policy_flag_names, policy_flags)},
	};
	struct oci_intel_rdt_features rdt = {.enabled = &yes, .schemata = &yes, .monitoring = &yes};
	struct oci_mount_extensions mount_extensions = {.idmap = &on};
	struct oci_linux_features linux_ = {.cgroup = &cgroup,
					    .seccomp = &seccomp,
					    .apparmor = &off,
					    .selinux = &off,
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
