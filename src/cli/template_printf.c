/* Go's Sprintf, in the verbs that mean something for a document's values. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/template_internal.h"

#define TEXT_MAX  (16 << 20)
#define WIDTH_MAX 1000

struct verb {
	bool minus, plus, zero, sharp, space;
	int width;     /* 0: none */
	int precision; /* -1: none */
	char letter;
};

/* Reads what stands behind a '%'; returns its length, 0 when the text ends inside it. */
static size_t read_verb(const char *at, const char *end, struct verb *verb)
{
	const char *begin = at;

	*verb = (struct verb){.precision = -1};
	for (; at < end && *at != '\0' && strchr("-+0# ", *at) != NULL; at++) {
		verb->minus |= *at == '-';
		verb->plus |= *at == '+';
		verb->zero |= *at == '0';
		verb->sharp |= *at == '#';
		verb->space |= *at == ' ';
	}
	for (; at < end && *at >= '0' && *at <= '9'; at++)
		verb->width = verb->width < WIDTH_MAX ? verb->width * 10 + (*at - '0') : WIDTH_MAX;
	if (at < end && *at == '.') {
		verb->precision = 0;
		for (at++; at < end && *at >= '0' && *at <= '9'; at++)
			verb->precision = verb->precision < WIDTH_MAX
						  ? verb->precision * 10 + (*at - '0')
						  : WIDTH_MAX;
	}
	verb->width = verb->width > WIDTH_MAX ? WIDTH_MAX : verb->width;
	verb->precision = verb->precision > WIDTH_MAX ? WIDTH_MAX : verb->precision;
	if (at == end)
		return 0;
	verb->letter = *at;
	return (size_t)(at + 1 - begin);
}

static size_t characters(const char *text, size_t len)
{
	size_t count = 0;

	for (size_t i = 0; i < len; i++)
		count += ((unsigned char)text[i] & 0xc0) != 0x80;
	return count;
}

static void add_padded(const struct verb *verb, const char *text, size_t len, struct buf *out)
{
	size_t have = characters(text, len), width = (size_t)verb->width;

	for (size_t i = have; !verb->minus && i < width; i++)
		buf_char(out, ' ');
	buf_add(out, text, len);
	for (size_t i = have; verb->minus && i < width; i++)
		buf_char(out, ' ');
}

/* What Go prints where the verb does not fit: `%!d(string=x)`. */
static void add_misfit(const struct verb *verb, const struct data *data, struct buf *out)
{
	buf_fmt(out, "%%!%c(%s=", verb->letter, data_kind_name(data));
	data_print(data, out);
	buf_char(out, ')');
}

static void add_integer(const struct verb *verb, int64_t value, struct buf *out)
{
	char digits[80];
	uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	const char *sign = value < 0 ? "-" : verb->plus ? "+" : verb->space ? " " : "";
	int len = 0;

	if (verb->letter == 'x')
		len = snprintf(digits, sizeof(digits), "%" PRIx64, magnitude);
	else if (verb->letter == 'X')
		len = snprintf(digits, sizeof(digits), "%" PRIX64, magnitude);
	else if (verb->letter == 'o')
		len = snprintf(digits, sizeof(digits), "%" PRIo64, magnitude);
	else
		len = snprintf(digits, sizeof(digits), "%" PRIu64, magnitude);
	BUF_AUTO(text, WIDTH_MAX * 2);
	buf_str(&text, sign);
	for (int i = len + (int)strlen(sign); verb->zero && !verb->minus && i < verb->width; i++)
		buf_char(&text, '0');
	buf_add(&text, digits, (size_t)len);
	if (!text.failed)
		add_padded(verb, text.data, text.len, out);
}

static void add_real(const struct verb *verb, const struct data *data, struct buf *out)
{
	double value = strtod(data->text.text, NULL);
	int precision = verb->precision >= 0 ? verb->precision : 6;
	char text[2048];
	int len = 0;

	if (verb->letter == 'g' && verb->precision < 0) {
		add_padded(verb, data->text.text, data->text.len, out);
		return;
	}
	if (verb->letter == 'e')
		len = snprintf(text, sizeof(text), "%.*e", precision, value);
	else if (verb->letter == 'g')
		len = snprintf(text, sizeof(text), "%.*g", precision, value);
	else
		len = snprintf(text, sizeof(text), "%.*f", precision, value);
	if (len > 0 && (size_t)len < sizeof(text))
		add_padded(verb, text, (size_t)len, out);
}

/* %x of text: its bytes. */
static void add_hex(const struct verb *verb, const struct json_text *text, struct buf *out)
{
	BUF_AUTO(hex, TEXT_MAX);

	for (size_t i = 0; i < text->len; i++)
		buf_fmt(&hex, verb->letter == 'x' ? "%02x" : "%02X", (unsigned char)text->text[i]);
	if (hex.failed)
		out->failed = true;
	else
		add_padded(verb, hex.data != NULL ? hex.data : "", hex.len, out);
}

static void add_any(const struct verb *verb, const struct data *data, bool quoted, struct buf *out)
{
	BUF_AUTO(text, TEXT_MAX);

	if (quoted && data->kind == DATA_TEXT)
		json_write_string(&text, data->text.text);
	else
		data_print(data, &text);
	if (text.failed) {
		out->failed = true;
		return;
	}
	size_t len = text.len;
	if (verb->precision >= 0 && data->kind == DATA_TEXT && !quoted) {
		while (len > 0 && characters(text.data, len) > (size_t)verb->precision)
			len--;
		while (len < text.len && ((unsigned char)text.data[len] & 0xc0) == 0x80)
			len++;
	}
	add_padded(verb, text.data != NULL ? text.data : "", len, out);
}

/* Which kinds a verb is for. */
static bool fits(char letter, enum data_kind kind)
{
	switch (letter) {
	case 'v':
		return true;
	case 's':
		return kind == DATA_TEXT || kind == DATA_LIST || kind == DATA_MAP;
	case 'q':
		return kind == DATA_TEXT;
	case 't':
		return kind == DATA_BOOL;
	case 'x':
	case 'X':
		return kind == DATA_TEXT || kind == DATA_INTEGER;
	case 'd':
	case 'o':
		return kind == DATA_INTEGER;
	case 'f':
	case 'e':
	case 'g':
		return kind == DATA_REAL;
	default:
		return false;
	}
}

static void add_value(const struct verb *verb, const struct data *data, struct buf *out)
{
	char letter = verb->letter;

	if (!fits(letter, data->kind))
		add_misfit(verb, data, out);
	else if ((letter == 'x' || letter == 'X') && data->kind == DATA_TEXT)
		add_hex(verb, &data->text, out);
	else if (strchr("xXdo", letter) != NULL)
		add_integer(verb, data->integer, out);
	else if (strchr("feg", letter) != NULL)
		add_real(verb, data, out);
	else
		add_any(verb, data, letter == 'q' || (letter == 'v' && verb->sharp), out);
}

int template_printf(struct template_call *call)
{
	BUF_AUTO(out, TEXT_MAX);
	size_t next = 1;

	if (call->args[0].kind != DATA_TEXT)
		return template_fail(call, "wrong type for value; expected string; got %s",
				     data_kind_name(&call->args[0]));
	const char *at = call->args[0].text.text, *end = at + call->args[0].text.len;
	while (at < end) {
		struct verb verb;
		if (*at != '%') {
			buf_char(&out, *at++);
			continue;
		}
		size_t used = read_verb(++at, end, &verb);
		if (used == 0) {
			buf_str(&out, "%!(NOVERB)");
			break;
		}
		at += used;
		if (verb.letter == '%')
			buf_char(&out, '%');
		else if (next >= call->count)
			buf_fmt(&out, "%%!%c(MISSING)", verb.letter);
		else
			add_value(&verb, &call->args[next++], &out);
	}
	if (next < call->count) {
		buf_str(&out, "%!(EXTRA ");
		for (size_t i = next; i < call->count; i++) {
			buf_fmt(&out, "%s%s=", i > next ? ", " : "",
				data_kind_name(&call->args[i]));
			data_print(&call->args[i], &out);
		}
		buf_char(&out, ')');
	}
	return template_give_text(call, &out);
}
