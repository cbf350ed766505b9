#include "init/unit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define SUFFIX ".container"

struct option {
	const char *key;
	const char *flag; /* of `corten run`; NULL: handled apart */
};

static const struct option options[] = {
	{"Image", NULL},
	{"Exec", NULL},
	{"ContainerName", NULL},
	{"Volume", "--volume"},
	{"Environment", "--env"},
	{"Network", "--network"},
	{"ReadOnly", "--read-only"},
};

/* What is read before the arguments can be put in their order. */
struct reading {
	struct unit *unit;
	const char *image;
	const char *exec;
	unsigned line;
	bool in_container;
};

static char *text_keep(struct unit *unit, const char *text, size_t len)
{
	if (len >= sizeof(unit->text) - unit->used)
		return NULL;
	char *kept = unit->text + unit->used;
	memcpy(kept, text, len);
	kept[len] = '\0';
	unit->used += len + 1;
	return kept;
}

static int arg_add(struct unit *unit, const char *text, size_t len, struct err *err)
{
	char *kept = unit->argc == UNIT_ARGS_MAX ? NULL : text_keep(unit, text, len);

	if (kept == NULL)
		return err_set(err, ERR_INVALID, E2BIG, "more than %d arguments, or too long",
			       UNIT_ARGS_MAX);
	unit->argv[unit->argc++] = kept;
	return 0;
}

static int option_add(struct reading *in, const struct option *option, const char *value,
		      struct err *err)
{
	/* A flag without a value is there or not. */
	if (strcmp(option->key, "ReadOnly") == 0) {
		if (strcmp(value, "false") == 0)
			return 0;
		if (strcmp(value, "true") != 0)
			return err_set(err, ERR_INVALID, EINVAL,
				       "ReadOnly is neither true nor false");
		return arg_add(in->unit, option->flag, strlen(option->flag), err);
	}
	int rc = arg_add(in->unit, option->flag, strlen(option->flag), err);
	return rc < 0 ? rc : arg_add(in->unit, value, strlen(value), err);
}

static int key_take(struct reading *in, const char *key, size_t key_len, const char *value,
		    size_t len, struct err *err)
{
	const struct option *option = NULL;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strlen(options[i].key) == key_len && memcmp(options[i].key, key, key_len) == 0)
			option = &options[i];
	if (option == NULL)
		return err_set(err, ERR_INVALID, EINVAL, "'%.*s=' is not supported", (int)key_len,
			       key);
	const char *kept = text_keep(in->unit, value, len);
	if (kept == NULL || memchr(value, '\0', len) != NULL || len == 0)
		return err_set(err, ERR_INVALID, EINVAL, "'%s=' has no value, or a wrong one",
			       option->key);
	if (option->flag != NULL)
		return option_add(in, option, kept, err);
	if (strcmp(option->key, "Image") == 0)
		in->image = kept;
	else if (strcmp(option->key, "Exec") == 0)
		in->exec = kept;
	else
		in->unit->name = kept;
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static int line_take(struct reading *in, const char *line, size_t len, struct err *err)
{
	while (len > 0 && is_blank(line[len - 1]))
		len--;
	while (len > 0 && is_blank(*line)) {
		line++;
		len--;
	}
	if (len == 0 || *line == '#' || *line == ';')
		return 0;
	if (*line == '[') {
		in->in_container = len == 11 && memcmp(line, "[Container]", 11) == 0;
		return 0;
	}
	if (!in->in_container)
		return 0;
	const char *equals = memchr(line, '=', len);
	if (equals == NULL)
		return err_set(err, ERR_INVALID, EINVAL, "neither a section nor KEY=VALUE");
	size_t key_len = (size_t)(equals - line), at = key_len + 1;
	while (key_len > 0 && is_blank(line[key_len - 1]))
		key_len--;
	while (at < len && is_blank(line[at]))
		at++;
	return key_take(in, line, key_len, line + at, len - at, err);
}

/* One word of Exec=, quotes taken off. Returns where the next begins, NULL at an open quote. */
static const char *word_take(const char *at, char *out, size_t *ret_len)
{
	size_t len = 0;
	char quote = '\0';

	for (; *at != '\0' && (quote != '\0' || !is_blank(*at)); at++) {
		if (quote == '\0' && (*at == '"' || *at == '\'')) {
			quote = *at;
		} else if (*at == quote) {
			quote = '\0';
		} else {
			if (*at == '\\' && quote != '\'' && at[1] != '\0')
				at++;
			out[len++] = *at;
		}
	}
	*ret_len = len;
	return quote == '\0' ? at : NULL;
}

static int words_add(struct unit *unit, const char *at, struct err *err)
{
	char word[UNIT_FILE_MAX];
	size_t len;
	int rc = 0;

	while (rc == 0) {
		while (is_blank(*at))
			at++;
		if (*at == '\0')
			break;
		at = word_take(at, word, &len);
		if (at == NULL)
			return err_set(err, ERR_INVALID, EINVAL, "'Exec=': a quote is not closed");
		rc = arg_add(unit, word, len, err);
	}
	return rc;
}

static int unit_begin(struct unit *unit, const char *program, const char *file_name,
		      struct err *err)
{
	size_t len = strlen(file_name), end = sizeof(SUFFIX) - 1;

	memset(unit, 0, sizeof(*unit));
	if (len <= end || strcmp(file_name + len - end, SUFFIX) != 0)
		return err_set(err, ERR_INVALID, EINVAL, "its name does not end with " SUFFIX);
	unit->name = text_keep(unit, file_name, len - end);
	if (unit->name == NULL)
		return err_set(err, ERR_INVALID, ENAMETOOLONG, "its name is too long");
	int rc = arg_add(unit, program, strlen(program), err);
	if (rc == 0)
		rc = arg_add(unit, "run", 3, err);
	return rc == 0 ? arg_add(unit, "--rm", 4, err) : rc;
}

static int unit_end(struct reading *in, struct err *err)
{
	struct unit *unit = in->unit;

	if (in->image == NULL)
		return err_set(err, ERR_INVALID, EINVAL, "'Image=' is missing");
	if (in->image[0] == '-' || unit->name[0] == '-')
		return err_set(err, ERR_INVALID, EINVAL, "an image or a name begins with '-'");
	int rc = arg_add(unit, "--name", 6, err);
	if (rc == 0)
		rc = arg_add(unit, unit->name, strlen(unit->name), err);
	if (rc == 0)
		rc = arg_add(unit, in->image, strlen(in->image), err);
	return rc == 0 && in->exec != NULL ? words_add(unit, in->exec, err) : rc;
}

int unit_parse(const char *program, const char *file_name, const char *text, size_t len,
	       struct unit *ret_unit, struct err *err)
{
	struct reading in = {.unit = ret_unit};
	int rc;

	if (len > UNIT_FILE_MAX)
		rc = err_set(err, ERR_INVALID, EFBIG, "larger than %d bytes", UNIT_FILE_MAX);
	else
		rc = unit_begin(ret_unit, program, file_name, err);
	for (size_t at = 0; rc == 0 && at < len;) {
		const char *newline = memchr(text + at, '\n', len - at);
		size_t end = newline == NULL ? len : (size_t)(newline - text);
		in.line++;
		rc = line_take(&in, text + at, end - at, err);
		if (rc < 0)
			rc = err_wrap(err, rc, "line %u", in.line);
		at = end + 1;
	}
	if (rc == 0)
		rc = unit_end(&in, err);
	return rc < 0 ? err_wrap(err, rc, "unit '%s'", file_name) : 0;
}
