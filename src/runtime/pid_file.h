/*
 * pid_file.h - how engines learn of a process: the file that --pid-file names, replaced atomically as they
 * watch for it, and the socket that --pidfd-socket names.
 */
#ifndef CORTEN_RUNTIME_PID_FILE_H
#define CORTEN_RUNTIME_PID_FILE_H

#include <sys/types.h>

#include "base/err.h"

int pid_file_write(const char *path, pid_t pid, struct err *err);

/* Connects and sends the descriptor; `kind` is the message that comes with it, as runc words it. */
int pidfd_socket_send(const char *path, int pidfd, const char *kind, struct err *err);

#endif
