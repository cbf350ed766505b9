#include "cli/template_lex.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"
#include "cli/template_internal.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool in_name(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

int template_lex_fail(struct template_lexer *lexer, size_t pos, const char *fmt, ...)
{
	char place[TEMPLATE_PLACE_MAX], text[256];
	va_list args;

	template_place(lexer->start, pos, place);
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return err_set(lexer->err, ERR_INVALID, 0, "template parsing error: %s: %s", place, text);
}

static size_t position(const struct template_lexer *lexer)
{
	return (size_t)(lexer->at - lexer->start);
}

static bool follows(const struct template_lexer *lexer, const char *word)
{
	size_t len = strlen(word);

	return (size_t)(lexer->end - lexer->at) >= len && memcmp(lexer->at, word, len) == 0;
}

/* Steps over a comment's action; 1: there was one. */
static int skip_comment(struct template_lexer *lexer)
{
	const char *at = lexer->at;
	size_t left = (size_t)(lexer->end - at);

	if (left >= 3 && *at == '-' && is_space(at[1])) {
		for (at++; at < lexer->end && is_space(*at); at++)
			;
	}
	left = (size_t)(lexer->end - at);
	if (left < 2 || memcmp(at, "/*", 2) != 0)
		return 0;
	const char *close = memmem(at + 2, left - 2, "*/", 2);
	if (close == NULL)
		return template_lex_fail(lexer, position(lexer), "unclosed comment");
	lexer->at = close + 2;
	if (lexer->at < lexer->end && is_space(*lexer->at)) {
		while (lexer->at < lexer->end && is_space(*lexer->at))
			lexer->at++;
		lexer->trims = follows(lexer, "-}}");
		lexer->at += lexer->trims;
	}
	if (!follows(lexer, "}}"))
		return template_lex_fail(lexer, position(lexer),
					 "comment ends before closing delimiter");
	lexer->at += 2;
	return 1;
}

int template_lex_text(struct template_lexer *lexer, struct json_text *ret_text,
		      enum lex_next *ret_next)
{
	if (lexer->trims) {
		while (lexer->at < lexer->end && is_space(*lexer->at))
			lexer->at++;
	}
	lexer->trims = false;
	const char *text = lexer->at;
	const char *open = memmem(text, (size_t)(lexer->end - text), "{{", 2);
	const char *end = open != NULL ? open : lexer->end;
	lexer->at = open != NULL ? open + 2 : lexer->end;
	bool trims = open != NULL && lexer->end - lexer->at >= 2 && *lexer->at == '-' &&
		     is_space(lexer->at[1]);
	while (trims && end > text && is_space(end[-1]))
		end--;
	*ret_text = (struct json_text){text, (size_t)(end - text)};
	*ret_next = open != NULL ? LEX_ACTION : LEX_ENDS;
	int rc = open != NULL ? skip_comment(lexer) : 0;
	if (rc > 0)
		*ret_next = LEX_COMMENT;
	else if (rc == 0)
		lexer->at += trims;
	return rc < 0 ? rc : 0;
}

void template_lex_close(struct template_lexer *lexer)
{
	lexer->at += 2;
}

static int set_token(struct template_lexer *lexer, enum token_kind kind, size_t len)
{
	lexer->token.kind = kind;
	lexer->token.source = (struct json_text){lexer->at, len};
	/* The end of an action is stepped over by whoever closes it. */
	lexer->at += kind == TOKEN_END ? 0 : len;
	return 0;
}

/* The characters of an escape, at most four bytes; the length of its text, 0 when it is none. */
static size_t escape(const char *at, const char *end, char out[4], size_t *ret_len)
{
	static const char names[] = "abfnrtv\\\"'", bytes[] = "\a\b\f\n\r\t\v\\\"'";
	const char *name = at < end && *at != '\0' ? strchr(names, *at) : NULL;
	char digits[9] = "";

	*ret_len = 1;
	if (name != NULL) {
		out[0] = bytes[name - names];
		return 1;
	}
	size_t wanted = at >= end ? 0 : *at == 'x' ? 2 : *at == 'u' ? 4 : *at == 'U' ? 8 : 0;
	if (wanted == 0 || (size_t)(end - at) <= wanted)
		return 0;
	memcpy(digits, at + 1, wanted);
	if (strspn(digits, "0123456789abcdefABCDEF") != wanted)
		return 0;
	unsigned long point = strtoul(digits, NULL, 16);
	if (point == 0 || point > 0x10ffff)
		return 0;
	*ret_len = wanted == 2 ? 1 : json_utf8_put(out, (uint32_t)point);
	if (wanted == 2)
		out[0] = (char)point;
	return wanted + 1;
}

static int lex_quoted(struct template_lexer *lexer)
{
	char quote = *lexer->at;
	const char *at = lexer->at + 1;
	const char *close = at;

	while (close < lexer->end && *close != quote && (*close != '\n' || quote == '`'))
		close += quote != '`' && *close == '\\' && lexer->end - close > 1 ? 2 : 1;
	if (close >= lexer->end || *close != quote)
		return template_lex_fail(lexer, position(lexer), "unterminated %s",
					 quote == '`'    ? "raw quoted string"
					 : quote == '\'' ? "character constant"
							 : "quoted string");
	char *text = arena_alloc(lexer->arena, (size_t)(close - at) + 5);
	size_t len = 0;
	if (text == NULL)
		return template_lex_fail(lexer, position(lexer), "string too long");
	while (at < close) {
		size_t put = 1;
		if (*at != '\\' || quote == '`') {
			text[len++] = *at++;
			continue;
		}
		size_t used = escape(at + 1, close, text + len, &put);
		if (used == 0)
			return template_lex_fail(lexer, (size_t)(at - lexer->start),
						 "invalid syntax");
		at += used + 1;
		len += put;
	}
	text[len] = '\0';
	lexer->token.value = data_text(text, len);
	if (quote == '\'') {
		if (len != 1)
			return template_lex_fail(lexer, position(lexer),
						 "malformed character constant");
		lexer->token.value = (struct data){.kind = DATA_INTEGER, .integer = text[0]};
	}
	return set_token(lexer, TOKEN_CONSTANT, (size_t)(close + 1 - lexer->at));
}

static int lex_number(struct template_lexer *lexer)
{
	const char *at = lexer->at + (*lexer->at == '-' || *lexer->at == '+');
	char text[64], *rest = NULL;

	while (at < lexer->end && (in_name(*at) || *at == '.'))
		at++;
	size_t len = (size_t)(at - lexer->at);
	if (len >= sizeof(text))
		return template_lex_fail(lexer, position(lexer), "number too long");
	memcpy(text, lexer->at, len);
	text[len] = '\0';
	errno = 0;
	long long integer = strtoll(text, &rest, 0);
	if (errno == 0 && *rest == '\0') {
		lexer->token.value = (struct data){.kind = DATA_INTEGER, .integer = integer};
		return set_token(lexer, TOKEN_CONSTANT, len);
	}
	(void)strtod(text, &rest);
	if (*rest != '\0' || errno == ERANGE || strpbrk(text, "xXnN") != NULL)
		return template_lex_fail(lexer, position(lexer), "bad number syntax: \"%s\"", text);
	char *copy = arena_strndup(lexer->arena, text, len);
	lexer->token.value = data_text(copy, len);
	lexer->token.value.kind = DATA_REAL;
	return copy == NULL ? template_lex_fail(lexer, position(lexer), "number too long")
			    : set_token(lexer, TOKEN_CONSTANT, len);
}

/* The length of the name that begins after `skip` bytes. */
static size_t name_length(const struct template_lexer *lexer, size_t skip)
{
	size_t len = skip;

	while (lexer->at + len < lexer->end && in_name(lexer->at[len]))
		len++;
	return len;
}

static int lex_word(struct template_lexer *lexer)
{
	char c = *lexer->at;
	size_t len = name_length(lexer, 1);

	if (c == '.')
		return set_token(lexer, len > 1 ? TOKEN_FIELD : TOKEN_DOT, len);
	if (c == '$')
		return set_token(lexer, TOKEN_VARIABLE, len);
	return set_token(lexer, TOKEN_WORD, len);
}

int template_lex(struct template_lexer *lexer)
{
	static const struct {
		const char *text;
		enum token_kind kind;
	} marks[] = {{"}}", TOKEN_END}, {":=", TOKEN_DECLARE}, {"=", TOKEN_ASSIGN},
		     {"|", TOKEN_PIPE}, {",", TOKEN_COMMA},    {"(", TOKEN_LEFT},
		     {")", TOKEN_RIGHT}};
	const char *before = lexer->at;

	while (lexer->at < lexer->end && is_space(*lexer->at))
		lexer->at++;
	lexer->token = (struct template_token){.spaced = lexer->at > before};
	if (lexer->token.spaced && follows(lexer, "-}}")) {
		lexer->at++;
		lexer->trims = true;
	}
	lexer->token.pos = position(lexer);
	if (lexer->at == lexer->end)
		return set_token(lexer, TOKEN_TEXT_ENDS, 0);
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (follows(lexer, marks[i].text))
			return set_token(lexer, marks[i].kind, strlen(marks[i].text));
	}
	char c = *lexer->at;
	char next = lexer->end - lexer->at > 1 ? lexer->at[1] : ' ';
	if (c == '"' || c == '`' || c == '\'')
		return lex_quoted(lexer);
	if (isdigit((unsigned char)c) ||
	    ((c == '-' || c == '+' || c == '.') && isdigit((unsigned char)next)))
		return lex_number(lexer);
	if (in_name(c) || c == '.' || c == '$')
		return lex_word(lexer);
	return template_lex_fail(lexer, position(lexer),
				 isprint((unsigned char)c) ? "unexpected \"%c\" in action"
							   : "unexpected byte 0x%02x in action",
				 (unsigned char)c);
}
