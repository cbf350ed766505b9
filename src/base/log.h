/*
 * log.h - a program's log lines; libraries never log.
 *
 * Purpose    Lines as runc writes them, which engines parse: text
 *            `time="2026-01-02T03:04:05Z" level=error msg="..."` or JSON with level, msg and time.
 * Ownership  The descriptor is the caller's.
 * Errors     Swallowed: there is nowhere left to report them. A line is one write(2), cut at
 *            LOG_LINE_MAX bytes of message.
 */
#ifndef CORTEN_BASE_LOG_H
#define CORTEN_BASE_LOG_H

#include "base/err.h"

#define LOG_LINE_MAX 8192

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

enum log_format {
	LOG_FORMAT_TEXT,
	LOG_FORMAT_JSON,
};

struct log {
	int fd;
	enum log_format format;
	enum log_level level; /* lines above it are dropped */
};

void log_write(const struct log *log, enum log_level level, const char *fmt, ...) PRINTF(3, 4);

/* The error's whole chain as one line of level error. */
void log_error(const struct log *log, const struct err *err);

/* "text" or "json"; 0, or ERR_INVALID. */
int log_format_parse(const char *name, enum log_format *ret_format, struct err *err);

#endif
