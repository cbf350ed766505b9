/*
 * bpf_tree.h - a binary search over ranges of call numbers, written as BPF.
 *
 * Ownership  Ranges and their rules are the caller's and only read.
 */
#ifndef CORTEN_KERN_SECCOMP_BPF_TREE_H
#define CORTEN_KERN_SECCOMP_BPF_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "kern/seccomp/bpf_rule.h"

/* The calls from `first` up to the next range's first, or to the last number there is. */
struct bpf_range {
	uint32_t first;
	uint32_t value;               /* to return, when there are no rules */
	const struct bpf_rule *rules; /* NULL, or the rules of the one call of this range */
	uint32_t rules_count;
	bool wide; /* the call's arguments have 64 bits */
};

/*
 * Writes the search over count ranges (at least one), of which the first starts at 0; `otherwise` is
 * for calls none of whose rules hold. Returns the label of the code that loads the number.
 */
bpf_label bpf_tree_emit(struct bpf_emit *emit, const struct bpf_range *ranges, uint32_t count,
			uint32_t otherwise);

#endif
