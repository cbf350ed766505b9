/*
 * caps.h - capabilities by name, and taking on a set of them with a user.
 *
 * Units      A set is a uint64_t, bit N for capability number N.
 * Errors     ERR_DENIED with the capability's name.
 * Heap       None; callable between clone and exec. The calls act on the calling thread alone.
 *
 * A process takes on its final identity in this order:
 * 	caps_restrict()		what cannot be granted is taken out; the caller warns
 * 	caps_drop_bounding()	while CAP_SETPCAP is there
 * 	caps_set_user()		groups, gid, uid; keeps permitted capabilities over the change
 * 	caps_apply()		permitted, effective, inheritable, ambient
 */
#ifndef CORTEN_KERN_CAPS_CAPS_H
#define CORTEN_KERN_CAPS_CAPS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "kern/proc/status.h"

struct caps_sets {
	uint64_t bounding;
	uint64_t effective;
	uint64_t permitted;
	uint64_t inheritable;
	uint64_t ambient;
};

/* The number of "CAP_CHOWN"; -1 when unknown. */
int caps_number(const char *name);

/* The name of a number; NULL when unknown. */
const char *caps_name(int number);

/* The highest capability that the running kernel has, by prctl. */
int caps_last(void);

/* Every capability of the running kernel. */
uint64_t caps_all(void);

/* The calling thread's sets. */
int caps_read(struct caps_sets *ret_sets, struct err *err);

/* The same for who has read the process's status already. */
int caps_read_with(const struct proc_status *status, struct caps_sets *ret_sets, struct err *err);

/*
 * Takes out of sets what the caller's own bounding set or kernel lacks, and out of bounding,
 * permitted and inheritable what the caller could not pass on. Returns the capabilities taken out
 * of any set.
 */
uint64_t caps_restrict(struct caps_sets *sets, const struct caps_sets *own);

/*
 * Drops everything but keep from the bounding set. Needs CAP_SETPCAP when something is to be
 * dropped.
 */
int caps_drop_bounding(uint64_t keep, struct err *err);

/*
 * Sets the supplementary groups (skipped when groups is NULL: setgroups may be denied), gid and
 * uid: real, effective, saved. The permitted set survives (PR_SET_KEEPCAPS), the effective one is
 * for caps_apply().
 */
int caps_set_user(uid_t uid, gid_t gid, const gid_t *groups, size_t group_count, struct err *err);

/*
 * Takes on permitted, effective, inheritable and ambient (which must be in permitted and
 * inheritable: those that are not are left out).
 */
int caps_apply(const struct caps_sets *sets, struct err *err);

/* Writes "CAP_A, CAP_B" to buf; returns buf. */
const char *caps_format(uint64_t set, char *buf, size_t size);

#endif
