/*
 * seccomp.h - compiles a seccomp profile to the kernel's program, and loads it.
 *
 * Purpose    What runc gets from libseccomp, as a binary search over ranges of call numbers.
 * Ownership  A profile only points at the caller's memory. A program is a plain value (32 KiB, of
 *            which a small part is touched); nothing is kept after a call returns.
 * Errors     ERR_INVALID for a profile that cannot mean anything or needs more than the 4096
 *            instructions that the kernel takes.
 *
 * Meaning, as runc's with libseccomp:
 * - Rules for one call are alternatives; the conditions of one rule must all hold, except that a rule
 *   that names one argument twice is as many rules as it has conditions. A rule whose action is the
 *   default one is dropped. The first rule without conditions beats all others of its call. Where rules
 *   with conditions and with different actions overlap, the more particular one is tried first, in the
 *   order of libseccomp's trees: the later argument, equality before the rest, the nearer bound.
 * - Arguments are 64 bits wide on x86_64 and aarch64; on x86, x32 and arm only the low 32 bits count.
 *   A masked comparison masks its datum too.
 * - The native architecture is always filtered; those of another processor family are dropped. A call
 *   through an architecture that is not listed kills the thread. x32 shares x86_64's architecture
 *   number and is told apart by bit 30 of the call's number.
 * - On x86 a rule for a socket or System V call also stands for that call through socketcall(2) or
 *   ipc(2), where a condition on the first argument is replaced by the multiplexer's own number.
 * - Names that no table knows are skipped and counted.
 * - If the default action refuses (anything but allow, log and trace), a number above the highest that
 *   the profile names on that architecture, whatever the rule's action, fails with ENOSYS: to a C
 *   library a call newer than the policy looks like an older kernel, while one that the policy refuses
 *   by silence fails with the default action. An architecture on which the profile names nothing (or
 *   call 0 alone) has no such limit. Two differences from runc: x86's direct socket and System V
 *   calls and the multiplexers they go through count as named, so that nothing that is allowed lies
 *   above the limit; and arm's private calls, whose numbers start at 0xf0000, have their own.
 */
#ifndef CORTEN_KERN_SECCOMP_SECCOMP_H
#define CORTEN_KERN_SECCOMP_SECCOMP_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SECCOMP_MAX_INSNS 4096 /* BPF_MAXINSNS of the kernel */
#define SECCOMP_MAX_ARGS  6

/* SECCOMP_FILTER_FLAG_*, by name for headers older than 5.19. */
enum seccomp_flag {
	SECCOMP_FLAG_TSYNC = 1,
	SECCOMP_FLAG_LOG = 2,
	SECCOMP_FLAG_SPEC_ALLOW = 4,
	SECCOMP_FLAG_NEW_LISTENER = 8,
	SECCOMP_FLAG_WAIT_KILLABLE_RECV = 32,
};

enum seccomp_action {
	SECCOMP_ACTION_KILL_THREAD, /* SCMP_ACT_KILL is the same */
	SECCOMP_ACTION_KILL_PROCESS,
	SECCOMP_ACTION_TRAP,
	SECCOMP_ACTION_ERRNO,
	SECCOMP_ACTION_TRACE,
	SECCOMP_ACTION_ALLOW,
	SECCOMP_ACTION_LOG,
	SECCOMP_ACTION_NOTIFY,
};

enum seccomp_op {
	SECCOMP_OP_NE,
	SECCOMP_OP_LT,
	SECCOMP_OP_LE,
	SECCOMP_OP_EQ,
	SECCOMP_OP_GE,
	SECCOMP_OP_GT,
	SECCOMP_OP_MASKED_EQ, /* value is the mask, value_two the datum */
};

enum seccomp_arch {
	SECCOMP_ARCH_X86_64,
	SECCOMP_ARCH_X86,
	SECCOMP_ARCH_X32,
	SECCOMP_ARCH_AARCH64,
	SECCOMP_ARCH_ARM,
	SECCOMP_ARCH_OTHER, /* a name of the specification that no machine of ours runs */
};
#define SECCOMP_ARCH_COUNT SECCOMP_ARCH_OTHER /* those with a table */

struct seccomp_arg {
	uint32_t index; /* 0 to 5 */
	enum seccomp_op op;
	uint64_t value;
	uint64_t value_two;
};

struct seccomp_rule {
	const char *const *names;
	size_t names_count;
	const struct seccomp_arg *args; /* none: whatever the arguments */
	size_t args_count;
	enum seccomp_action action;
	bool has_errno; /* absent: EPERM; only ERRNO and TRACE may have one */
	uint32_t errno_ret;
};

struct seccomp_profile {
	enum seccomp_action default_action;
	bool has_default_errno;
	uint32_t default_errno_ret;
	const enum seccomp_arch *architectures;
	size_t architectures_count;
	bool has_flags; /* absent: SPEC_ALLOW, as runc and crun have it */
	uint32_t flags; /* enum seccomp_flag */
	const struct seccomp_rule *rules;
	size_t rules_count;
};

struct seccomp_program {
	uint32_t flags; /* for seccomp_load(); NEW_LISTENER when a rule notifies */
	uint32_t count;
	uint32_t unknown_names; /* how many names of rules no table knows, for a warning */
	struct sock_filter insns[SECCOMP_MAX_INSNS];
};

/* The specification's names ("SCMP_ACT_ERRNO", ...). 0, or ERR_INVALID naming the value. */
int seccomp_action_parse(const char *name, enum seccomp_action *ret_action, struct err *err);
int seccomp_op_parse(const char *name, enum seccomp_op *ret_op, struct err *err);
int seccomp_arch_parse(const char *name, enum seccomp_arch *ret_arch, struct err *err);

/* Adds one flag's bit to *flags. TSYNC is known and ignored: whoever loads has a single thread. */
int seccomp_flag_parse(const char *name, uint32_t *flags, struct err *err);

/* The names in their tables' order; NULL past the last. SCMP_ACT_KILL, an alias, is not among them. */
const char *seccomp_action_name(size_t at);
const char *seccomp_op_name(size_t at);
const char *seccomp_arch_name(size_t at);
const char *seccomp_flag_name(size_t at, uint32_t *ret_bit); /* bit 0: TSYNC */

/* Whether the running kernel knows the flags (enum seccomp_flag). Loads nothing. */
bool seccomp_flags_are_supported(uint32_t flags);

/* The architecture that this program was built for. */
enum seccomp_arch seccomp_arch_native(void);

/* Compiles for processors of native's family. Returns 0; *ret_program is undefined on failure. */
int seccomp_compile(const struct seccomp_profile *profile, enum seccomp_arch native,
		    struct seccomp_program *ret_program, struct err *err);

/*
 * Loads a program of `bytes` bytes into the calling thread, which needs no_new_privs or
 * CAP_SYS_ADMIN. Returns 0, or with SECCOMP_FLAG_NEW_LISTENER the listener's descriptor (CLOEXEC).
 */
int seccomp_load(const void *insns, size_t bytes, uint32_t flags, struct err *err);

#endif
