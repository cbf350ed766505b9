#include "base/buf.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_done(struct buf *buf)
{
	free(buf->data);
	buf->data = NULL;
	buf->len = 0;
	buf->cap = 0;
}

char *buf_reserve(struct buf *buf, size_t size)
{
	if (buf->failed || size > buf->max || buf->len > buf->max - size) {
		buf->failed = true;
		return NULL;
	}
	size_t need = buf->len + size + 1;
	if (need > buf->cap) {
		size_t cap = buf->cap == 0 ? 256 : buf->cap;
		while (cap < need)
			cap *= 2;
		char *data = realloc(buf->data, cap);
		if (data == NULL) {
			buf->failed = true;
			return NULL;
		}
		buf->data = data;
		buf->cap = cap;
	}
	return buf->data + buf->len;
}

void buf_add(struct buf *buf, const void *data, size_t size)
{
	char *at = buf_reserve(buf, size);

	if (at == NULL)
		return;
	if (size > 0)
		memcpy(at, data, size);
	buf->len += size;
	buf->data[buf->len] = '\0';
}

void buf_str(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void buf_char(struct buf *buf, char c)
{
	buf_add(buf, &c, 1);
}

void buf_vfmt(struct buf *buf, const char *fmt, va_list args)
{
	va_list again;

	va_copy(again, args);
	int len = vsnprintf(NULL, 0, fmt, args);
	if (len < 0) {
		buf->failed = true;
	} else {
		char *at = buf_reserve(buf, (size_t)len);
		if (at != NULL) {
			(void)vsnprintf(at, (size_t)len + 1, fmt, again);
			buf->len += (size_t)len;
		}
	}
	va_end(again);
}

void buf_fmt(struct buf *buf, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	buf_vfmt(buf, fmt, args);
	va_end(args);
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
	buf->failed = false;
	if (buf->data != NULL)
		buf->data[0] = '\0';
}

int buf_check(const struct buf *buf, const char *what, struct err *err)
{
	if (!buf->failed)
		return 0;
	return err_set(err, ERR_INVALID, EFBIG, "%s: larger than the %zu bytes allowed", what,
		       buf->max);
}

char *buf_take(struct buf *buf)
{
	char *data = buf->failed ? NULL : buf->data;

	if (data == NULL)
		buf_done(buf);
	buf->data = NULL;
	buf->len = 0;
	buf->cap = 0;
	return data;
}
