#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NANO 1000000000U

__extension__ typedef unsigned __int128 wide;

int str_copy(char *dst, size_t size, const char *text)
{
	size_t len = strlen(text);

	if (len >= size) {
		dst[0] = '\0';
		return -ENAMETOOLONG;
	}
	memcpy(dst, text, len + 1);
	return 0;
}

int str_format(char *dst, size_t size, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	int len = vsnprintf(dst, size, fmt, args);
	va_end(args);
	if (len < 0 || (size_t)len >= size) {
		dst[0] = '\0';
		return -ENAMETOOLONG;
	}
	return 0;
}

bool str_equal(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

const char *str_after(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

bool str_starts_with(const char *text, const char *prefix)
{
	return str_after(text, prefix) != NULL;
}

bool str_ends_with(const char *text, const char *suffix)
{
	size_t len = strlen(text), tail = strlen(suffix);

	return len >= tail && strcmp(text + len - tail, suffix) == 0;
}

/* All of text as digits of the base; false when there is none, another character or too many. */
static bool parse_digits(const char *text, unsigned int base, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text >= (char)('0' + (int)base))
			return false;
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return false;
	}
	*ret_value = value;
	return true;
}

int str_parse_uint64(const char *text, uint64_t max, uint64_t *ret_value, struct err *err)
{
	uint64_t value;

	if (!parse_digits(text, 10, &value) || value > max)
		return err_set(err, ERR_INVALID, 0,
			       "\"%.64s\" is not a whole number from 0 to %" PRIu64, text, max);
	*ret_value = value;
	return 0;
}

int str_parse_int64(const char *text, int64_t min, int64_t max, int64_t *ret_value, struct err *err)
{
	bool negative = text[0] == '-';
	uint64_t magnitude;
	bool good = parse_digits(text + negative, 10, &magnitude) &&
		    magnitude <= (uint64_t)INT64_MAX + negative;
	int64_t value = good ? (int64_t)(negative ? 0 - magnitude : magnitude) : 0;

	if (!good || value < min || value > max)
		return err_set(err, ERR_INVALID, 0,
			       "\"%.64s\" is not a whole number from %" PRId64 " to %" PRId64, text,
			       min, max);
	*ret_value = value;
	return 0;
}

int str_parse_mode(const char *text, uint32_t *ret_mode, struct err *err)
{
	uint64_t value;

	if (!parse_digits(text, 8, &value) || value > 07777)
		return err_set(err, ERR_INVALID, 0, "\"%.64s\" is not a file mode such as 0755",
			       text);
	*ret_mode = (uint32_t)value;
	return 0;
}

/* A decimal number: its whole part, and its fraction as `fraction` of 10^digits. */
struct decimal {
	uint64_t whole;
	uint64_t fraction;
	uint64_t scale;
};

/* Steps over it; NULL when none stands at text or it is too long to be meant. */
static const char *decimal_read(const char *text, struct decimal *ret_decimal)
{
	struct decimal decimal = {.scale = 1};
	const char *at = text;

	for (; isdigit((unsigned char)*at); at++) {
		if (__builtin_mul_overflow(decimal.whole, 10, &decimal.whole) ||
		    __builtin_add_overflow(decimal.whole, (uint64_t)(*at - '0'), &decimal.whole))
			return NULL;
	}
	bool any = at > text;
	if (*at == '.') {
		for (at++; isdigit((unsigned char)*at); at++) {
			if (decimal.scale == 1000000000000000000U)
				return NULL;
			decimal.fraction = decimal.fraction * 10 + (uint64_t)(*at - '0');
			decimal.scale *= 10;
			any = true;
		}
	}
	*ret_decimal = decimal;
	return any ? at : NULL;
}

/* The number times unit, its remainder cut off; false past max. */
static bool decimal_times(const struct decimal *decimal, uint64_t unit, uint64_t max,
			  uint64_t *ret_value)
{
	wide value = (wide)decimal->whole * unit + (wide)decimal->fraction * unit / decimal->scale;

	*ret_value = (uint64_t)value;
	return value <= max;
}

/* The unit's factor; 0 when it is none. */
static uint64_t size_unit(const char *unit)
{
	static const char letters[] = "kmgtp";

	if (*unit == '\0' || strcasecmp(unit, "b") == 0)
		return 1;
	const char *letter = strchr(letters, tolower((unsigned char)*unit));
	const char *rest = unit + 1;
	if (letter == NULL ||
	    (*rest != '\0' && strcasecmp(rest, "b") != 0 && strcasecmp(rest, "ib") != 0))
		return 0;
	return (uint64_t)1 << (10 * (letter - letters + 1));
}

int str_parse_size(const char *text, uint64_t max_bytes, uint64_t *ret_bytes, struct err *err)
{
	struct decimal decimal;
	uint64_t value = 0;
	const char *at = decimal_read(text, &decimal);

	if (at != NULL && at[0] == ' ' && at[1] != '\0')
		at++;
	uint64_t unit = at == NULL ? 0 : size_unit(at);
	if (unit == 0)
		return err_set(err, ERR_INVALID, 0, "\"%.64s\" is not a size such as 512m or 1.5g",
			       text);
	if (!decimal_times(&decimal, unit, max_bytes, &value))
		return err_set(err, ERR_INVALID, 0, "\"%.64s\" is more than %" PRIu64 " bytes",
			       text, max_bytes);
	*ret_bytes = value;
	return 0;
}

int str_parse_cpus(const char *text, uint64_t *ret_nano_cpus, struct err *err)
{
	struct decimal decimal;
	uint64_t value = 0;
	const char *at = decimal_read(text, &decimal);

	if (at == NULL || *at != '\0' || decimal.scale > NANO ||
	    !decimal_times(&decimal, NANO, INT64_MAX, &value))
		return err_set(err, ERR_INVALID, 0, "\"%.64s\" is not a number of CPUs such as 1.5",
			       text);
	*ret_nano_cpus = value;
	return 0;
}

static const struct {
	const char *name;
	uint64_t ns;
} duration_units[] = {
	{"ns", 1},       {"us", 1000}, {"\xc2\xb5s", 1000}, {"\xce\xbcs", 1000},
	{"ms", 1000000}, {"s", NANO},  {"m", 60ULL * NANO}, {"h", 3600ULL * NANO},
};

/* Steps over the longest unit at text; NULL when none stands there. */
static const char *duration_unit(const char *text, uint64_t *ret_ns)
{
	for (size_t i = 0; i < sizeof(duration_units) / sizeof(duration_units[0]); i++) {
		const char *rest = str_after(text, duration_units[i].name);
		if (rest == NULL)
			continue;
		*ret_ns = duration_units[i].ns;
		return rest;
	}
	return NULL;
}

int str_parse_duration(const char *text, int64_t *ret_ns, struct err *err)
{
	const char *at = str_equal(text, "0") ? text + 1 : text;
	uint64_t total = 0;
	bool good = *text != '\0';

	while (good && *at != '\0') {
		struct decimal decimal;
		uint64_t unit = 0, value = 0;
		at = decimal_read(at, &decimal);
		if (at != NULL)
			at = duration_unit(at, &unit);
		good = at != NULL && decimal_times(&decimal, unit, INT64_MAX, &value) &&
		       !__builtin_add_overflow(total, value, &total) && total <= INT64_MAX;
	}
	if (!good)
		return err_set(err, ERR_INVALID, 0,
			       "\"%.64s\" is not a duration such as 1h30m, 10s or 300ms", text);
	*ret_ns = (int64_t)total;
	return 0;
}
