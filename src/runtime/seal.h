/*
 * seal.h - programs in sealed memory, which no container can write to.
 *
 * The kernel shows a process's program as /proc/PID/exe; a container that gets hold of it could
 * overwrite the host's file (CVE-2019-5736). What enters a container runs from here instead.
 */
#ifndef CORTEN_RUNTIME_SEAL_H
#define CORTEN_RUNTIME_SEAL_H

#include <stddef.h>

#include "base/err.h"

/* A read-only, executable memfd with the bytes given. Returns the descriptor; the caller closes it. */
int seal_program(const char *name, const void *data, size_t size, struct err *err);

/* The embedded stage, sealed. */
int seal_stage(struct err *err);

/*
 * Makes the process undumpable: others then need CAP_SYS_PTRACE in the host's user namespace to
 * trace it or to open its /proc entries, whichever user namespace it is about to join. What is
 * born of it is hidden too, until it executes another program.
 */
int seal_hide(struct err *err);

/*
 * The same where the user is root. Others' entries of /proc would become root's, /proc/PID/uid_map of a
 * child among them: they hide when nothing has to be written there any more.
 */
int seal_hide_root(struct err *err);

/*
 * Executes the running program again from sealed memory, with the same arguments and environment,
 * unless that already happened. Returns 0 when it did, negative on failure.
 */
int seal_self(char *const argv[], char *const envp[], struct err *err);

#endif
