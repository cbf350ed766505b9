#include "monitor/wire/logline.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define NS_PER_S 1000000000LL

static const char *const stream_names[] = {"stdout", "stderr", "corten"};

/* Length of the UTF-8 sequence at the start of text, 0 when it is none (RFC 3629, table 3-7 of Unicode). */
static size_t utf8_sequence(const uint8_t *text, size_t size)
{
	size_t len = text[0] < 0x80   ? 1
		     : text[0] < 0xc2 ? 0
		     : text[0] < 0xe0 ? 2
		     : text[0] < 0xf0 ? 3
		     : text[0] < 0xf5 ? 4
				      : 0;

	if (len == 0 || len > size)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
	    (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
		return 0;
	return len;
}

static void encode_special(uint8_t c, struct buf *out)
{
	switch (c) {
	case '\n':
		buf_str(out, "\\n");
		break;
	case '\r':
		buf_str(out, "\\r");
		break;
	case '\t':
		buf_str(out, "\\t");
		break;
	case '"':
		buf_str(out, "\\\"");
		break;
	case '\\':
		buf_str(out, "\\\\");
		break;
	default: {
		static const char hex[] = "0123456789abcdef";
		/* No printf: output may be nothing but such bytes. */
		const char escape[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
		buf_add(out, escape, sizeof(escape));
		break;
	}
	}
}

static void encode_text(const uint8_t *text, size_t size, struct buf *out)
{
	size_t from = 0, at = 0;

	/* What needs no change is copied in runs. */
	while (at < size) {
		uint8_t c = text[at];
		size_t len = c >= 0x80 ? utf8_sequence(text + at, size - at) : 1;
		if (len > 1 || (len == 1 && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)) {
			at += len;
			continue;
		}
		buf_add(out, text + from, at - from);
		if (len == 0)
			buf_str(out, "\xef\xbf\xbd");
		else
			encode_special(c, out);
		at++;
		from = at;
	}
	buf_add(out, text + from, size - from);
}

void logline_encode(const struct logline *line, const char *text, size_t size, struct buf *out)
{
	char time[LOGLINE_TIME_SIZE];

	logline_time_format(line->time_ns, time);
	buf_str(out, "{\"log\":\"");
	encode_text((const uint8_t *)text, size, out);
	buf_str(out, "\",\"stream\":\"");
	buf_str(out, stream_names[line->stream]);
	buf_str(out, "\",\"time\":\"");
	buf_str(out, time);
	buf_str(out, "\"}\n");
}

struct cursor {
	const char *at;
	const char *end;
};

static void skip_blanks(struct cursor *in)
{
	while (in->at < in->end &&
	       (*in->at == ' ' || *in->at == '\t' || *in->at == '\r' || *in->at == '\n'))
		in->at++;
}

static bool take_char(struct cursor *in, char c)
{
	skip_blanks(in);
	if (in->at == in->end || *in->at != c)
		return false;
	in->at++;
	return true;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool take_hex4(struct cursor *in, uint32_t *ret_code)
{
	uint32_t code = 0;

	if (in->end - in->at < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		int digit = hex_value(in->at[i]);
		if (digit < 0)
			return false;
		code = code << 4 | (uint32_t)digit;
	}
	in->at += 4;
	*ret_code = code;
	return true;
}

static void add_utf8(uint32_t code, struct buf *out)
{
	if (code < 0x80) {
		buf_char(out, (char)code);
		return;
	}
	if (code < 0x800) {
		buf_char(out, (char)(0xc0 | code >> 6));
	} else {
		if (code < 0x10000) {
			buf_char(out, (char)(0xe0 | code >> 12));
		} else {
			buf_char(out, (char)(0xf0 | code >> 18));
			buf_char(out, (char)(0x80 | (code >> 12 & 0x3f)));
		}
		buf_char(out, (char)(0x80 | (code >> 6 & 0x3f)));
	}
	buf_char(out, (char)(0x80 | (code & 0x3f)));
}

/* After \u: a surrogate without its other half becomes U+FFFD. */
static bool take_unicode(struct cursor *in, struct buf *out)
{
	uint32_t code, low;

	if (!take_hex4(in, &code))
		return false;
	if (code >= 0xd800 && code < 0xdc00) {
		struct cursor after = *in;
		if (after.end - after.at >= 6 && after.at[0] == '\\' && after.at[1] == 'u') {
			after.at += 2;
			if (take_hex4(&after, &low) && low >= 0xdc00 && low < 0xe000) {
				*in = after;
				add_utf8(0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00), out);
				return true;
			}
		}
	}
	add_utf8(code >= 0xd800 && code < 0xe000 ? 0xfffd : code, out);
	return true;
}

static bool take_escape(struct cursor *in, struct buf *out)
{
	static const char names[] = "\"\\/bfnrt";
	static const char values[] = "\"\\/\b\f\n\r\t";

	if (in->at == in->end)
		return false;
	char c = *in->at++;
	if (c == 'u')
		return take_unicode(in, out);
	const char *name = c == '\0' ? NULL : strchr(names, c);
	if (name == NULL)
		return false;
	buf_char(out, values[name - names]);
	return true;
}

static bool take_string(struct cursor *in, struct buf *out)
{
	if (!take_char(in, '"'))
		return false;
	for (;;) {
		const char *from = in->at;
		while (in->at < in->end && *in->at != '"' && *in->at != '\\' &&
		       (uint8_t)*in->at >= 0x20)
			in->at++;
		buf_add(out, from, (size_t)(in->at - from));
		if (in->at == in->end)
			return false;
		char c = *in->at++;
		if (c == '"')
			return true;
		if (c != '\\' || !take_escape(in, out))
			return false;
	}
}

static bool take_stream(const struct buf *value, struct logline *line)
{
	for (size_t i = 0; i < sizeof(stream_names) / sizeof(stream_names[0]); i++) {
		if (value->len == strlen(stream_names[i]) &&
		    memcmp(value->data, stream_names[i], value->len) == 0) {
			line->stream = (enum logline_stream)i;
			return true;
		}
	}
	return false;
}

enum { SEEN_LOG = 1, SEEN_STREAM = 2, SEEN_TIME = 4, SEEN_ALL = 7 };

/* One member. Returns which one it was, 0 for one of another writer, negative when malformed. */
static int take_member(struct cursor *in, struct logline *line, struct buf *out)
{
	BUF_AUTO(name, 64);
	BUF_AUTO(value, 4096);

	if (!take_string(in, &name) || name.failed || !take_char(in, ':'))
		return -1;
	if (name.len == 3 && memcmp(name.data, "log", 3) == 0)
		return take_string(in, out) ? SEEN_LOG : -1;
	if (!take_string(in, &value) || value.failed)
		return -1;
	if (name.len == 6 && memcmp(name.data, "stream", 6) == 0)
		return take_stream(&value, line) ? SEEN_STREAM : -1;
	if (name.len == 4 && memcmp(name.data, "time", 4) == 0)
		return logline_time_parse(value.data, value.len, &line->time_ns) == 0 ? SEEN_TIME
										      : -1;
	return 0;
}

int logline_decode(const char *record, size_t size, struct logline *ret_line, struct buf *out,
		   struct err *err)
{
	struct cursor in = {.at = record, .end = record + size};
	int seen = 0;
	bool more = take_char(&in, '{');

	while (more) {
		int member = take_member(&in, ret_line, out);
		if (member < 0 || (seen & member) != 0)
			break;
		seen |= member;
		more = take_char(&in, ',');
	}
	bool ended = !more && seen == SEEN_ALL && take_char(&in, '}');
	skip_blanks(&in);
	if (!ended || in.at != in.end)
		return err_set(err, ERR_INVALID, EBADMSG, "log record: damaged at byte %td",
			       in.at - record);
	return buf_check(out, "log record", err);
}

/* Days since 1970-01-01 of a date of the Gregorian calendar, counted from March to put the leap day last. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t era = y / 400, of_era = y % 400;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void logline_time_format(int64_t time_ns, char *out)
{
	if (time_ns < 0)
		time_ns = 0;
	int64_t seconds = time_ns / NS_PER_S, days = seconds / 86400 + 719468;
	int64_t era = days / 146097, doe = days % 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153, month = mp < 10 ? mp + 3 : mp - 9;
	int64_t of_day = seconds % 86400;

	const struct {
		int64_t value;
		int digits;
		char after;
	} parts[] = {
		{yoe + era * 400 + (month <= 2), 4, '-'},
		{month, 2, '-'},
		{doy - (153 * mp + 2) / 5 + 1, 2, 'T'},
		{of_day / 3600, 2, ':'},
		{of_day / 60 % 60, 2, ':'},
		{of_day % 60, 2, '.'},
		{time_ns % NS_PER_S, 9, 'Z'},
	};
	/* Without printf: this runs for every line of output. */
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		int64_t value = parts[i].value;
		for (int digit = parts[i].digits - 1; digit >= 0; digit--, value /= 10)
			out[digit] = (char)('0' + value % 10);
		out[parts[i].digits] = parts[i].after;
		out += parts[i].digits + 1;
	}
	*out = '\0';
}

/* Reads count digits at *at; negative when they are none. */
static int64_t take_digits(struct cursor *in, int count)
{
	int64_t value = 0;

	if (in->end - in->at < count)
		return -1;
	for (int i = 0; i < count; i++, in->at++) {
		if (*in->at < '0' || *in->at > '9')
			return -1;
		value = value * 10 + (*in->at - '0');
	}
	return value;
}

/* ".123" as nanoseconds, with up to nine digits. */
static int64_t take_fraction(struct cursor *in)
{
	int64_t value = 0, scale = NS_PER_S;

	if (in->at == in->end || *in->at != '.')
		return 0;
	in->at++;
	while (scale > 1 && in->at < in->end && *in->at >= '0' && *in->at <= '9') {
		scale /= 10;
		value += (*in->at++ - '0') * scale;
	}
	return scale == NS_PER_S ? -1 : value;
}

int logline_time_parse(const char *text, size_t size, int64_t *ret_time_ns)
{
	static const struct {
		int digits;
		int low, high;
		char after;
	} parts[] = {{4, 1970, 2261, '-'}, {2, 1, 12, '-'}, {2, 1, 31, 'T'},
		     {2, 0, 23, ':'},      {2, 0, 59, ':'}, {2, 0, 60, '\0'}};
	struct cursor in = {.at = text, .end = text + size};
	int64_t v[6];

	for (size_t i = 0; i < 6; i++) {
		v[i] = take_digits(&in, parts[i].digits);
		if (v[i] < parts[i].low || v[i] > parts[i].high)
			return -EINVAL;
		if (parts[i].after != '\0' && (in.at == in.end || *in.at++ != parts[i].after))
			return -EINVAL;
	}
	int64_t fraction = take_fraction(&in);
	if (fraction < 0 || in.end - in.at != 1 || *in.at != 'Z')
		return -EINVAL;
	*ret_time_ns = (days_from_date(v[0], v[1], v[2]) * 86400 + v[3] * 3600 + v[4] * 60 + v[5]) *
			       NS_PER_S +
		       fraction;
	return 0;
}
