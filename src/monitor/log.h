/*
 * log.h - writes a container's output as bounded, rotated files of records (wire/logline.h).
 *
 * Purpose    `log` is the file being written; a full one becomes `log.1`, `log.1` becomes `log.2`,
 *            and the oldest goes. The files together stay below files x max_bytes (one record more
 *            when a single record is larger than a file).
 * Ownership  The log owns its descriptor and buffers; the folder's descriptor is the caller's.
 * Errors     Only opening fails. What cannot be written later (disk full) is counted in lost_bytes
 *            and told by a record of stream "corten" once writing works again.
 * Memory     A line in the making is kept until its newline, up to LOGLINE_MAX bytes a stream.
 */
#ifndef CORTEN_MONITOR_LOG_H
#define CORTEN_MONITOR_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "monitor/wire/logline.h"

struct log {
	int dirfd;
	int fd;
	uint64_t size_bytes;
	uint64_t max_bytes;
	unsigned files;
	struct buf partial[2]; /* by stream: a line without its end yet */
	struct buf out;        /* records to be written */
	uint64_t out_bytes;    /* of output that `out` stands for */
	uint64_t lost_bytes;   /* in all */
	uint64_t untold_bytes; /* not yet told in the log */
};

/* Opens `log` beneath dirfd for appending, never through a symbolic link. */
int log_open(struct log *ret_log, int dirfd, uint64_t max_bytes, unsigned files, struct err *err);

/* Takes output of LOGLINE_STDOUT or LOGLINE_STDERR read at time_ns. */
void log_write(struct log *log, enum logline_stream stream, const char *data, size_t size,
	       int64_t time_ns);

/* Writes out lines without an end, and closes. */
void log_close(struct log *log, int64_t time_ns);

#endif
