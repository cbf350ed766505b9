/*
 * procfs.h - a private handle on procfs, and writes beneath it that cannot be redirected.
 *
 * Purpose    A container may mount things over /proc or make it a link; labels, limits and sysctls
 *            are written through an instance that it cannot touch.
 * Ownership  procfs_open() returns a descriptor of procfs's root, O_CLOEXEC, the caller's.
 * Errors     ERR_DENIED when the kernel refuses, ERR_NOT_FOUND for an absent entry; the name is in
 *            the text.
 * Heap       None; callable between clone and exec.
 */
#ifndef CORTEN_KERN_PROC_PROCFS_H
#define CORTEN_KERN_PROC_PROCFS_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * A new detached instance (fsopen); where that is refused, a detached clone of /proc without what
 * is mounted on it; else /proc itself, verified to be the root of a procfs. It shows the caller's
 * PID namespace at the time of the call.
 */
int procfs_open(struct err *err);

/* How procfs_open() gets it; public so that tests force each. */
enum procfs_way {
	PROCFS_NEW,
	PROCFS_CLONE,
	PROCFS_HOST,
};
int procfs_open_by(enum procfs_way way, struct err *err);

/*
 * Opens path ("self/attr/exec", "sys/net/ipv4/ip_forward", "1234/stat") with openat2: beneath the
 * handle, no other mount, no magic link, and no link at all but a leading "self" or "thread-self".
 */
int procfs_open_at(int procfd, const char *path, int flags, struct err *err);

/* Writes text in one write(2). */
int procfs_write_at(int procfd, const char *path, const char *text, struct err *err);

/* Reads up to size - 1 bytes and terminates them. Returns the length. */
ssize_t procfs_read_at(int procfd, const char *path, char *buf, size_t size, struct err *err);

/*
 * Sets the caller's oom_score_adj, -1000 to 1000. Lowering it below what it was needs
 * CAP_SYS_RESOURCE: the error says so.
 */
int procfs_set_oom_score_adj(int procfd, int score, struct err *err);

#endif
