/*
 * str.h - text into fixed buffers, and text as people type it into numbers.
 *
 * Ownership  Nothing is allocated; results go to the caller's memory.
 * Units      Sizes are bytes, durations nanoseconds, CPUs billionths of one CPU.
 * Errors     Functions with `struct err` give ERR_INVALID that quotes the text and shows what is
 *            accepted; the caller wraps the option's name around it.
 */
#ifndef CORTEN_BASE_STR_H
#define CORTEN_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Copies all of text, or nothing: 0, or -ENAMETOOLONG with dst empty. size is not 0. */
int str_copy(char *dst, size_t size, const char *text);

/* The same with printf's formats. */
int str_format(char *dst, size_t size, const char *fmt, ...) PRINTF(3, 4);

/* NULL is equal to nothing but NULL. */
bool str_equal(const char *a, const char *b);

bool str_starts_with(const char *text, const char *prefix);
bool str_ends_with(const char *text, const char *suffix);

/* What follows the prefix, or NULL when text does not start with it. */
const char *str_after(const char *text, const char *prefix);

/* Decimal digits alone, with a '-' for the signed: no space, no '+', no base. */
int str_parse_int64(const char *text, int64_t min, int64_t max, int64_t *ret_value,
		    struct err *err);
int str_parse_uint64(const char *text, uint64_t max, uint64_t *ret_value, struct err *err);

/* Octal digits, a leading 0 or not, at most 07777: "755", "0644". */
int str_parse_mode(const char *text, uint32_t *ret_mode, struct err *err);

/*
 * "512m", "1.5g", "64k", "10b", "4096": binary multiples b k m g t p, either case, "mb" and "mib"
 * meaning the same as "m", and a space before the unit allowed, as Docker reads them.
 */
int str_parse_size(const char *text, uint64_t max_bytes, uint64_t *ret_bytes, struct err *err);

/* "1.5", ".25", "2": at most nine digits behind the point. */
int str_parse_cpus(const char *text, uint64_t *ret_nano_cpus, struct err *err);

/* "1h30m", "1.5s", "300ms", "0": units h m s ms us ns, as Go reads them; not negative. */
int str_parse_duration(const char *text, int64_t *ret_ns, struct err *err);

#endif
