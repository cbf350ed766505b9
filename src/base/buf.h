/*
 * buf.h - a growing byte buffer with a maximum.
 *
 * Ownership  buf_done() frees; a zeroed struct with `max` set is a valid empty buffer. BUF_AUTO
 *            declares one that frees itself. buf_take() hands the bytes out, to be freed by free().
 * Errors     Growth past max or out of memory sets `failed`: appends do nothing from then on, and
 *            buf_check() reports it once. data is always NUL-terminated when it is not NULL.
 */
#ifndef CORTEN_BASE_BUF_H
#define CORTEN_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct buf {
	char *data;
	size_t len;
	size_t cap;
	size_t max; /* bytes of content allowed */
	bool failed;
};

#define BUF_INIT(max_bytes) ((struct buf){.max = (max_bytes)})
#define BUF_AUTO(name, max_bytes) \
	__attribute__((cleanup(buf_done))) struct buf name = BUF_INIT(max_bytes)

void buf_done(struct buf *buf);
void buf_add(struct buf *buf, const void *data, size_t size);
void buf_str(struct buf *buf, const char *text);
void buf_char(struct buf *buf, char c);
void buf_fmt(struct buf *buf, const char *fmt, ...) PRINTF(2, 3);
void buf_vfmt(struct buf *buf, const char *fmt, va_list args) PRINTF(2, 0);
void buf_clear(struct buf *buf); /* empties it and keeps the memory */

/* Makes room for size more bytes; returns where to write, or NULL. The caller adds to len. */
char *buf_reserve(struct buf *buf, size_t size);

/* 0, or ERR_INVALID (over max) naming `what`. */
int buf_check(const struct buf *buf, const char *what, struct err *err);

/* Hands out the bytes; NULL when failed or empty. */
char *buf_take(struct buf *buf);

#endif
