#include "remote/toml.h"

#include <errno.h>
#include <string.h>

#define BARE      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
#define ITEMS_MAX 4096
#define DEPTH_MAX 16

void toml_init(struct toml *toml, const char *text, size_t len, struct arena *arena)
{
	*toml = (struct toml){.at = text, .end = text + len, .line = 1, .arena = arena};
}

static int refuse(const struct toml *toml, const char *why, struct err *err)
{
	return err_set(err, ERR_INVALID, 0, "line %u: %s", toml->line, why);
}

static int no_memory(const struct toml *toml, struct err *err)
{
	return refuse(toml, "the file is too large", err);
}

static int peek(const struct toml *toml)
{
	return toml->at < toml->end ? (unsigned char)*toml->at : -1;
}

static bool is_bare(int c)
{
	return c > 0 && strchr(BARE, c) != NULL;
}

static void pass_space(struct toml *toml)
{
	while (peek(toml) == ' ' || peek(toml) == '\t')
		toml->at++;
}

/* Space, comments and ends of lines. */
static void pass_lines(struct toml *toml)
{
	for (;;) {
		int c = peek(toml);
		if (c == '#') {
			while (peek(toml) != '\n' && peek(toml) >= 0)
				toml->at++;
		} else if (c == '\n') {
			toml->line++;
			toml->at++;
		} else if (c == ' ' || c == '\t' || c == '\r') {
			toml->at++;
		} else {
			return;
		}
	}
}

static int end_line(struct toml *toml, struct err *err)
{
	pass_space(toml);
	int c = peek(toml);
	if (c >= 0 && c != '\n' && c != '\r' && c != '#')
		return refuse(toml, "something stands behind the value", err);
	return 0;
}

static int unescape(struct toml *toml, char *to, struct err *err)
{
	static const char from[] = "\"\\bfnrt", into[] = "\"\\\b\f\n\r\t";
	int c = peek(toml);
	const char *found = c > 0 ? strchr(from, c) : NULL;

	if (found == NULL)
		return refuse(toml, "a backslash that is not understood", err);
	*to = into[found - from];
	return 0;
}

/* "text" with backslashes, or 'text' without. */
static int read_string(struct toml *toml, const char **ret_text, struct err *err)
{
	int quote = peek(toml);
	size_t room = (size_t)(toml->end - toml->at);
	size_t len = 0;

	if (room >= 3 && toml->at[1] == quote && toml->at[2] == quote)
		return refuse(toml, "a string over several lines is not understood", err);
	for (len = 1; len < room && toml->at[len] != quote && toml->at[len] != '\n'; len++)
		len += quote == '"' && toml->at[len] == '\\';
	char *text = arena_alloc(toml->arena, len + 2);
	if (text == NULL)
		return no_memory(toml, err);
	len = 0;
	for (toml->at++; peek(toml) != quote; toml->at++) {
		int c = peek(toml);
		if (c < ' ' && c != '\t')
			return refuse(toml, "a string that does not end", err);
		if (c == 0x7f)
			return refuse(toml, "a control character in a string", err);
		text[len] = (char)c;
		if (c == '\\' && quote == '"') {
			toml->at++;
			int rc = unescape(toml, &text[len], err);
			if (rc < 0)
				return rc;
		}
		len++;
	}
	toml->at++;
	text[len] = '\0';
	*ret_text = text;
	return 0;
}

static int read_key(struct toml *toml, const char **ret_key, struct err *err)
{
	const char *start = toml->at;

	if (peek(toml) == '"' || peek(toml) == '\'')
		return read_string(toml, ret_key, err);
	while (is_bare(peek(toml)))
		toml->at++;
	if (toml->at == start)
		return refuse(toml, "a key is wanted", err);
	*ret_key = arena_strndup(toml->arena, start, (size_t)(toml->at - start));
	return *ret_key != NULL ? 0 : no_memory(toml, err);
}

/* "[a]", "[[a.b]]": the name as it is written, without space. */
static int read_table(struct toml *toml, struct toml_item *item, struct err *err)
{
	item->kind = TOML_TABLE;
	toml->at++;
	item->list = peek(toml) == '[';
	toml->at += item->list;
	pass_space(toml);
	const char *start = toml->at;
	while (is_bare(peek(toml)) || peek(toml) == '.')
		toml->at++;
	size_t len = (size_t)(toml->at - start);
	pass_space(toml);
	int brackets = item->list ? 2 : 1;
	for (int i = 0; i < brackets; i++, toml->at++) {
		if (len == 0 || peek(toml) != ']')
			return refuse(toml, "a table's name is not understood", err);
	}
	item->name = arena_strndup(toml->arena, start, len);
	return item->name != NULL ? 1 : no_memory(toml, err);
}

/* Passes over a value of a kind that nothing here needs: brackets are followed, and strings within them. */
static int pass_other(struct toml *toml, struct err *err)
{
	const char *ignored;
	int depth = 0;

	for (;; toml->at++) {
		int c = peek(toml);
		if (c == '"' || c == '\'') {
			int rc = read_string(toml, &ignored, err);
			if (rc < 0)
				return rc;
			toml->at--;
		} else if (c == '[' || c == '{') {
			if (++depth > DEPTH_MAX)
				return refuse(toml, "brackets in brackets, too deep", err);
		} else if (c == ']' || c == '}') {
			if (--depth < 0)
				return refuse(toml, "a bracket too much", err);
		} else if (depth == 0 && (c < 0 || c == '\n' || c == '#')) {
			return 0;
		} else if (c < 0) {
			return refuse(toml, "a bracket that is not closed", err);
		} else if (c == '#') {
			while (peek(toml) != '\n' && peek(toml) >= 0)
				toml->at++;
			toml->at--;
		}
		toml->line += c == '\n';
	}
}

static int add_string(struct toml *toml, json_strings *list, const char *text, struct err *err)
{
	size_t count = list->count;

	if (count >= ITEMS_MAX)
		return no_memory(toml, err);
	if ((count & (count - 1)) == 0) {
		const char **more =
			arena_alloc(toml->arena, (count == 0 ? 1 : 2 * count) * sizeof(*more));
		if (more == NULL)
			return no_memory(toml, err);
		if (count > 0)
			memcpy(more, list->items, count * sizeof(*more));
		list->items = more;
	}
	list->items[list->count++] = text;
	return 0;
}

/* An array of strings; one of anything else is TOML_OTHER. */
static int read_array(struct toml *toml, struct toml_item *item, struct err *err)
{
	const struct toml start = *toml;

	item->kind = TOML_STRINGS;
	toml->at++;
	for (;;) {
		const char *text;
		pass_lines(toml);
		if (peek(toml) == ']') {
			toml->at++;
			return end_line(toml, err);
		}
		if (peek(toml) != '"' && peek(toml) != '\'') {
			*toml = start;
			item->kind = TOML_OTHER;
			return pass_other(toml, err);
		}
		int rc = read_string(toml, &text, err);
		if (rc == 0)
			rc = add_string(toml, &item->strings, text, err);
		if (rc < 0)
			return rc;
		pass_lines(toml);
		if (peek(toml) == ',')
			toml->at++;
		else if (peek(toml) != ']')
			return refuse(toml, "a comma or ']' is wanted", err);
	}
}

static bool is_word(const struct toml *toml, const char *word)
{
	size_t len = strlen(word);

	return (size_t)(toml->end - toml->at) >= len && memcmp(toml->at, word, len) == 0;
}

static int read_value(struct toml *toml, struct toml_item *item, struct err *err)
{
	int c = peek(toml);

	if (c == '"' || c == '\'') {
		item->kind = TOML_STRING;
		int rc = read_string(toml, &item->text, err);
		return rc < 0 ? rc : end_line(toml, err);
	}
	if (c == '[')
		return read_array(toml, item, err);
	if (is_word(toml, "true") || is_word(toml, "false")) {
		item->kind = TOML_BOOL;
		item->truth = c == 't';
		toml->at += item->truth ? 4 : 5;
		return end_line(toml, err);
	}
	if (c != '{' && (c < '0' || c > '9') && c != '-' && c != '+')
		return refuse(toml, "a value is wanted: \"text\", true, false or [\"a\", \"b\"]",
			      err);
	item->kind = TOML_OTHER;
	return pass_other(toml, err);
}

int toml_next(struct toml *toml, struct toml_item *ret_item, struct err *err)
{
	*ret_item = (struct toml_item){0};
	pass_lines(toml);
	if (peek(toml) < 0)
		return 0;
	if (peek(toml) == '[') {
		int rc = read_table(toml, ret_item, err);
		int ended = rc < 0 ? rc : end_line(toml, err);
		return ended < 0 ? ended : rc;
	}
	int rc = read_key(toml, &ret_item->name, err);
	if (rc < 0)
		return rc;
	pass_space(toml);
	if (peek(toml) != '=')
		return refuse(toml, "'=' is wanted behind the key", err);
	toml->at++;
	pass_space(toml);
	rc = read_value(toml, ret_item, err);
	return rc < 0 ? rc : 1;
}
