/*
 * rlimit.h - resource limits by name.
 *
 * Errors     ERR_INVALID (soft over hard), ERR_DENIED saying what raising the hard limit needs.
 * Heap       None; callable between clone and exec.
 */
#ifndef CORTEN_KERN_RLIMIT_RLIMIT_H
#define CORTEN_KERN_RLIMIT_RLIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define RLIMIT_UNLIMITED UINT64_MAX

/* The number of "RLIMIT_NOFILE"; -1 when unknown. */
int rlimit_number(const char *name);
const char *rlimit_name(int number);

/* Sets both limits of the process (0: the caller). */
int rlimit_set(pid_t pid, int number, uint64_t soft, uint64_t hard, struct err *err);

/*
 * Lowers soft and hard to what the caller may set: its own hard limit, unless it has
 * CAP_SYS_RESOURCE effective. Returns whether something was lowered.
 */
bool rlimit_clamp(int number, uint64_t *soft, uint64_t *hard);

#endif
