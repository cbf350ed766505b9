/*
 * syscall_table.h - the number of each system call by name, on each architecture.
 *
 * The data (syscalls.inc) is written by tools/gen-syscalls. x32's numbers come without bit 30.
 */
#ifndef CORTEN_KERN_SECCOMP_SYSCALL_TABLE_H
#define CORTEN_KERN_SECCOMP_SYSCALL_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "kern/seccomp/seccomp.h"

struct syscall_entry {
	const char *name;
	int32_t numbers[SECCOMP_ARCH_COUNT]; /* -1: not on this architecture */
};

/* NULL when no architecture has the call. */
const struct syscall_entry *syscall_table_find(const char *name);

/* The whole table, in the order of strcmp(). */
const struct syscall_entry *syscall_table_all(size_t *ret_count);

/* How x86 multiplexes a call: the multiplexer's name, and the number that its first argument has. */
struct syscall_multiplexed {
	const char *name;
	uint8_t through_ipc; /* ipc(2), else socketcall(2) */
	uint8_t number;
};

/* NULL for a call that x86 does not multiplex. */
const struct syscall_multiplexed *syscall_table_find_multiplexed(const char *name);

#endif
