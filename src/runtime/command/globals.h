/*
 * globals.h - what the global options mean: where the state is, what is logged and where.
 *
 * Log        Errors and warnings go to --log; warnings go to standard error only without it. The file is
 *            opened for each line, so that no descriptor of the runtime's can be taken for one of the
 *            caller's (--preserve-fds); only debug lines, which the container's side writes too, hold it.
 */
#ifndef CORTEN_RUNTIME_COMMAND_GLOBALS_H
#define CORTEN_RUNTIME_COMMAND_GLOBALS_H

#include "base/log.h"
#include "runtime/command/command.h"

/* Checks the values and fills in the defaults that depend on the caller. */
int globals_check(struct command_globals *globals, struct err *err);

/* Writes a line when --log-level and --debug want it. */
void globals_log(const struct command_globals *globals, enum log_level level, const char *text);

/* The callbacks that commands hand on; the context is the globals. */
void globals_warn(void *context, const char *text);
void globals_debug(void *context, const char *text);

/* Whether the text of /proc/self/uid_map is that of a user namespace other than the host's. */
bool globals_is_user_namespace(const char *uid_map);

#endif
