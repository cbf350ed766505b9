#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#ifdef __clang_analyzer__
#undef err_set
#undef err_errno
#undef err_wrap
#endif

/* Appends one NUL-terminated frame; a root cause is cut to fit, an outer frame is dropped instead. */
PRINTF(3, 0)
static void err_append(struct err *err, bool root, const char *fmt, va_list args)
{
	size_t room = sizeof(err->text) - err->used;
	int len = room == 0 ? 0 : vsnprintf(err->text + err->used, room, fmt, args);

	if (len < 0 || room == 0)
		return;
	if ((size_t)len >= room) {
		err->cut = true;
		if (!root) {
			err->text[err->used] = '\0';
			return;
		}
		len = (int)room - 1;
	}
	err->used = (uint16_t)(err->used + len + 1);
}

int err_set(struct err *err, enum err_kind kind, int sys, const char *fmt, ...)
{
	va_list args;

	err->kind = kind;
	err->sys = sys;
	err->cut = false;
	err->used = 0;
	va_start(args, fmt);
	err_append(err, true, fmt, args);
	va_end(args);
	return sys > 0 ? -sys : -EIO;
}

int err_errno(struct err *err, const char *fmt, ...)
{
	int sys = errno;
	va_list args;

	err->kind = err_kind_of(sys);
	err->sys = sys;
	err->cut = false;
	err->used = 0;
	va_start(args, fmt);
	err_append(err, true, fmt, args);
	va_end(args);
	return sys > 0 ? -sys : -EIO;
}

int err_wrap(struct err *err, int rc, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	err_append(err, false, fmt, args);
	va_end(args);
	return rc;
}

enum err_kind err_kind_of(int sys)
{
	switch (sys) {
	case 0:
		return ERR_NONE;
	case EINVAL:
	case ENAMETOOLONG:
	case E2BIG:
	case ERANGE:
		return ERR_INVALID;
	case ENOENT:
	case ESRCH:
		return ERR_NOT_FOUND;
	case EEXIST:
	case EBUSY:
		return ERR_CONFLICT;
	case EPERM:
	case EACCES:
	case EROFS:
		return ERR_DENIED;
	case ENOSYS:
	case EOPNOTSUPP:
		return ERR_UNSUPPORTED;
	default:
		return ERR_SYSTEM;
	}
}

const char *err_format(const struct err *err, char *buf, size_t size)
{
	size_t at = 0;
	size_t end = err->used;

	if (size == 0)
		return buf;
	buf[0] = '\0';
	/* Frames lie root first; walk them backwards. text[end - 1] is the NUL of the last one. */
	while (end > 0 && at < size) {
		size_t start = end - 1;
		while (start > 0 && err->text[start - 1] != '\0')
			start--;
		int len = snprintf(buf + at, size - at, "%s%s", at > 0 ? ": " : "",
				   err->text + start);
		at += len > 0 ? (size_t)len : 0;
		end = start;
	}
	if (err->sys > 0 && at < size)
		(void)snprintf(buf + at, size - at, "%s%s", at > 0 ? ": " : "", strerror(err->sys));
	return buf;
}

/*
 * What a hostile process says is shown on somebody's terminal: nothing of it may be an order to that, neither
 * as one byte nor as the two of UTF-8's C1. NULs part the frames.
 */
static void err_make_printable(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		unsigned char next = i + 1 < len ? (unsigned char)text[i + 1] : 0;
		if (c == '\n' || c == '\t')
			text[i] = ' ';
		else if ((c < ' ' && c != '\0') || c == 0x7f)
			text[i] = '?';
		else if (c == 0xc2 && next >= 0x80 && next < 0xa0)
			text[i] = text[i + 1] = '?';
	}
}

void err_sanitize(struct err *err)
{
	if (err->kind < ERR_NONE || err->kind > ERR_SYSTEM)
		err->kind = ERR_SYSTEM;
	if (err->used > sizeof(err->text))
		err->used = sizeof(err->text);
	if (err->used > 0)
		err->text[err->used - 1] = '\0';
	err_make_printable(err->text, err->used);
	if (err->sys < 0 || err->sys > 4095)
		err->sys = 0;
}
