/*
 * holder.h - the processes that hold a container's lock.
 *
 * Purpose    Whoever deletes by force does not wait for a command that hangs, or was stopped: all processes
 *            are looked through for descriptors to which the kernel counts the lock, and killed. A
 *            command shares its descriptors, and so the lock, with a first process that it has
 *            just made.
 * Errors     ERR_NOT_FOUND when no process is seen to hold it.
 */
#ifndef CORTEN_RUNTIME_HOLDER_H
#define CORTEN_RUNTIME_HOLDER_H

#include "base/err.h"

/* Kills whoever holds the flock of dir_fd's folder, but the caller. */
int holder_kill(int dir_fd, struct err *err);

#endif
