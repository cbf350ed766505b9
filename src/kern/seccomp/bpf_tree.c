#include <linux/seccomp.h>
#include <stddef.h>

#include "kern/seccomp/bpf_tree.h"

#define ISLANDS_MAX 3 /* single numbers tested one after another instead of by halving */

struct tree {
	struct bpf_emit *emit;
	const struct bpf_range *ranges;
	uint32_t otherwise;
};

static bpf_label emit_leaf(const struct tree *tree, uint32_t at)
{
	const struct bpf_range *range = &tree->ranges[at];

	if (range->rules == NULL)
		return bpf_emit_return(tree->emit, range->value);
	return bpf_rule_emit(tree->emit, range->rules, range->rules_count, range->wide,
			     tree->otherwise);
}

/* Whether from..to is one value with single numbers in it: then equality tests do, one for each. */
static bool are_islands(const struct tree *tree, uint32_t from, uint32_t to)
{
	const struct bpf_range *ranges = tree->ranges;

	if ((to - from) % 2 != 0 || (to - from) / 2 > ISLANDS_MAX || ranges[from].rules != NULL)
		return false;
	for (uint32_t i = from + 1; i < to; i += 2) {
		if (ranges[i + 1].first - ranges[i].first != 1 || ranges[i + 1].rules != NULL ||
		    ranges[i + 1].value != ranges[from].value)
			return false;
	}
	return true;
}

/* The recursion is as deep as the logarithm of the ranges' count. */
static bpf_label emit_search(const struct tree *tree, uint32_t from, uint32_t to)
{
	if (are_islands(tree, from, to)) {
		bpf_label label = emit_leaf(tree, from);
		for (uint32_t i = to; i > from; i -= 2)
			label = bpf_emit_jump(tree->emit, BPF_JEQ, tree->ranges[i - 1].first,
					      emit_leaf(tree, i - 1), label);
		return label;
	}
	if (from == to)
		return emit_leaf(tree, from);

	uint32_t middle = from + (to - from + 1) / 2;
	bpf_label right = emit_search(tree, middle, to);
	bpf_label left = emit_search(tree, from, middle - 1);
	return bpf_emit_jump(tree->emit, BPF_JGE, tree->ranges[middle].first, right, left);
}

bpf_label bpf_tree_emit(struct bpf_emit *emit, const struct bpf_range *ranges, uint32_t count,
			uint32_t otherwise)
{
	struct tree tree = {.emit = emit, .ranges = ranges, .otherwise = otherwise};
	bpf_label top = emit_search(&tree, 0, count - 1);

	/* The load falls through to what was written last, which a lone return need not be. */
	if (top + 1 != emit->count)
		(void)bpf_emit_jump(emit, BPF_JGE, 0, top, top);
	return bpf_emit_load(emit, (uint32_t)offsetof(struct seccomp_data, nr));
}
