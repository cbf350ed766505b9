/*
 * process.h - the "process" object of the runtime specification 1.3 as a C struct.
 *
 * Purpose    What config.json holds under "process", and what `exec --process FILE` reads alone.
 * Ownership  Everything lives in the arena given to json_parse(); a writer may point it anywhere.
 * Units      As the member names say; a pointer to a scalar is NULL when the document leaves it out.
 * Errors     json_parse() names the place; oci_process_check() (runtime_config.h) has the rest.
 */
#ifndef CORTEN_OCI_PROCESS_H
#define CORTEN_OCI_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

/* Characters, not pixels. */
struct oci_console_size {
	uint32_t height;
	uint32_t width;
};

struct oci_user {
	uint32_t uid;
	uint32_t gid;
	uint32_t *umask;
	JSON_LIST_OF(uint32_t) additional_gids;
	const char *username; /* other platforms' */
};

struct oci_capabilities {
	json_strings bounding;
	json_strings effective;
	json_strings inheritable;
	json_strings permitted;
	json_strings ambient;
};

/* In the order of the kernel's generic RLIMIT_ numbers; the values are those numbers. */
enum oci_rlimit_type {
	OCI_RLIMIT_CPU,
	OCI_RLIMIT_FSIZE,
	OCI_RLIMIT_DATA,
	OCI_RLIMIT_STACK,
	OCI_RLIMIT_CORE,
	OCI_RLIMIT_RSS,
	OCI_RLIMIT_NPROC,
	OCI_RLIMIT_NOFILE,
	OCI_RLIMIT_MEMLOCK,
	OCI_RLIMIT_AS,
	OCI_RLIMIT_LOCKS,
	OCI_RLIMIT_SIGPENDING,
	OCI_RLIMIT_MSGQUEUE,
	OCI_RLIMIT_NICE,
	OCI_RLIMIT_RTPRIO,
	OCI_RLIMIT_RTTIME,
	OCI_RLIMIT_COUNT,
};

struct oci_rlimit {
	enum oci_rlimit_type type;
	uint64_t hard;
	uint64_t soft;
};

enum oci_sched_policy {
	OCI_SCHED_OTHER,
	OCI_SCHED_FIFO,
	OCI_SCHED_RR,
	OCI_SCHED_BATCH,
	OCI_SCHED_ISO,
	OCI_SCHED_IDLE,
	OCI_SCHED_DEADLINE,
};

struct oci_scheduler {
	enum oci_sched_policy policy;
	int32_t nice;
	int32_t priority;
	json_strings flags; /* "SCHED_FLAG_RESET_ON_FORK" and its like */
	uint64_t runtime_ns;
	uint64_t deadline_ns;
	uint64_t period_ns;
};

enum oci_io_class {
	OCI_IO_CLASS_RT,
	OCI_IO_CLASS_BE,
	OCI_IO_CLASS_IDLE,
};

struct oci_io_priority {
	enum oci_io_class class;
	int32_t priority;
};

/* CPU lists such as "0-3,7". */
struct oci_cpu_affinity {
	const char *initial;
	const char *final;
};

struct oci_process {
	bool terminal;
	struct oci_console_size *console_size;
	struct oci_user user;
	json_strings args;
	const char *command_line; /* other platforms' */
	json_strings env;
	const char *cwd;
	struct oci_capabilities *capabilities;
	JSON_LIST_OF(struct oci_rlimit) rlimits;
	bool no_new_privileges;
	const char *apparmor_profile;
	int32_t *oom_score_adj;
	struct oci_scheduler *scheduler;
	const char *selinux_label;
	struct oci_io_priority *io_priority;
	struct oci_cpu_affinity *exec_cpu_affinity;
};

extern const struct json_shape oci_process_shape;      /* struct oci_process */
extern const struct json_shape oci_user_shape;         /* struct oci_user */
extern const struct json_shape oci_capabilities_shape; /* struct oci_capabilities */

/* The specification's names, by value: "RLIMIT_NOFILE", "SCHED_FIFO", "IOPRIO_CLASS_BE"; NULL ends. */
extern const char *const oci_rlimit_names[];
extern const char *const oci_sched_policy_names[];
extern const char *const oci_io_class_names[];

/* Flags of the scheduler, by the kernel's bit: 1 << index. */
extern const char *const oci_sched_flag_names[];

#endif
