/*
 * status.h - what /proc/self/status says that no cheaper call does.
 *
 * Purpose    One read serves the capabilities (two sets that take a call per capability otherwise)
 *            and the ignored signals (a call per signal).
 * Ownership  Plain values.
 * Errors     None: without a readable /proc, known is false and everything counts as ignored.
 */
#ifndef CORTEN_KERN_PROC_STATUS_H
#define CORTEN_KERN_PROC_STATUS_H

#include <stdbool.h>
#include <stdint.h>

struct proc_status {
	bool known;
	uint64_t caps_bounding;
	uint64_t caps_ambient;
	uint64_t signals_ignored; /* bit N - 1: signal N */
};

void proc_status_read(struct proc_status *ret_status);

/* The same from text, which it does not keep. */
void proc_status_parse(const char *text, struct proc_status *ret_status);

#endif
