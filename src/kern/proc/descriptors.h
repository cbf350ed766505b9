/*
 * descriptors.h - closing a range of descriptors, on kernels that cannot as well.
 *
 * Purpose    close_range(2) where it is there; where it is not (before 5.9, CLOSE_RANGE_CLOEXEC before
 *            5.11, or an outer container's seccomp policy denies it), the list in /proc/self/fd.
 * Errors     The error value says what failed; descriptors may be closed in part by then.
 * Heap       None; callable between clone and exec.
 */
#ifndef CORTEN_KERN_PROC_DESCRIPTORS_H
#define CORTEN_KERN_PROC_DESCRIPTORS_H

#include <stdbool.h>

#include "base/err.h"

/* Closes first to last, both included, at once or (`on_exec`) at the next exec. */
int descriptors_close(unsigned first, unsigned last, bool on_exec, struct err *err);

/* The fallback; public so that its test can force it. */
int descriptors_close_listed(unsigned first, unsigned last, bool on_exec, struct err *err);

#endif
