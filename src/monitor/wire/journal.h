/*
 * journal.h - a container's life as a file of records that is only appended to.
 *
 * Purpose    The monitor and the engine append; the engine folds the records into its database.
 * Format     One record a line: eight hex digits of the CRC-32C of what follows the blank, a blank,
 *            a JSON object, a newline. A line that is torn or does not match its checksum is
 *            skipped and counted. Unknown members and unknown types are kept out of the way of
 *            older readers: an unknown type is skipped and counted too.
 * Ownership  Strings of a parsed record live in the caller's arena.
 * Units      Times are nanoseconds since the epoch (CLOCK_REALTIME).
 * Errors     Only file access fails; bad content is counted.
 */
#ifndef CORTEN_MONITOR_WIRE_JOURNAL_H
#define CORTEN_MONITOR_WIRE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

#define JOURNAL_RECORD_MAX 4096              /* bytes of one line */
#define JOURNAL_FILE_MAX   (4 * 1024 * 1024) /* what a reader accepts */

enum journal_type {
	JOURNAL_NONE,    /* never in a file */
	JOURNAL_CREATED, /* "created": by the engine */
	JOURNAL_STARTED, /* "started": pid, pid_start_ticks, boot_id */
	JOURNAL_FAILED,  /* "failed": the start failed: exit_code, message */
	JOURNAL_EXITED,  /* "exited": exit_code, signal, oom, log_lost_bytes */
	JOURNAL_REMOVED, /* "removed": by the engine */
	JOURNAL_RESTARTED /* "restarted": by the engine, before it starts a monitor again: restarts */
};

struct journal_record {
	int type; /* enum journal_type */
	int64_t time_ns;
	int32_t pid;              /* of the container's init, in the host's PID namespace */
	uint64_t pid_start_ticks; /* field 22 of /proc/PID/stat: tells a reused pid */
	const char *boot_id; /* /proc/sys/kernel/random/boot_id; another: the machine rebooted */
	int32_t exit_code;   /* 0 to 255; 128 + signal when killed */
	int32_t signal;      /* that killed it, 0 when it exited */
	bool oom;            /* the kernel's OOM killer struck in the container's cgroup */
	uint64_t log_lost_bytes; /* output that could not be logged (disk full) */
	uint32_t restarts;
	const char *message; /* of a failed start */
};

/* Appends one line to out, its checksum included; a message too long for a record is cut. */
void journal_encode(const struct journal_record *record, struct buf *out);

/*
 * Appends a record to `name` beneath dirfd with one write, made (mode 0600) when absent; begins a
 * new line first when the last one is torn. sync: survive a power cut.
 */
int journal_append_at(int dirfd, const char *name, const struct journal_record *record, bool sync,
		      struct err *err);

struct journal_reader {
	const char *text;
	size_t len;
	size_t at;
	size_t skipped; /* lines that were torn, damaged or of an unknown type */
};

/* 1: *ret_record is the next record. 0: no more. text, len and a zeroed rest start a reader. */
int journal_next(struct journal_reader *reader, struct arena *arena,
		 struct journal_record *ret_record);

#endif
