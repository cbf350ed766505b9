#include "oci/process.h"

#include <sys/resource.h>

/* The values are the kernel's numbers, so that nobody needs a table between the two. */
#define SAME(name) _Static_assert((int)OCI_##name == (int)name, #name)
SAME(RLIMIT_CPU);
SAME(RLIMIT_CORE);
SAME(RLIMIT_RSS);
SAME(RLIMIT_NPROC);
SAME(RLIMIT_NOFILE);
SAME(RLIMIT_AS);
SAME(RLIMIT_RTTIME);

const char *const oci_rlimit_names[] = {
	"RLIMIT_CPU",
	"RLIMIT_FSIZE",
	"RLIMIT_DATA",
	"RLIMIT_STACK",
	"RLIMIT_CORE",
	"RLIMIT_RSS",
	"RLIMIT_NPROC",
	"RLIMIT_NOFILE",
	"RLIMIT_MEMLOCK",
	"RLIMIT_AS",
	"RLIMIT_LOCKS",
	"RLIMIT_SIGPENDING",
	"RLIMIT_MSGQUEUE",
	"RLIMIT_NICE",
	"RLIMIT_RTPRIO",
	"RLIMIT_RTTIME",
	NULL,
};

const char *const oci_sched_policy_names[] = {
	"SCHED_OTHER", "SCHED_FIFO", "SCHED_RR",       "SCHED_BATCH",
	"SCHED_ISO",   "SCHED_IDLE", "SCHED_DEADLINE", NULL,
};

const char *const oci_sched_flag_names[] = {
	"SCHED_FLAG_RESET_ON_FORK",  "SCHED_FLAG_RECLAIM",
	"SCHED_FLAG_DL_OVERRUN",     "SCHED_FLAG_KEEP_POLICY",
	"SCHED_FLAG_KEEP_PARAMS",    "SCHED_FLAG_UTIL_CLAMP_MIN",
	"SCHED_FLAG_UTIL_CLAMP_MAX", NULL,
};

const char *const oci_io_class_names[] = {"IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE",
					  NULL};

static const struct json_field console_size_fields[] = {
	JSON_PLAIN(struct oci_console_size, height, "height", JSON_TYPE_UINT32,
		   JSON_NEEDED | JSON_WRITE_ZERO),
	JSON_PLAIN(struct oci_console_size, width, "width", JSON_TYPE_UINT32,
		   JSON_NEEDED | JSON_WRITE_ZERO),
};
static JSON_SHAPE(console_size_shape, struct oci_console_size, console_size_fields);

static const struct json_field user_fields[] = {
	JSON_PLAIN(struct oci_user, uid, "uid", JSON_TYPE_UINT32, JSON_NEEDED | JSON_WRITE_ZERO),
	JSON_PLAIN(struct oci_user, gid, "gid", JSON_TYPE_UINT32, JSON_NEEDED | JSON_WRITE_ZERO),
	JSON_OPT(struct oci_user, umask, "umask", JSON_TYPE_UINT32),
	JSON_LIST(struct oci_user, additional_gids, "additionalGids", JSON_TYPE_UINT32),
	JSON_STRING(struct oci_user, username, "username"),
};
JSON_SHAPE(oci_user_shape, struct oci_user, user_fields);

static const struct json_field capabilities_fields[] = {
	JSON_LIST(struct oci_capabilities, bounding, "bounding", JSON_TYPE_STRING),
	JSON_LIST(struct oci_capabilities, effective, "effective", JSON_TYPE_STRING),
	JSON_LIST(struct oci_capabilities, inheritable, "inheritable", JSON_TYPE_STRING),
	JSON_LIST(struct oci_capabilities, permitted, "permitted", JSON_TYPE_STRING),
	JSON_LIST(struct oci_capabilities, ambient, "ambient", JSON_TYPE_STRING),
};
JSON_SHAPE(oci_capabilities_shape, struct oci_capabilities, capabilities_fields);

static const struct json_field rlimit_fields[] = {
	JSON_ENUM_NEEDED(struct oci_rlimit, type, "type", oci_rlimit_names),
	JSON_PLAIN(struct oci_rlimit, hard, "hard", JSON_TYPE_UINT64, JSON_NEEDED),
	JSON_PLAIN(struct oci_rlimit, soft, "soft", JSON_TYPE_UINT64, JSON_NEEDED),
};
static JSON_SHAPE(rlimit_shape, struct oci_rlimit, rlimit_fields);

static const struct json_field scheduler_fields[] = {
	JSON_ENUM_NEEDED(struct oci_scheduler, policy, "policy", oci_sched_policy_names),
	JSON_INT32(struct oci_scheduler, nice, "nice"),
	JSON_INT32(struct oci_scheduler, priority, "priority"),
	JSON_LIST(struct oci_scheduler, flags, "flags", JSON_TYPE_STRING),
	JSON_UINT64(struct oci_scheduler, runtime_ns, "runtime"),
	JSON_UINT64(struct oci_scheduler, deadline_ns, "deadline"),
	JSON_UINT64(struct oci_scheduler, period_ns, "period"),
};
static JSON_SHAPE(scheduler_shape, struct oci_scheduler, scheduler_fields);

static const struct json_field io_priority_fields[] = {
	JSON_ENUM_NEEDED(struct oci_io_priority, class, "class", oci_io_class_names),
	JSON_PLAIN(struct oci_io_priority, priority, "priority", JSON_TYPE_INT32, JSON_WRITE_ZERO),
};
static JSON_SHAPE(io_priority_shape, struct oci_io_priority, io_priority_fields);

static const struct json_field cpu_affinity_fields[] = {
	JSON_STRING(struct oci_cpu_affinity, initial, "initial"),
	JSON_STRING(struct oci_cpu_affinity, final, "final"),
};
static JSON_SHAPE(cpu_affinity_shape, struct oci_cpu_affinity, cpu_affinity_fields);

static const struct json_field process_fields[] = {
	JSON_BOOL(struct oci_process, terminal, "terminal"),
	JSON_OBJECT(struct oci_process, console_size, "consoleSize", console_size_shape),
	JSON_EMBED(struct oci_process, user, "user", oci_user_shape),
	JSON_LIST(struct oci_process, args, "args", JSON_TYPE_STRING),
	JSON_STRING(struct oci_process, command_line, "commandLine"),
	JSON_LIST(struct oci_process, env, "env", JSON_TYPE_STRING),
	JSON_STRING_NEEDED(struct oci_process, cwd, "cwd"),
	JSON_OBJECT(struct oci_process, capabilities, "capabilities", oci_capabilities_shape),
	JSON_OBJECTS(struct oci_process, rlimits, "rlimits", rlimit_shape),
	JSON_BOOL(struct oci_process, no_new_privileges, "noNewPrivileges"),
	JSON_STRING(struct oci_process, apparmor_profile, "apparmorProfile"),
	JSON_OPT(struct oci_process, oom_score_adj, "oomScoreAdj", JSON_TYPE_INT32),
	JSON_OBJECT(struct oci_process, scheduler, "scheduler", scheduler_shape),
	JSON_STRING(struct oci_process, selinux_label, "selinuxLabel"),
	JSON_OBJECT(struct oci_process, io_priority, "ioPriority", io_priority_shape),
	JSON_OBJECT(struct oci_process, exec_cpu_affinity, "execCPUAffinity", cpu_affinity_shape),
};
JSON_SHAPE(oci_process_shape, struct oci_process, process_fields);
