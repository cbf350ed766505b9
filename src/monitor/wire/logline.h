/*
 * logline.h - one record of a container's log, as Docker's json-file driver writes it:
 *
 *     {"log":"text\n","stream":"stdout","time":"2026-01-02T03:04:05.123456789Z"}
 *
 * Purpose    The monitor writes these lines; `corten logs` and log shippers read them.
 * Format     One record a line of output, newline included, up to LOGLINE_MAX bytes of output; a
 *            longer line becomes several records, of which all but the last lack the "\n" at the
 *            end of "log" (that is the partial marker; readers just concatenate). Bytes that are not
 *            UTF-8 become U+FFFD; NUL is kept as \u0000. "stream" is stdout or stderr; a third,
 *            "corten", carries the monitor's own remarks (lost bytes).
 * Units      Nanoseconds since the epoch.
 */
#ifndef CORTEN_MONITOR_WIRE_LOGLINE_H
#define CORTEN_MONITOR_WIRE_LOGLINE_H

#include <stdint.h>

#include "base/buf.h"

#define LOGLINE_MAX         262144 /* bytes of output in one record */
#define LOGLINE_ENCODED_MAX (6 * LOGLINE_MAX + 128)

enum logline_stream { LOGLINE_STDOUT, LOGLINE_STDERR, LOGLINE_CORTEN };

struct logline {
	enum logline_stream stream;
	int64_t time_ns;
};

/* Appends one record with its newline. size is at most LOGLINE_MAX. */
void logline_encode(const struct logline *line, const char *text, size_t size, struct buf *out);

/*
 * Reads one record (without or with its newline): appends the output it carries, NULs included, to
 * out. ERR_INVALID when it is none; a torn last record of a file is thus told.
 */
int logline_decode(const char *record, size_t size, struct logline *ret_line, struct buf *out,
		   struct err *err);

/* RFC 3339 with nine digits and Z. */
#define LOGLINE_TIME_SIZE 40
void logline_time_format(int64_t time_ns, char *out);
int logline_time_parse(const char *text, size_t size, int64_t *ret_time_ns);

#endif
