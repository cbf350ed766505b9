#include "runtime/command/spec_template.h"

#include <string.h>

#include "oci/state.h"

#define LIST(array)                                         \
	{                                                   \
		(array), sizeof(array) / sizeof((array)[0]) \
	}
#define STRINGS(...)                                                           \
	{                                                                      \
		(const char *[]){__VA_ARGS__},                                 \
			sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *) \
	}

static const char *args[] = {"sh"};
static const char *env[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			    "TERM=xterm"};
static const char *capabilities[] = {"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"};

static struct oci_capabilities process_capabilities = {
	.bounding = LIST(capabilities),
	.effective = LIST(capabilities),
	.permitted = LIST(capabilities),
};
static struct oci_rlimit rlimits[] = {{OCI_RLIMIT_NOFILE, 1024, 1024}};

static struct oci_process process = {
	.terminal = true,
	.args = LIST(args),
	.env = LIST(env),
	.cwd = "/",
	.capabilities = &process_capabilities,
	.rlimits = LIST(rlimits),
	.no_new_privileges = true,
};

static struct oci_root root = {.path = "rootfs", .readonly = true};

static struct oci_mount mounts[] = {
	{"/proc", "proc", "proc", {NULL, 0}, {NULL, 0}, {NULL, 0}},
	{"/dev",
	 "tmpfs",
	 "tmpfs",
	 STRINGS("nosuid", "strictatime", "mode=755", "size=65536k"),
	 {NULL, 0},
	 {NULL, 0}},
	{"/dev/pts",
	 "devpts",
	 "devpts",
	 STRINGS("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
	 {NULL, 0},
	 {NULL, 0}},
	{"/dev/shm",
	 "tmpfs",
	 "shm",
	 STRINGS("nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
	 {NULL, 0},
	 {NULL, 0}},
	{"/dev/mqueue",
	 "mqueue",
	 "mqueue",
	 STRINGS("nosuid", "noexec", "nodev"),
	 {NULL, 0},
	 {NULL, 0}},
	{"/sys",
	 "sysfs",
	 "sysfs",
	 STRINGS("nosuid", "noexec", "nodev", "ro"),
	 {NULL, 0},
	 {NULL, 0}},
	{"/sys/fs/cgroup",
	 "cgroup",
	 "cgroup",
	 STRINGS("nosuid", "noexec", "nodev", "relatime", "ro"),
	 {NULL, 0},
	 {NULL, 0}},
};

#define MOUNT_COUNT (sizeof(mounts) / sizeof(mounts[0]))
_Static_assert(MOUNT_COUNT == SPEC_TEMPLATE_MOUNTS, "room for the mounts");

static struct oci_namespace namespaces[] = {
	{OCI_NS_PID, NULL}, {OCI_NS_NETWORK, NULL}, {OCI_NS_IPC, NULL},
	{OCI_NS_UTS, NULL}, {OCI_NS_MOUNT, NULL},   {OCI_NS_CGROUP, NULL},
};

static const char *masked[] = {"/proc/acpi",        "/proc/asound",        "/proc/kcore",
			       "/proc/keys",        "/proc/latency_stats", "/proc/timer_list",
			       "/proc/timer_stats", "/proc/sched_debug",   "/sys/firmware",
			       "/proc/scsi"};
static const char *read_only[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
				  "/proc/sysrq-trigger"};

static struct oci_device_rule device_rules[] = {{.allow = false, .access = "rwm"}};
static struct oci_resources resources = {.devices = LIST(device_rules)};

void spec_template_init(struct spec_template *ret, bool cgroup_namespace)
{
	*ret = (struct spec_template){
		.linux_ = {.namespaces = LIST(namespaces),
			   .resources = &resources,
			   .masked_paths = LIST(masked),
			   .readonly_paths = LIST(read_only)},
		.config = {.oci_version = OCI_VERSION,
			   .process = &process,
			   .root = &root,
			   .hostname = "corten",
			   .mounts = LIST(mounts)},
	};
	if (!cgroup_namespace)
		ret->linux_.namespaces.count--; /* the last one */
	ret->config.linux = &ret->linux_;
}

/* A user's container joins the host's network, has one id, and makes no cgroup of limits. */
void spec_template_make_rootless(struct spec_template *template, uint32_t uid, uint32_t gid)
{
	static const char *sys_options[] = {"rbind", "nosuid", "noexec", "nodev", "ro"};
	size_t count = 0;

	for (size_t i = 0; i < template->linux_.namespaces.count; i++)
		if (namespaces[i].type != OCI_NS_NETWORK)
			template->namespaces[count++] = namespaces[i];
	template->namespaces[count++] = (struct oci_namespace){OCI_NS_USER, NULL};
	template->linux_.namespaces.items = template->namespaces;
	template->linux_.namespaces.count = count;
	template->uid_mapping = (struct oci_id_mapping){.host_id = uid, .size = 1};
	template->gid_mapping = (struct oci_id_mapping){.host_id = gid, .size = 1};
	template->linux_.uid_mappings.items = &template->uid_mapping;
	template->linux_.uid_mappings.count = 1;
	template->linux_.gid_mappings.items = &template->gid_mapping;
	template->linux_.gid_mappings.count = 1;
	template->linux_.resources = NULL;
	for (size_t i = 0; i < MOUNT_COUNT; i++) {
		template->mounts[i] = mounts[i];
		if (strcmp(mounts[i].destination, "/sys") == 0) {
			template->mounts[i].type = "none";
			template->mounts[i].source = "/sys";
			template->mounts[i].options = (json_strings)LIST(sys_options);
		}
		/* gid=5 is no id of this container's; it is the list's last option. */
		if (strcmp(mounts[i].destination, "/dev/pts") == 0)
			template->mounts[i].options.count--;
	}
	template->config.mounts.items = template->mounts;
}
