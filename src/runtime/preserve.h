/* preserve.h - descriptors that the caller passes on to a payload. */
#ifndef CORTEN_RUNTIME_PRESERVE_H
#define CORTEN_RUNTIME_PRESERVE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define PRESERVE_FDS_MAX 1024

/*
 * Verifies that 3 to 3 + count - 1 are open. Called before anything else is opened: a gap would be
 * filled by one of the runtime's own, and that would leak into the payload.
 */
int preserve_check(uint32_t count, struct err *err);

/*
 * How many of the descriptors from 3 on a service manager passed to this process (sd_listen_fds(3)): what
 * LISTEN_FDS says when LISTEN_PID is `pid`, else 0. They come before those of --preserve-fds.
 */
int preserve_count_listeners(const char *listen_pid, const char *listen_fds, pid_t pid,
			     uint32_t *ret_count, struct err *err);

#endif
