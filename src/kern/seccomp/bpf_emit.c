#include <errno.h>
#include <string.h>

#include "kern/seccomp/bpf_emit.h"

#define JUMP_MAX 255 /* instructions between a conditional jump and its target */

void bpf_emit_init(struct bpf_emit *emit, struct sock_filter *insns, uint32_t max)
{
	memset(emit, 0, sizeof(*emit));
	emit->insns = insns;
	emit->max = max;
}

static bpf_label emit_insn(struct bpf_emit *emit, struct sock_filter insn)
{
	if (emit->count < emit->max)
		emit->insns[emit->max - 1 - emit->count] = insn;
	return emit->count++;
}

/* Instructions between one written after `later` others and the label. */
static uint32_t distance(const struct bpf_emit *emit, bpf_label label, uint32_t later)
{
	return emit->count + later - label - 1;
}

static bpf_label emit_new_return(struct bpf_emit *emit, uint32_t value)
{
	bpf_label label = emit_insn(emit, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, value));
	uint32_t slot = 0;

	while (slot < emit->returns_count && emit->returns[slot].value != value)
		slot++;
	if (slot == BPF_EMIT_RETURNS_MAX)
		slot = emit->returns_next++ % BPF_EMIT_RETURNS_MAX;
	else if (slot == emit->returns_count)
		emit->returns_count++;
	emit->returns[slot].value = value;
	emit->returns[slot].label = label;
	return label;
}

bpf_label bpf_emit_return(struct bpf_emit *emit, uint32_t value)
{
	for (uint32_t i = 0; i < emit->returns_count; i++) {
		/* Two more may come between: stepping stones of the jump's two ways. */
		if (emit->returns[i].value == value &&
		    distance(emit, emit->returns[i].label, 2) <= JUMP_MAX)
			return emit->returns[i].label;
	}
	return emit_new_return(emit, value);
}

/* A label that means the same as `label` and is near enough for the jump written after `later` others. */
static bpf_label bring_near(struct bpf_emit *emit, bpf_label label, uint32_t later)
{
	if (distance(emit, label, later) <= JUMP_MAX)
		return label;
	if (label < emit->max) {
		struct sock_filter target = emit->insns[emit->max - 1 - label];
		if (BPF_CLASS(target.code) == BPF_RET) {
			for (uint32_t i = 0; i < emit->returns_count; i++) {
				if (emit->returns[i].value == target.k &&
				    distance(emit, emit->returns[i].label, later) <= JUMP_MAX)
					return emit->returns[i].label;
			}
			return emit_new_return(emit, target.k);
		}
	}
	return emit_insn(emit,
			 (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, distance(emit, label, 0)));
}

bpf_label bpf_emit_jump(struct bpf_emit *emit, uint16_t op, uint32_t k, bpf_label yes, bpf_label no)
{
	bpf_label near_yes = bring_near(emit, yes, 1);
	bpf_label near_no = no == yes ? near_yes : bring_near(emit, no, 0);
	struct sock_filter insn = {
		.code = (uint16_t)(BPF_JMP | op | BPF_K),
		.jt = (uint8_t)distance(emit, near_yes, 0),
		.jf = (uint8_t)distance(emit, near_no, 0),
		.k = k,
	};

	return emit_insn(emit, insn);
}

bpf_label bpf_emit_load(struct bpf_emit *emit, uint32_t offset)
{
	return emit_insn(emit, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}

bpf_label bpf_emit_and(struct bpf_emit *emit, uint32_t mask)
{
	return emit_insn(emit, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
}

int bpf_emit_finish(struct bpf_emit *emit, struct err *err)
{
	if (emit->count > emit->max)
		return err_set(err, ERR_INVALID, E2BIG,
			       "the seccomp profile needs %u instructions and the kernel takes %u; "
			       "use fewer rules with conditions",
			       emit->count, emit->max);
	memmove(emit->insns, emit->insns + (emit->max - emit->count),
		emit->count * sizeof(emit->insns[0]));
	return (int)emit->count;
}
