#include "runtime/command/spec_template.h"

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

static struct oci_linux linux_ = {
	.namespaces = LIST(namespaces),
	.resources = &resources,
	.masked_paths = LIST(masked),
	.readonly_paths = LIST(read_only),
};

const struct oci_config spec_template = {
	.oci_version = OCI_VERSION,
	.process = &process,
	.root = &root,
	.hostname = "corten",
	.mounts = LIST(mounts),
	.linux = &linux_,
};
