/*
 * ns.h - namespaces: open, join, create, and write what belongs to a new one.
 *
 * Units      Namespaces are CLONE_NEW* flags; uint64_t where CLONE_INTO_CGROUP may join them.
 * Errors     ERR_INVALID for a path that is no namespace, or one of another type.
 * Heap       None; callable between clone and exec.
 */
#ifndef CORTEN_KERN_NS_NS_H
#define CORTEN_KERN_NS_NS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* One row a namespace type. */
struct ns_type {
	const char *name; /* of the runtime specification: "network" */
	const char *file; /* beneath /proc/PID/ns: "net" */
	int flag;         /* CLONE_NEWNET */
};

/* The types in the order in which they are to be joined (user first); NULL past the last. */
const struct ns_type *ns_type_at(size_t index);

/* By the specification's name, or by flag; NULL when unknown. */
const struct ns_type *ns_type_of_name(const char *name);
const struct ns_type *ns_type_of_flag(int flag);

/* Opens the namespace at path and verifies its type. */
int ns_open(const char *path, int flag, struct err *err);

/* Verifies that fd names a namespace of this type. path is for the error alone. */
int ns_check_type(int fd, int flag, const char *path, struct err *err);

/* 1 when fd names the namespace of that type which the caller is in; 0 when not. Needs /proc. */
int ns_is_own(int fd, int flag, struct err *err);

/* Joins the namespace behind fd. flag 0 takes any type. */
int ns_join(int fd, int flag, struct err *err);

/* Joins several namespaces of the process behind pidfd in one call: all or none. Linux 5.8. */
int ns_join_pidfd(int pidfd, int flags, struct err *err);

int ns_unshare(int flags, struct err *err);

/*
 * A fork by clone3: returns the child's pid, and 0 in the child, which has its own copy of memory.
 * flags: CLONE_NEW*, CLONE_PARENT, CLONE_CLEAR_SIGHAND... (no CLONE_VM); the exit signal is
 * SIGCHLD. cgroup_fd: the cgroup v2 folder the child is born in, or FD_NONE. ret_pidfd may be
 * NULL. The C library knows nothing of this child: it must be single-threaded, must not use
 * raise(), abort(), pthread_*(), set*id() of the library (use caps_set_user()), nor return from
 * the frame that called ns_clone's caller's caller's atexit handlers: it leaves by exec or
 * _exit().
 */
pid_t ns_clone(uint64_t flags, int cgroup_fd, int *ret_pidfd, struct err *err);

/* One line of uid_map or gid_map. */
struct ns_id_map {
	uint32_t inside;
	uint32_t outside;
	uint32_t count;
};

struct ns_maps {
	const struct ns_id_map *uids;
	size_t uid_count;
	const struct ns_id_map *gids;
	size_t gid_count;
	bool deny_setgroups; /* writes "deny" first; an unprivileged writer must */
};

#define NS_MAP_LINES_MAX 340 /* the kernel's maximum */

/*
 * Writes setgroups, gid_map and uid_map of the process. procfd: procfs_open(). ERR_INVALID for an
 * empty map, a range that overflows 32 bits, or overlapping ranges; nothing is written then.
 */
int ns_write_maps(int procfd, pid_t pid, const struct ns_maps *maps, struct err *err);

/* The parts of ns_write_maps(), for who writes one map by another way. what: "uid" or "gid". */
int ns_deny_setgroups(int procfd, pid_t pid, struct err *err);
int ns_write_map(int procfd, pid_t pid, const struct ns_id_map *map, size_t count, const char *what,
		 struct err *err);

/* Checks one map as ns_write_maps() does; what: "uid" or "gid". */
int ns_check_map(const struct ns_id_map *map, size_t count, const char *what, struct err *err);

/*
 * Offsets of the time namespace that the caller's next children (or its next image) enter:
 * after unshare(CLONE_NEWTIME), before any child. clock: "monotonic" or "boottime".
 */
int ns_set_time_offset(int procfd, const char *clock, int64_t seconds, uint32_t nanoseconds,
		       struct err *err);

int ns_set_hostname(const char *name, struct err *err);
int ns_set_domainname(const char *name, struct err *err);

#endif
