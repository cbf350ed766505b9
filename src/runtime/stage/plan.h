/*
 * plan.h - what the runtime tells the stage, its last program before the payload.
 *
 * The runtime writes one struct stage_plan, then `filter_count` BPF instructions and the two labels, into a pipe whose
 * read end the stage inherits. Both ends are built from this header, so the layout is the
 * compiler's. Sizes are bytes.
 */
#ifndef CORTEN_RUNTIME_STAGE_PLAN_H
#define CORTEN_RUNTIME_STAGE_PLAN_H

#include <stdint.h>

#define STAGE_PLAN_MAGIC   0x43525401U
#define STAGE_GROUPS_MAX   1024
#define STAGE_PATH_MAX     4096
#define STAGE_FILTER_MAX   4096 /* BPF_MAXINSNS */
#define STAGE_FILTER_BYTES 8
#define STAGE_LABEL_MAX    4095 /* one write to procfs */
#define STAGE_GO           'g'  /* what go_fd says: execute the payload */
#define STAGE_END          'e'  /* or exit */

enum stage_flag {
	STAGE_NO_NEW_PRIVS = 1,
	STAGE_SET_GROUPS = 2, /* none at all is fine where a user namespace denies setgroups */
	STAGE_FILTER = 4,     /* a seccomp program follows */
	STAGE_SET_CAPS = 8,
	STAGE_LINGER = 16,   /* after a failure, stay until result_fd's other end is closed */
	STAGE_LISTENER = 32, /* the seccomp program's listener goes to listener_fd */
};

struct stage_plan {
	uint32_t magic;
	uint32_t flags; /* enum stage_flag */
	int32_t go_fd;  /* a byte read from here, STAGE_GO, starts the payload; -1: start at once */
	int32_t result_fd; /* close-on-exec; takes a struct stage_result when something fails */
	int32_t listener_fd; /* with STAGE_LISTENER: a socket: one SCM_RIGHTS message out, one byte back */
	int32_t proc_fd; /* procfs, when there is a label */
	uint32_t uid;
	uint32_t gid;
	uint32_t group_count;
	uint32_t filter_count; /* instructions */
	uint32_t filter_flags; /* of seccomp(2) */
	uint32_t last_cap;     /* highest capability of this kernel */
	uint64_t bounding;
	uint64_t effective;
	uint64_t permitted;
	uint64_t inheritable;
	uint64_t ambient;
	uint32_t apparmor_size; /* "exec PROFILE" in bytes; 0: none */
	uint32_t selinux_size;  /* the context; 0: none */
	uint32_t groups[STAGE_GROUPS_MAX];
	char path[STAGE_PATH_MAX]; /* the executable, inside the container */
};

enum stage_step {
	STAGE_STEP_PLAN,
	STAGE_STEP_WAIT,
	STAGE_STEP_APPARMOR,
	STAGE_STEP_SELINUX,
	STAGE_STEP_GROUPS,
	STAGE_STEP_GID,
	STAGE_STEP_UID,
	STAGE_STEP_CAPS,
	STAGE_STEP_NO_NEW_PRIVS,
	STAGE_STEP_SECCOMP,
	STAGE_STEP_LISTENER,
	STAGE_STEP_EXEC,
	STAGE_STEP_COUNT,
};

/*
 * Sent on failure. Before, when nothing is left but to load the filter and to execute the payload, one of
 * STAGE_STEP_EXEC without an errno: the pipe's end after that means that the payload runs, without it that
 * the process was killed. (After, a filter might forbid to say it; one whose listener waits for the start is loaded
 * before the wait, and so it is said then.)
 */
struct stage_result {
	uint32_t step; /* enum stage_step */
	int32_t sys;   /* errno */
};

#endif
