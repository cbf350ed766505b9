#include "remote/link.h"

#include <string.h>
#include <strings.h>

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " \t");
}

/* Whether a list of relation types, separated by blanks, has "next". */
static bool has_next(const char *text, size_t len)
{
	while (len > 0) {
		size_t word = 0;
		while (word < len && text[word] != ' ' && text[word] != '\t')
			word++;
		if (word == 4 && strncasecmp(text, "next", 4) == 0)
			return true;
		word += word < len;
		text += word;
		len -= word;
	}
	return false;
}

/* The value of a parameter, quoted or not; what comes behind it. NULL: no end to the quotes. */
static const char *take_value(const char *at, const char **ret_text, size_t *ret_len)
{
	if (*at != '"') {
		*ret_text = at;
		*ret_len = strcspn(at, ";, \t");
		return at + *ret_len;
	}
	*ret_text = ++at;
	while (*at != '"') {
		if (*at == '\\' && at[1] != '\0')
			at++;
		if (*at == '\0')
			return NULL;
		at++;
	}
	*ret_len = (size_t)(at - *ret_text);
	return at + 1;
}

/* The parameters of one link, up to the comma or the end. The first `rel` counts. */
static const char *take_parameters(const char *at, bool *ret_next)
{
	bool said = false;

	*ret_next = false;
	for (at = skip_blanks(at); *at == ';'; at = skip_blanks(at)) {
		const char *text = "";
		size_t len = 0;
		at = skip_blanks(at + 1);
		size_t name_len = strcspn(at, "=;, \t");
		bool is_rel = name_len == 3 && strncasecmp(at, "rel", 3) == 0;
		at = skip_blanks(at + name_len);
		if (*at == '=')
			at = take_value(skip_blanks(at + 1), &text, &len);
		if (at == NULL)
			return NULL;
		if (is_rel && !said)
			*ret_next = has_next(text, len);
		said = said || is_rel;
	}
	return at;
}

bool link_next(const char *value, char *ret_target, size_t size)
{
	const char *at = skip_blanks(value);

	ret_target[0] = '\0';
	while (*at == '<') {
		const char *target = at + 1;
		const char *end = strchr(target, '>');
		bool next;
		if (end == NULL)
			return false;
		at = take_parameters(end + 1, &next);
		if (at == NULL)
			return false;
		size_t len = (size_t)(end - target);
		if (next && (len == 0 || len >= size))
			return false;
		if (next) {
			memcpy(ret_target, target, len);
			ret_target[len] = '\0';
			return true;
		}
		if (*at != ',')
			return false;
		at = skip_blanks(at + 1);
	}
	return false;
}
