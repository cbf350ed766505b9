#include "base/json_scan.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define JSON_DOUBLE_BYTES 128 /* the longest number a double accepts, and its NUL */

int json_scan_fail(struct json_scan *scan, const char *fmt, ...)
{
	char text[128];
	size_t line = 1, column = 1;
	va_list args;

	for (const char *at = scan->start; at < scan->at; at++) {
		column++;
		if (*at == '\n') {
			line++;
			column = 1;
		}
	}
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return err_set(scan->err, ERR_INVALID, 0, "line %zu, column %zu: %s", line, column, text);
}

/* True when each of 8 bytes surely is ASCII of 0x20 or more, no quote and no backslash. */
static inline bool plain_eight(const char *at)
{
	const uint64_t ones = 0x0101010101010101U, highs = 0x8080808080808080U;
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	uint64_t quote = word ^ (ones * '"');
	uint64_t backslash = word ^ (ones * '\\');
	return (((word - ones * 0x20) | (quote - ones) | (backslash - ones) | word) & highs) == 0;
}

size_t json_utf8_length(const char *at, const char *end)
{
	const unsigned char *u = (const unsigned char *)at;
	size_t room = (size_t)(end - at);
	unsigned char low = 0x80, high = 0xbf;
	size_t len;

	if (u[0] >= 0xc2 && u[0] <= 0xdf) {
		len = 2;
	} else if (u[0] >= 0xe0 && u[0] <= 0xef) {
		len = 3;
		low = u[0] == 0xe0 ? 0xa0 : 0x80;
		high = u[0] == 0xed ? 0x9f : 0xbf;
	} else if (u[0] >= 0xf0 && u[0] <= 0xf4) {
		len = 4;
		low = u[0] == 0xf0 ? 0x90 : 0x80;
		high = u[0] == 0xf4 ? 0x8f : 0xbf;
	} else {
		return 0;
	}
	if (room < len || u[1] < low || u[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if (u[i] < 0x80 || u[i] > 0xbf)
			return 0;
	}
	return len;
}

/* The value of four hex digits, -1 when they are none. */
static int hex_four(const char *at, const char *end)
{
	int value = 0;

	if (end - at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = at[i];
		int digit;
		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if (c >= 'a' && c <= 'f')
			digit = c - 'a' + 10;
		else if (c >= 'A' && c <= 'F')
			digit = c - 'A' + 10;
		else
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

/* The length of the escape at the backslash, 0 when it is none; a surrogate needs its partner. */
static size_t escape_length(const char *at, const char *end)
{
	if (end - at < 2 || at[1] == '\0')
		return 0;
	if (strchr("\"\\/bfnrt", at[1]) != NULL)
		return 2;
	int unit = at[1] == 'u' ? hex_four(at + 2, end) : -1;
	if (unit < 0 || (unit >= 0xdc00 && unit <= 0xdfff))
		return 0;
	if (unit < 0xd800 || unit > 0xdbff)
		return 6;
	if (end - at < 12 || at[6] != '\\' || at[7] != 'u')
		return 0;
	unit = hex_four(at + 8, end);
	return unit >= 0xdc00 && unit <= 0xdfff ? 12 : 0;
}

int json_scan_string(struct json_scan *scan, struct json_token *ret_token)
{
	const char *at = scan->at + 1;
	const char *end = scan->end;
	bool escaped = false;

	for (;;) {
		while (end - at >= 8 && plain_eight(at))
			at += 8;
		if (at >= end)
			break;
		unsigned char c = (unsigned char)*at;
		size_t step = 1;
		if (c == '"') {
			*ret_token = (struct json_token){.text = scan->at + 1,
							 .len = (size_t)(at - scan->at - 1),
							 .escaped = escaped};
			scan->at = at + 1;
			return 0;
		}
		if (c == '\\') {
			step = escape_length(at, end);
			escaped = true;
		} else if (c >= 0x80) {
			step = json_utf8_length(at, end);
		} else if (c < 0x20) {
			step = 0;
		}
		if (step == 0) {
			scan->at = at;
			return json_scan_fail(scan, "%s in a string",
					      c == '\\'   ? "bad escape"
					      : c >= 0x80 ? "bad UTF-8"
							  : "control character");
		}
		at += step;
	}
	scan->at = end;
	return json_scan_fail(scan, "the text ends inside a string");
}

size_t json_utf8_put(char *out, uint32_t point)
{
	const char *begin = out;

	if (point < 0x80) {
		*out++ = (char)point;
	} else if (point < 0x800) {
		*out++ = (char)(0xc0 | (point >> 6));
		*out++ = (char)(0x80 | (point & 0x3f));
	} else if (point < 0x10000) {
		*out++ = (char)(0xe0 | (point >> 12));
		*out++ = (char)(0x80 | ((point >> 6) & 0x3f));
		*out++ = (char)(0x80 | (point & 0x3f));
	} else {
		*out++ = (char)(0xf0 | (point >> 18));
		*out++ = (char)(0x80 | ((point >> 12) & 0x3f));
		*out++ = (char)(0x80 | ((point >> 6) & 0x3f));
		*out++ = (char)(0x80 | (point & 0x3f));
	}
	return (size_t)(out - begin);
}

size_t json_scan_unescape(const struct json_token *token, char *out)
{
	static const char names[] = "bfnrt", bytes[] = "\b\f\n\r\t";
	const char *end = token->text + token->len;
	char *put = out;

	for (const char *at = token->text; at < end; at++) {
		if (*at != '\\') {
			*put++ = *at;
			continue;
		}
		at++;
		if (*at != 'u') {
			const char *name = strchr(names, *at);
			*put++ = name == NULL ? *at : bytes[name - names];
			continue;
		}
		uint32_t point = (uint32_t)hex_four(at + 1, end);
		at += 4;
		if (point >= 0xd800 && point <= 0xdbff) {
			uint32_t low = (uint32_t)hex_four(at + 3, end);
			point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
			at += 6;
		}
		put += json_utf8_put(put, point);
	}
	return (size_t)(put - out);
}

static const char *digits_end(const char *at, const char *end)
{
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

int json_scan_number(struct json_scan *scan, struct json_token *ret_token)
{
	const char *start = scan->at, *end = scan->end;
	const char *at = start + (*start == '-');
	const char *digits = at;
	bool integral = true;

	at = at < end && *at == '0' ? at + 1 : digits_end(at, end);
	bool bad = at == digits;
	if (!bad && at < end && *at == '.') {
		integral = false;
		digits = at + 1;
		at = digits_end(digits, end);
		bad = at == digits;
	}
	if (!bad && at < end && (*at == 'e' || *at == 'E')) {
		integral = false;
		digits = at + 1;
		if (digits < end && (*digits == '+' || *digits == '-'))
			digits++;
		at = digits_end(digits, end);
		bad = at == digits;
	}
	scan->at = at;
	if (bad)
		return json_scan_fail(scan, "bad number");
	*ret_token = (struct json_token){
		.text = start, .len = (size_t)(at - start), .integral = integral};
	return 0;
}

/* The digits' value; false when it passes 64 bits. */
static bool token_magnitude(const struct json_token *token, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (size_t i = token->text[0] == '-'; i < token->len; i++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(token->text[i] - '0'), &value))
			return false;
	}
	*ret_value = value;
	return true;
}

bool json_token_int64(const struct json_token *token, int64_t min, int64_t max, int64_t *ret_value)
{
	bool negative = token->text[0] == '-';
	uint64_t magnitude;

	if (!token_magnitude(token, &magnitude) || magnitude > (uint64_t)INT64_MAX + negative)
		return false;
	*ret_value = (int64_t)(negative ? 0 - magnitude : magnitude);
	return *ret_value >= min && *ret_value <= max;
}

bool json_token_uint64(const struct json_token *token, uint64_t max, uint64_t *ret_value)
{
	return token_magnitude(token, ret_value) && *ret_value <= max &&
	       (token->text[0] != '-' || *ret_value == 0);
}

bool json_token_double(const struct json_token *token, double *ret_value)
{
	char text[JSON_DOUBLE_BYTES];

	if (token->len >= sizeof(text))
		return false;
	memcpy(text, token->text, token->len);
	text[token->len] = '\0';
	*ret_value = strtod(text, NULL);
	return isfinite(*ret_value);
}

int json_scan_word(struct json_scan *scan, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, word, len) != 0)
		return json_scan_fail(scan, "expected a value");
	scan->at += len;
	return 0;
}

int json_scan_enter(struct json_scan *scan)
{
	if (scan->depth >= JSON_DEPTH_MAX)
		return json_scan_fail(scan, "nested deeper than %d levels", JSON_DEPTH_MAX);
	scan->depth++;
	scan->at++;
	return 0;
}

/* After '{', '[' or a value: 1 when another value is due, 0 when `close` was read. */
static int next_or_close(struct json_scan *scan, bool first, char close)
{
	json_scan_space(scan);
	int c = json_scan_peek(scan);
	if (c == close) {
		scan->at++;
		scan->depth--;
		return 0;
	}
	if (first)
		return 1;
	if (c != ',')
		return json_scan_fail(scan, "expected ',' or '%c'", close);
	scan->at++;
	json_scan_space(scan);
	return 1;
}

int json_scan_member(struct json_scan *scan, bool first, struct json_token *ret_name)
{
	int rc = next_or_close(scan, first, '}');

	if (rc <= 0)
		return rc;
	if (json_scan_peek(scan) != '"')
		return json_scan_fail(scan, "expected a name in quotes");
	rc = json_scan_string(scan, ret_name);
	if (rc < 0)
		return rc;
	json_scan_space(scan);
	if (json_scan_peek(scan) != ':')
		return json_scan_fail(scan, "expected ':'");
	scan->at++;
	json_scan_space(scan);
	return 1;
}

int json_scan_item(struct json_scan *scan, bool first)
{
	return next_or_close(scan, first, ']');
}

static int skip_inside(struct json_scan *scan, bool object)
{
	struct json_token name;
	int rc = json_scan_enter(scan);

	for (bool first = true; rc >= 0; first = false) {
		rc = object ? json_scan_member(scan, first, &name) : json_scan_item(scan, first);
		if (rc <= 0)
			return rc;
		rc = json_scan_skip(scan);
	}
	return rc;
}

int json_scan_skip(struct json_scan *scan)
{
	struct json_token token;
	int c = json_scan_peek(scan);

	switch (c) {
	case '{':
	case '[':
		return skip_inside(scan, c == '{');
	case '"':
		return json_scan_string(scan, &token);
	case 't':
		return json_scan_word(scan, "true");
	case 'f':
		return json_scan_word(scan, "false");
	case 'n':
		return json_scan_word(scan, "null");
	default:
		if (c == '-' || (c >= '0' && c <= '9'))
			return json_scan_number(scan, &token);
		return json_scan_fail(scan, c < 0 ? "the text ends where a value is due"
						  : "expected a value");
	}
}

int json_scan_end(struct json_scan *scan)
{
	json_scan_space(scan);
	if (scan->at < scan->end)
		return json_scan_fail(scan, "text after the document");
	return 0;
}
