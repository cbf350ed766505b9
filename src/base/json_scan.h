/*
 * json_scan.h - the words of JSON text; for json.c, and for whoever reads JSON into something else than structs.
 *
 * Ownership  A token points into the text.
 * Errors     Negative, with err set to ERR_INVALID and the line and column (from 1, in bytes).
 */
#ifndef CORTEN_BASE_JSON_SCAN_H
#define CORTEN_BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct json_scan {
	const char *start;
	const char *at;
	const char *end;
	unsigned int depth;
	struct err *err;
};

struct json_token {
	const char *text; /* a string's is what stands between its quotes */
	size_t len;
	bool escaped;  /* a string: holds a backslash */
	bool integral; /* a number: has neither fraction nor exponent */
};

static inline void json_scan_space(struct json_scan *scan)
{
	while (scan->at < scan->end &&
	       (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\t' || *scan->at == '\r'))
		scan->at++;
}

/* The next byte, or -1 at the end. */
static inline int json_scan_peek(const struct json_scan *scan)
{
	return scan->at < scan->end ? (unsigned char)*scan->at : -1;
}

/* Refuses the text at scan->at. */
int json_scan_fail(struct json_scan *scan, const char *fmt, ...) PRINTF(2, 3);

/* These stand before the value; its kind is already known from the first byte. */
int json_scan_string(struct json_scan *scan, struct json_token *ret_token);
int json_scan_number(struct json_scan *scan, struct json_token *ret_token);
int json_scan_word(struct json_scan *scan, const char *word);

/* Writes the string's characters, at most token->len bytes; returns how many. */
size_t json_scan_unescape(const struct json_token *token, char *out);

/* What a number token stands for; false when it does not fit. The first two want an integral one. */
bool json_token_int64(const struct json_token *token, int64_t min, int64_t max, int64_t *ret_value);
bool json_token_uint64(const struct json_token *token, uint64_t max, uint64_t *ret_value);
bool json_token_double(const struct json_token *token, double *ret_value);

/* Steps over the '{' or '['; counts the depth, which json_scan_member() and _item() count back. */
int json_scan_enter(struct json_scan *scan);

/* 1: ret_name is read and a value stands next; 0: the object has ended. */
int json_scan_member(struct json_scan *scan, bool first, struct json_token *ret_name);

/* 1: a value stands next; 0: the list has ended. */
int json_scan_item(struct json_scan *scan, bool first);

/* Steps over one value of any kind. */
int json_scan_skip(struct json_scan *scan);

/* After the top value: nothing but space may follow. */
int json_scan_end(struct json_scan *scan);

/* The length of the UTF-8 sequence at at, 0 when it is none (RFC 3629: no overlong, no surrogate). */
size_t json_utf8_length(const char *at, const char *end);

/* Writes the character in UTF-8, at most four bytes; returns how many. */
size_t json_utf8_put(char *out, uint32_t point);

struct json_field;

/* Bytes of one value of the field, whatever its form. */
size_t json_value_size(const struct json_field *field);

/* Bytes of one entry of a map, its key included. */
size_t json_entry_size(const struct json_field *field);

#endif
