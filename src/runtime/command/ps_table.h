/* ps_table.h - the lines of ps(1) that belong to a container. */
#ifndef CORTEN_RUNTIME_COMMAND_PS_TABLE_H
#define CORTEN_RUNTIME_COMMAND_PS_TABLE_H

#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Appends the heading of ps's output and the lines whose column PID names one of pids. ERR_INVALID when
 * there is no such column, or a line has no number there.
 */
int ps_table_filter(const char *text, const pid_t *pids, size_t count, struct buf *out,
		    struct err *err);

#endif
