#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/json.h"

/* Escapes make a character at most six bytes long. */
#define LINE_BYTES (6 * LOG_LINE_MAX + 256)

static const char *const level_names[] = {"error", "warning", "info", "debug"};

static const char *const format_names[] = {"text", "json"};

/* As Go's %q: what a terminal or a parser would stumble over is escaped. */
static void add_quoted(struct buf *out, const char *text)
{
	buf_char(out, '"');
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == '"' || c == '\\')
			buf_fmt(out, "\\%c", c);
		else if (c == '\n')
			buf_str(out, "\\n");
		else if (c == '\t')
			buf_str(out, "\\t");
		else if (c < 0x20 || c == 0x7f)
			buf_fmt(out, "\\x%02x", c);
		else
			buf_char(out, *text);
	}
	buf_char(out, '"');
}

static void format_time(char *out, size_t size)
{
	struct timespec now;
	struct tm utc;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &utc) == NULL ||
	    strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
		out[0] = '\0';
}

static void write_line(const struct log *log, enum log_level level, const char *message)
{
	char time[32];
	BUF_AUTO(line, LINE_BYTES);

	format_time(time, sizeof(time));
	if (log->format == LOG_FORMAT_JSON) {
		buf_fmt(&line, "{\"level\":\"%s\",\"msg\":", level_names[level]);
		json_write_string(&line, message);
		buf_fmt(&line, ",\"time\":\"%s\"}\n", time);
	} else {
		buf_fmt(&line, "time=\"%s\" level=%s msg=", time, level_names[level]);
		add_quoted(&line, message);
		buf_char(&line, '\n');
	}
	if (!line.failed)
		(void)fd_write_all(log->fd, line.data, line.len);
}

void log_write(const struct log *log, enum log_level level, const char *fmt, ...)
{
	char message[LOG_LINE_MAX];
	va_list args;

	if (level > log->level)
		return;
	va_start(args, fmt);
	int len = vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	if (len >= 0)
		write_line(log, level, message);
}

void log_error(const struct log *log, const struct err *err)
{
	char message[sizeof(err->text) + 256];

	write_line(log, LOG_LEVEL_ERROR, err_format(err, message, sizeof(message)));
}

int log_format_parse(const char *name, enum log_format *ret_format, struct err *err)
{
	for (int i = 0; i < 2; i++) {
		if (strcmp(name, format_names[i]) == 0) {
			*ret_format = (enum log_format)i;
			return 0;
		}
	}
	return err_set(err, ERR_INVALID, 0, "unknown log format \"%.64s\"; text and json are known",
		       name);
}
