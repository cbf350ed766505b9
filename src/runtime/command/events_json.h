/* events_json.h - a container's statistics in the form of runc's `events`. */
#ifndef CORTEN_RUNTIME_COMMAND_EVENTS_JSON_H
#define CORTEN_RUNTIME_COMMAND_EVENTS_JSON_H

#include "base/buf.h"
#include "kern/cgroup/account.h"

/* Appends one line: {"type":"stats","id":ID,"data":{...}}. What runc leaves out when zero is left out. */
void events_write_stats(const char *id, const struct cgroup_account *account, struct buf *out);

/* Appends one line: {"type":"oom","id":ID}. */
void events_write_oom(const char *id, struct buf *out);

#endif
