/*
 * text.h - times, sizes and tables for people.
 *
 * Ownership  Results of functions that take an arena live in it; NULL when it is full.
 */
#ifndef CORTEN_CLI_TEXT_H
#define CORTEN_CLI_TEXT_H

#include "base/json.h"

/* "5 seconds", "About a minute", "3 weeks": as Docker says it. */
void text_duration(int64_t seconds, char *buf, size_t size);

/* "1.23GB": powers of 1000, three digits. */
void text_size(int64_t bytes, char *buf, size_t size);

/* RFC 3339 in UTC, nanoseconds and all; "0001-01-01T00:00:00Z" for 0. */
void text_time(int64_t ns, char *buf, size_t size);

/* Cut to `max` characters, the last of them an ellipsis. Never inside a UTF-8 sequence. */
const char *text_ellipsis(const char *text, size_t max, struct arena *arena);

/*
 * Takes from text what would command a terminal: control characters, U+0080 to U+009F among them. lines: line
 * breaks and tabs stay.
 */
void text_tame(char *text, size_t len, bool lines);

/* Text without control characters, which could command a terminal: they become '?'. */
const char *text_printable(const char *text, struct arena *arena);

/*
 * Lines of cells that tabs end, aligned as Go's tabwriter does for Docker: a column is as wide as its widest cell
 * and three spaces, or ten characters. What follows a line's last tab belongs to no column.
 */
int text_tabs(const char *text, size_t len, struct buf *out, struct err *err);

/* "2026-01-02 15:04:05 +0000 UTC", in the local time zone, as Go prints a time. */
void text_when(int64_t seconds, char *buf, size_t size);

/* RFC 3339, as documents have it; -EINVAL for anything else. */
int text_parse_rfc3339(const char *text, int64_t *ret_ns);

/*
 * `10m`, an RFC 3339 time, or seconds since the epoch (with a fraction), as --since takes it: a duration
 * counts back from now.
 */
int text_parse_time(const char *text, int64_t now_ns, int64_t *ret_ns, struct err *err);

#endif
