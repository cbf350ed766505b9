#include "cli/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/spec/value.h"

#define NANO 1000000000LL

void text_duration(int64_t seconds, char *buf, size_t size)
{
	static const struct {
		int64_t below;
		int64_t unit;
		const char *name;
	} rows[] = {
		{60, 1, "seconds"},
		{3600, 60, "minutes"},
		{48 * 3600, 3600, "hours"},
		{14 * 86400, 86400, "days"},
		{60 * 86400, 7 * 86400, "weeks"},
		{730 * 86400, 30 * 86400, "months"},
		{INT64_MAX, 365 * 86400, "years"},
	};

	if (seconds < 1) {
		(void)snprintf(buf, size, "Less than a second");
	} else if (seconds == 1) {
		(void)snprintf(buf, size, "1 second");
	} else if (seconds >= 60 && seconds < 120) {
		(void)snprintf(buf, size, "About a minute");
	} else if (seconds >= 3600 && seconds < 5400) {
		(void)snprintf(buf, size, "About an hour");
	} else {
		size_t i = 0;
		while (seconds >= rows[i].below)
			i++;
		(void)snprintf(buf, size, "%" PRId64 " %s", seconds / rows[i].unit, rows[i].name);
	}
}

void text_size(int64_t bytes, char *buf, size_t size)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	int64_t scale = 1;
	size_t unit = 0;

	while (unit < 6 && bytes / scale >= 1000) {
		scale *= 1000;
		unit++;
	}
	double value = (double)bytes / (double)scale;
	if (unit == 0)
		(void)snprintf(buf, size, "%" PRId64 "B", bytes);
	else
		(void)snprintf(buf, size, "%.3g%s", value, units[unit]);
}

void text_time(int64_t ns, char *buf, size_t size)
{
	time_t seconds = (time_t)(ns / NANO);
	struct tm parts;

	if (ns <= 0 || gmtime_r(&seconds, &parts) == NULL) {
		(void)snprintf(buf, size, "0001-01-01T00:00:00Z");
		return;
	}
	(void)snprintf(buf, size, "%04d-%02d-%02dT%02d:%02d:%02d.%09" PRId64 "Z",
		       parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
		       parts.tm_min, parts.tm_sec, (int64_t)(ns % NANO));
}

static bool continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

static size_t count_characters(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++)
		count += !continues(*text);
	return count;
}

const char *text_ellipsis(const char *text, size_t max, struct arena *arena)
{
	size_t len = 0, kept = 0;

	if (count_characters(text) <= max)
		return text;
	while (kept < max - 1 || continues(text[len])) {
		kept += !continues(text[len]);
		len++;
	}
	char *cut = arena_alloc(arena, len + 4);
	if (cut != NULL) {
		memcpy(cut, text, len);
		memcpy(cut + len, "\xe2\x80\xa6", 4);
	}
	return cut;
}

void text_tame(char *text, size_t len, bool lines)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		unsigned char next = i + 1 < len ? (unsigned char)text[i + 1] : 0;
		if ((c < ' ' && !(lines && (c == '\n' || c == '\t'))) || c == 0x7f)
			text[i] = '?';
		else if (c == 0xc2 && next >= 0x80 && next < 0xa0)
			text[i] = text[i + 1] = '?';
	}
}

const char *text_printable(const char *text, struct arena *arena)
{
	size_t len = strlen(text);
	char *copy = arena_strndup(arena, text, len);

	if (copy != NULL)
		text_tame(copy, len, false);
	return copy;
}

#define TAB_PADDING 3
#define TAB_MIN     10

struct line {
	const char *text;
	size_t len;
	size_t tabs;
};

static size_t characters_of(const char *text, size_t len)
{
	size_t count = 0;

	for (size_t i = 0; i < len; i++)
		count += !continues(text[i]);
	return count;
}

/* The cell's bytes; at moves behind its tab. */
static size_t next_cell(const struct line *line, const char **at)
{
	const char *begin = *at, *end = line->text + line->len;
	const char *tab = memchr(begin, '\t', (size_t)(end - begin));

	*at = tab != NULL ? tab + 1 : end;
	return (size_t)((tab != NULL ? tab : end) - begin);
}

/* The width of a column in the lines from `lines` on that have it without a gap. */
static size_t column_width(const struct line *lines, size_t count, size_t column)
{
	size_t width = TAB_MIN;

	for (size_t i = 0; i < count && lines[i].tabs > column; i++) {
		const char *at = lines[i].text;
		for (size_t j = 0; j < column; j++)
			(void)next_cell(&lines[i], &at);
		const char *cell = at;
		size_t len = next_cell(&lines[i], &at);
		size_t wanted = characters_of(cell, len) + TAB_PADDING;
		width = wanted > width ? wanted : width;
	}
	return width;
}

static void write_line(const struct line *line, const size_t *widths, struct buf *out)
{
	const char *at = line->text;

	for (size_t column = 0; column <= line->tabs; column++) {
		const char *cell = at;
		size_t len = next_cell(line, &at);
		buf_add(out, cell, len);
		for (size_t i = characters_of(cell, len); column < line->tabs && i < widths[column];
		     i++)
			buf_char(out, ' ');
	}
	buf_char(out, '\n');
}

int text_tabs(const char *text, size_t len, struct buf *out, struct err *err)
{
	ARENA_AUTO(arena, SIZE_MAX);
	size_t count = 0, most = 0, used = 0;

	for (size_t i = 0; i < len; i++)
		count += text[i] == '\n';
	struct line *lines = arena_alloc(&arena, (count + 1) * sizeof(*lines));
	for (const char *at = text; lines != NULL && used < count; used++) {
		const char *end = memchr(at, '\n', (size_t)(text + len - at));
		lines[used] = (struct line){at, (size_t)(end - at), 0};
		for (; at < end; at++)
			lines[used].tabs += *at == '\t';
		most = lines[used].tabs > most ? lines[used].tabs : most;
		at = end + 1;
	}
	size_t *widths = arena_alloc(&arena, (most + 1) * sizeof(*widths));
	if (lines == NULL || widths == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "align a table");
	for (size_t i = 0; i < count; i++) {
		for (size_t column = i > 0 ? lines[i - 1].tabs : 0; column < lines[i].tabs;
		     column++)
			widths[column] = column_width(lines + i, count - i, column);
		write_line(&lines[i], widths, out);
	}
	return 0;
}

void text_when(int64_t seconds, char *buf, size_t size)
{
	time_t at = (time_t)seconds;
	struct tm parts;

	if (localtime_r(&at, &parts) == NULL ||
	    strftime(buf, size, "%Y-%m-%d %H:%M:%S %z %Z", &parts) == 0)
		(void)snprintf(buf, size, "N/A");
}

/* "2026-01-02T03:04:05.5Z", "2026-01-02T03:04:05+01:00", "2026-01-02". */
int text_parse_rfc3339(const char *text, int64_t *ret_ns)
{
	struct tm parts = {.tm_mday = 1};
	int64_t nano = 0, offset = 0;
	const char *at = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);

	if (at == NULL) {
		parts = (struct tm){.tm_mday = 1};
		at = strptime(text, "%Y-%m-%d", &parts);
	}
	if (at == NULL)
		return -EINVAL;
	if (*at == '.') {
		int64_t scale = NANO;
		for (at++; isdigit((unsigned char)*at); at++) {
			scale /= 10;
			nano += (*at - '0') * scale;
		}
	}
	if (*at == '+' || *at == '-') {
		struct tm zone = {0};
		const char *end = strptime(at + 1, "%H:%M", &zone);
		if (end == NULL)
			return -EINVAL;
		offset = (*at == '-' ? -1 : 1) * (zone.tm_hour * 3600LL + zone.tm_min * 60LL);
		at = end;
	} else if (*at == 'Z') {
		at++;
	}
	if (*at != '\0')
		return -EINVAL;
	*ret_ns = ((int64_t)timegm(&parts) - offset) * NANO + nano;
	return 0;
}

static int parse_epoch(const char *text, int64_t *ret_ns)
{
	char *end = NULL;
	int64_t nano = 0, scale = NANO;

	errno = 0;
	long long seconds = strtoll(text, &end, 10);
	if (end == text || errno != 0 || seconds < 0 || seconds > INT64_MAX / NANO - 1)
		return -EINVAL;
	if (*end == '.') {
		for (end++; isdigit((unsigned char)*end); end++) {
			scale /= 10;
			nano += (*end - '0') * scale;
		}
	}
	*ret_ns = seconds * NANO + nano;
	return *end == '\0' ? 0 : -EINVAL;
}

int text_parse_time(const char *text, int64_t now_ns, int64_t *ret_ns, struct err *err)
{
	struct err ignored;
	int64_t back = 0;

	if (parse_epoch(text, ret_ns) == 0 || text_parse_rfc3339(text, ret_ns) == 0)
		return 0;
	if (value_parse_duration(text, &back, &ignored) < 0)
		return err_set(err, ERR_INVALID, 0,
			       "'%s' is no time: 2026-01-02T15:04:05Z, 10m, or seconds since 1970",
			       text);
	*ret_ns = now_ns - back;
	return 0;
}
