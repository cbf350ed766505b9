#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>

#include "kern/seccomp/bpf_rule.h"

static uint32_t low(uint64_t value)
{
	return (uint32_t)value;
}

static uint32_t high(uint64_t value)
{
	return (uint32_t)(value >> 32);
}

/* Both processor families are little-endian: the low half comes first. */
static uint32_t offset_low(uint32_t arg)
{
	return (uint32_t)offsetof(struct seccomp_data, args) + arg * 8;
}

static uint32_t offset_high(uint32_t arg)
{
	return offset_low(arg) + 4;
}

uint32_t bpf_rule_normalise(const struct seccomp_arg *args, size_t count, bool wide,
			    struct bpf_cond *conds)
{
	uint64_t width = wide ? UINT64_MAX : UINT32_MAX;
	uint32_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		bool masked = args[i].op == SECCOMP_OP_MASKED_EQ;
		uint64_t mask = width & (masked ? args[i].value : UINT64_MAX);
		uint64_t datum = masked ? args[i].value_two : args[i].value;
		uint32_t at = kept;

		if (mask == 0)
			continue;
		for (; at > 0 && conds[at - 1].arg > args[i].index; at--)
			conds[at] = conds[at - 1];
		conds[at] = (struct bpf_cond){
			.arg = args[i].index,
			.op = masked && mask == width ? SECCOMP_OP_EQ : args[i].op,
			.mask = mask,
			.datum = datum & mask,
		};
		kept++;
	}
	return kept;
}

static unsigned op_rank(enum seccomp_op op)
{
	switch (op) {
	case SECCOMP_OP_NE:
	case SECCOMP_OP_EQ:
	case SECCOMP_OP_MASKED_EQ:
		return 2;
	case SECCOMP_OP_LT:
	case SECCOMP_OP_LE:
		return 1;
	case SECCOMP_OP_GE:
	case SECCOMP_OP_GT:
	default:
		return 0;
	}
}

/* Whether a is more particular than b in its first condition that differs. */
static bool goes_before(const struct bpf_rule *a, const struct bpf_rule *b)
{
	for (uint32_t i = 0; i < a->conds_count && i < b->conds_count; i++) {
		const struct bpf_cond *x = &a->conds[i], *y = &b->conds[i];

		if (x->arg != y->arg)
			return x->arg > y->arg;
		if (op_rank(x->op) != op_rank(y->op))
			return op_rank(x->op) > op_rank(y->op);
		if (x->datum != y->datum)
			return op_rank(x->op) == 1 ? x->datum < y->datum : x->datum > y->datum;
		if (x->op != y->op || x->mask != y->mask)
			return false;
	}
	return false;
}

static bool same_conds(const struct bpf_rule *a, const struct bpf_rule *b)
{
	if (a->conds_count != b->conds_count)
		return false;
	for (uint32_t i = 0; i < a->conds_count; i++) {
		const struct bpf_cond *x = &a->conds[i], *y = &b->conds[i];
		if (x->arg != y->arg || x->op != y->op || x->mask != y->mask ||
		    x->datum != y->datum)
			return false;
	}
	return true;
}

uint32_t bpf_rule_arrange(struct bpf_rule *rules, uint32_t count)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (rules[i].conds_count == 0) {
			rules[0] = rules[i];
			return 1;
		}
	}
	for (uint32_t i = 0; i < count; i++) {
		struct bpf_rule rule = rules[i];
		uint32_t at = kept;
		bool known = false;

		for (uint32_t j = 0; j < kept && !known; j++)
			known = same_conds(&rules[j], &rule);
		if (known)
			continue;
		for (; at > 0 && goes_before(&rule, &rules[at - 1]); at--)
			rules[at] = rules[at - 1];
		rules[at] = rule;
		kept++;
	}
	return kept;
}

static bpf_label emit_equal(struct bpf_emit *emit, const struct bpf_cond *cond, bool wide,
			    bpf_label yes, bpf_label no)
{
	bpf_label label = yes;

	if (low(cond->mask) != 0) {
		(void)bpf_emit_jump(emit, BPF_JEQ, low(cond->datum), yes, no);
		if (low(cond->mask) != UINT32_MAX)
			(void)bpf_emit_and(emit, low(cond->mask));
		label = bpf_emit_load(emit, offset_low(cond->arg));
	}
	if (wide && high(cond->mask) != 0) {
		(void)bpf_emit_jump(emit, BPF_JEQ, high(cond->datum), label, no);
		if (high(cond->mask) != UINT32_MAX)
			(void)bpf_emit_and(emit, high(cond->mask));
		label = bpf_emit_load(emit, offset_high(cond->arg));
	}
	return label;
}

/* op is BPF_JGT or BPF_JGE. */
static bpf_label emit_greater(struct bpf_emit *emit, const struct bpf_cond *cond, uint16_t op,
			      bool wide, bpf_label yes, bpf_label no)
{
	(void)bpf_emit_jump(emit, op, low(cond->datum), yes, no);
	bpf_label label = bpf_emit_load(emit, offset_low(cond->arg));

	if (!wide)
		return label;
	if (high(cond->datum) == 0) {
		(void)bpf_emit_jump(emit, BPF_JEQ, 0, label, yes);
	} else {
		label = bpf_emit_jump(emit, BPF_JEQ, high(cond->datum), label, no);
		(void)bpf_emit_jump(emit, BPF_JGT, high(cond->datum), yes, label);
	}
	return bpf_emit_load(emit, offset_high(cond->arg));
}

static bpf_label emit_cond(struct bpf_emit *emit, const struct bpf_cond *cond, bool wide,
			   bpf_label yes, bpf_label no)
{
	switch (cond->op) {
	case SECCOMP_OP_NE:
		return emit_equal(emit, cond, wide, no, yes);
	case SECCOMP_OP_LT:
		return emit_greater(emit, cond, BPF_JGE, wide, no, yes);
	case SECCOMP_OP_LE:
		return emit_greater(emit, cond, BPF_JGT, wide, no, yes);
	case SECCOMP_OP_GE:
		return emit_greater(emit, cond, BPF_JGE, wide, yes, no);
	case SECCOMP_OP_GT:
		return emit_greater(emit, cond, BPF_JGT, wide, yes, no);
	case SECCOMP_OP_EQ:
	case SECCOMP_OP_MASKED_EQ:
	default:
		return emit_equal(emit, cond, wide, yes, no);
	}
}

/* Whether both ask one argument for one value, with one high half and one outcome. */
static bool are_alternatives(const struct bpf_rule *a, const struct bpf_rule *b)
{
	return a->conds_count == 1 && b->conds_count == 1 && a->conds[0].op == SECCOMP_OP_EQ &&
	       b->conds[0].op == SECCOMP_OP_EQ && a->conds[0].arg == b->conds[0].arg &&
	       a->value == b->value && high(a->conds[0].datum) == high(b->conds[0].datum);
}

/* Rules that are_alternatives(): the argument is loaded once. */
static bpf_label emit_any_of(struct bpf_emit *emit, const struct bpf_rule *rules, uint32_t count,
			     bool wide, bpf_label no)
{
	bpf_label yes = bpf_emit_return(emit, rules[0].value);
	bpf_label label = no;

	for (uint32_t i = count; i > 0; i--)
		label = bpf_emit_jump(emit, BPF_JEQ, low(rules[i - 1].conds[0].datum), yes, label);
	label = bpf_emit_load(emit, offset_low(rules[0].conds[0].arg));
	if (!wide)
		return label;
	(void)bpf_emit_jump(emit, BPF_JEQ, high(rules[0].conds[0].datum), label, no);
	return bpf_emit_load(emit, offset_high(rules[0].conds[0].arg));
}

static bpf_label emit_all_of(struct bpf_emit *emit, const struct bpf_rule *rule, bool wide,
			     bpf_label no)
{
	bpf_label label = bpf_emit_return(emit, rule->value);

	for (uint32_t i = rule->conds_count; i > 0; i--)
		label = emit_cond(emit, &rule->conds[i - 1], wide, label, no);
	return label;
}

bpf_label bpf_rule_emit(struct bpf_emit *emit, const struct bpf_rule *rules, uint32_t count,
			bool wide, uint32_t otherwise)
{
	bpf_label label = bpf_emit_return(emit, otherwise);

	for (uint32_t end = count; end > 0;) {
		uint32_t start = end - 1;
		while (start > 0 && are_alternatives(&rules[start - 1], &rules[end - 1]))
			start--;
		if (end - start > 1)
			label = emit_any_of(emit, rules + start, end - start, wide, label);
		else
			label = emit_all_of(emit, &rules[start], wide, label);
		end = start;
	}
	return label;
}
