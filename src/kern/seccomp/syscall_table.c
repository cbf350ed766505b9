#include <stdlib.h>
#include <string.h>

#include "kern/seccomp/syscall_table.h"

static const struct syscall_entry entries[] = {
#include "kern/seccomp/syscalls.inc"
};

/* linux/net.h and linux/ipc.h, by name. */
static const struct syscall_multiplexed multiplexed[] = {
	{"accept", 0, 5},      {"accept4", 0, 18},    {"bind", 0, 2},        {"connect", 0, 3},
	{"getpeername", 0, 7}, {"getsockname", 0, 6}, {"getsockopt", 0, 15}, {"listen", 0, 4},
	{"msgctl", 1, 14},     {"msgget", 1, 13},     {"msgrcv", 1, 12},     {"msgsnd", 1, 11},
	{"recv", 0, 10},       {"recvfrom", 0, 12},   {"recvmmsg", 0, 19},   {"recvmsg", 0, 17},
	{"semctl", 1, 3},      {"semget", 1, 2},      {"semop", 1, 1},       {"semtimedop", 1, 4},
	{"send", 0, 9},        {"sendmmsg", 0, 20},   {"sendmsg", 0, 16},    {"sendto", 0, 11},
	{"setsockopt", 0, 14}, {"shmat", 1, 21},      {"shmctl", 1, 24},     {"shmdt", 1, 22},
	{"shmget", 1, 23},     {"shutdown", 0, 13},   {"socket", 0, 1},      {"socketpair", 0, 8},
};

/* Both tables' rows begin with their name. */
static int compare_name(const void *name, const void *row)
{
	const char *row_name;

	memcpy(&row_name, row, sizeof(row_name));
	return strcmp(name, row_name);
}

const struct syscall_entry *syscall_table_find(const char *name)
{
	return bsearch(name, entries, sizeof(entries) / sizeof(entries[0]), sizeof(entries[0]),
		       compare_name);
}

const struct syscall_entry *syscall_table_all(size_t *ret_count)
{
	*ret_count = sizeof(entries) / sizeof(entries[0]);
	return entries;
}

const struct syscall_multiplexed *syscall_table_find_multiplexed(const char *name)
{
	return bsearch(name, multiplexed, sizeof(multiplexed) / sizeof(multiplexed[0]),
		       sizeof(multiplexed[0]), compare_name);
}
