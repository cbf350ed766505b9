/*
 * notify.h - a container that tells the host's service manager when it is ready (sd_notify(3)).
 *
 * The caller's NOTIFY_SOCKET is not shown inside. A folder of the container's state is, read-only, with a
 * socket of the runtime's own; of what arrives there READY=1 alone is passed on, with the container's
 * first process as MAINPID, and then a barrier, so that the manager has read both before the runtime ends.
 */
#ifndef CORTEN_RUNTIME_NOTIFY_H
#define CORTEN_RUNTIME_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

#define NOTIFY_FOLDER "notify" /* in the container's state */
#define NOTIFY_NAME   "notify.sock"
#define NOTIFY_INSIDE "/run/notify"

/* Makes the folder in the container's state. */
int notify_prepare(int dir_fd, struct err *err);

/* Removes it, and what is in it; absent is fine. */
void notify_forget(int dir_fd);

/* Listens there. Returns the socket, or FD_NONE (err untouched) when the container has no such folder. */
int notify_listen(int dir_fd, struct err *err);

/* Receives one message. 1 when it says READY=1, 0 when not. Never blocks. */
int notify_receive(int listener, struct err *err);

/* Tells the manager at `address` (a path, or @NAME) that pid is ready, and waits until it has read it. */
int notify_tell(const char *address, pid_t pid, struct err *err);

/* The three of them: waits until the container is ready or the process behind pidfd has ended. */
int notify_forward(int listener, const char *address, pid_t pid, int pidfd, struct err *err);

/* Whether a message of n bytes has the line READY=1. */
bool notify_is_ready(const char *message, size_t n);

#endif
