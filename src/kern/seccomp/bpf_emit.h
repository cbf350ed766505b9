/*
 * bpf_emit.h - writes a BPF program from its end to its start.
 *
 * Purpose    BPF jumps only go forward: written backwards, every target is known when a jump to it is
 *            written, and one that lies too far gets a nearer copy (a return) or a stepping stone (a
 *            long jump) at once.
 * Labels     A label is an instruction's distance from the program's end. It stays valid.
 * Errors     Past the maximum nothing more is stored but the count goes on: bpf_emit_finish()
 *            says how many instructions the program would have.
 */
#ifndef CORTEN_KERN_SECCOMP_BPF_EMIT_H
#define CORTEN_KERN_SECCOMP_BPF_EMIT_H

#include <linux/filter.h>
#include <stdint.h>

#include "base/err.h"

#define BPF_EMIT_RETURNS_MAX 16

typedef uint32_t bpf_label;

struct bpf_emit {
	struct sock_filter *insns; /* filled from its end */
	uint32_t max;
	uint32_t count;
	uint32_t returns_count;
	uint32_t returns_next; /* the slot to reuse when all are taken */
	struct {
		uint32_t value;
		bpf_label label; /* the nearest copy */
	} returns[BPF_EMIT_RETURNS_MAX];
};

void bpf_emit_init(struct bpf_emit *emit, struct sock_filter *insns, uint32_t max);

/* A return of value: the one that exists if the next jump can reach it, else a new one. */
bpf_label bpf_emit_return(struct bpf_emit *emit, uint32_t value);

/* A compare-and-jump; op is BPF_JEQ, BPF_JGT or BPF_JGE. */
bpf_label bpf_emit_jump(struct bpf_emit *emit, uint16_t op, uint32_t k, bpf_label yes,
			bpf_label no);

/* What falls through to the instruction written last: a load of 32 bits, a mask. */
bpf_label bpf_emit_load(struct bpf_emit *emit, uint32_t offset);
bpf_label bpf_emit_and(struct bpf_emit *emit, uint32_t mask);

/* Moves the program to the start of insns. Returns its length, or fails when it is over max. */
int bpf_emit_finish(struct bpf_emit *emit, struct err *err);

#endif
