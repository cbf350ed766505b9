/*
 * scm.h - one descriptor and a few bytes over a unix socket.
 *
 * Ownership  A received descriptor is O_CLOEXEC and the caller's; a sent one stays the sender's
 *            too.
 * Errors     ERR_INVALID (EPROTO) for a message with no descriptor, or more than one: none is kept.
 * Heap       None; callable between clone and exec.
 */
#ifndef CORTEN_KERN_SCM_SCM_H
#define CORTEN_KERN_SCM_SCM_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* Sends fd with size bytes (at least 1) in one message. */
int scm_send_fd(int sock, int fd, const void *data, size_t size, struct err *err);

/* Receives a message of up to size bytes. Returns the descriptor; ret_len may be NULL. */
int scm_receive_fd(int sock, void *data, size_t size, size_t *ret_len, struct err *err);

#endif
