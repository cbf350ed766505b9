/*
 * bpf_rule.h - the rules of one system call, put in order and written as BPF.
 *
 * Ownership  Conditions live in the compiler's arena.
 */
#ifndef CORTEN_KERN_SECCOMP_BPF_RULE_H
#define CORTEN_KERN_SECCOMP_BPF_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "kern/seccomp/bpf_emit.h"
#include "kern/seccomp/seccomp.h"

/* One condition after bpf_rule_normalise(). The mask is all ones but for MASKED_EQ. */
struct bpf_cond {
	uint32_t arg;
	enum seccomp_op op;
	uint64_t mask;
	uint64_t datum;
};

/* One alternative of one call: what to return when all conditions hold. */
struct bpf_rule {
	uint32_t number; /* of the call */
	uint32_t order;  /* in the profile */
	uint32_t value;  /* to return */
	uint32_t conds_count;
	const struct bpf_cond *conds;
};

/*
 * Copies args to conds in the order of their index, cut to the width of the architecture's
 * arguments, without those that always hold. Returns how many are left.
 */
uint32_t bpf_rule_normalise(const struct seccomp_arg *args, size_t count, bool wide,
			    struct bpf_cond *conds);

/*
 * Puts the rules of one call, given in the profile's order, in the order of their trial. Returns how
 * many are left: one without conditions, or several that all have some.
 */
uint32_t bpf_rule_arrange(struct bpf_rule *rules, uint32_t count);

/* Writes arranged rules; `otherwise` is returned when none holds. */
bpf_label bpf_rule_emit(struct bpf_emit *emit, const struct bpf_rule *rules, uint32_t count,
			bool wide, uint32_t otherwise);

#endif
