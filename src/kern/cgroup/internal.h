/*
 * internal.h - what the files of this folder share. Nobody else includes it.
 *
 * Errors     Functions without `struct err` return -errno: their callers know the field to name.
 */
#ifndef CORTEN_KERN_CGROUP_INTERNAL_H
#define CORTEN_KERN_CGROUP_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "kern/cgroup/cgroup.h"
#include "kern/cgroup/devices.h"

#define CGROUP_DEPTH_MAX 65536 /* of cgroups beneath a container's that are walked */

/* Writes text to dir/file beneath CGROUP_ROOT in one write(2). Returns 0 or -errno. */
int cgroup_write_file(int root_fd, const char *dir, const char *file, const char *text);

/*
 * Reads dir/file, closing it with a NUL. Returns its length or -errno; -E2BIG when size is too
 * small.
 */
ssize_t cgroup_read_file(int root_fd, const char *dir, const char *file, char *buf, size_t size);

/* The same and the last newline dropped; an error value that names the file. */
int cgroup_read_value(int root_fd, const char *dir, const char *file, char *buf, size_t size,
		      struct err *err);

/* Whether a list of words apart by spaces or newlines holds a word. */
bool cgroup_has_word(const char *list, const char *word);

/*
 * Resolves "." and ".." in the text and drops double slashes. Writes "a/b" without a leading slash.
 */
int cgroup_clean_path(const char *path, char *buf, size_t size, struct err *err);

/* Whether a directory's name from a state file is one that cgroup_plan() could have made. */
int cgroup_check_dir(const char *dir, struct err *err);

/*
 * Enables all controllers for hierarchy i's directory, from the top down, as far as the kernel
 * lets.
 */
int cgroup_enable_controllers(const struct cgroup *cgroup, size_t i, struct err *err);

/*
 * The reason why a v2 controller's file is not there, as an error value: not on this host, not
 * delegated, or barred by processes in a parent. `field` is OCI's name of what was asked for.
 */
int cgroup_explain_missing(const struct cgroup *cgroup, size_t i, const char *field,
			   const char *controller, struct err *err);

/*
 * Calls visit for dir and, before it, each cgroup beneath it, with an open descriptor. However deep
 * a container nests them, two descriptors are open and eight bytes a level are in use.
 */
int cgroup_walk(int root_fd, const char *dir,
		int (*visit)(void *context, int dir_fd, struct err *err), void *context,
		struct err *err);

/*
 * Finds the next entry of an open directory that is a directory itself. Returns 1, 0 at the end,
 * -errno.
 */
int cgroup_next_child(int dir_fd, char *name, size_t size);

/*
 * Sends a signal to what is in a directory and beneath, SIGKILL by cgroup.kill where that exists.
 */
int cgroup_signal_dir(int root_fd, const char *dir, int signal, struct err *err);

/* Where a controller's files are. */
struct cgroup_source {
	int root_fd;
	const char *dir;
	bool v2;
	bool known;
};

struct cgroup_source cgroup_source_of(const struct cgroup *cgroup,
				      enum cgroup_controller controller);

void cgroup_sleep_us(unsigned us);
uint64_t cgroup_now_us(void);

/* --- devices --- */

/*
 * A list of rules reduced to what applies when no exception matches, and the exceptions: all of the other
 * kind, or, if ordered, of both, of which for each access the last that matches counts.
 */
struct cgroup_device_policy {
	bool allow_by_default;
	bool ordered;
	size_t count;
	struct cgroup_device_rule exceptions[CGROUP_DEVICE_RULES_MAX];
};

int cgroup_device_reduce(const struct cgroup_device_rule *rules, size_t count,
			 struct cgroup_device_policy *ret_policy, struct err *err);

/* The same for v2 alone, where a rule may take a part out of a wider one: ordered only if one does. */
int cgroup_device_reduce_v2(const struct cgroup_device_rule *rules, size_t count,
			    struct cgroup_device_policy *ret_policy, struct err *err);

/*
 * The policy that v1's devices.list shows. Exceptions of a default that allows are not shown there.
 */
int cgroup_device_parse_list(const char *text, struct cgroup_device_policy *ret_policy,
			     struct err *err);

/* v1. `fresh`: nobody is in the cgroup, so it may pass through "nothing is allowed". */
int cgroup_devices_apply_v1(const struct cgroup *cgroup, size_t i,
			    const struct cgroup_device_policy *policy, bool fresh, struct err *err);

struct bpf_insn;

#define CGROUP_DEVICE_PROGRAM_MAX (8 + 8 * CGROUP_DEVICE_RULES_MAX) /* instructions */

/* Builds the v2 program; returns its length. `insns` holds CGROUP_DEVICE_PROGRAM_MAX. */
size_t cgroup_device_program(const struct cgroup_device_policy *policy, struct bpf_insn *insns);

/* v2: loads the program and puts it in the place of what was attached before. */
int cgroup_devices_apply_v2(const struct cgroup *cgroup, size_t i,
			    const struct cgroup_device_policy *policy, bool fresh, struct err *err);

#endif
