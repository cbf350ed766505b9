#include "runtime/command/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HELP_COLUMN 32

static const struct option *option_find(const struct option *options, size_t count,
					const char *name, size_t len)
{
	for (size_t i = 0; i < count; i++) {
		if (strlen(options[i].name) == len && memcmp(options[i].name, name, len) == 0)
			return &options[i];
		if (len == 1 && options[i].letter != '\0' && options[i].letter == name[0])
			return &options[i];
	}
	return NULL;
}

static int option_set_bool(bool *target, const char *name, const char *value, struct err *err)
{
	if (value == NULL || strcmp(value, "true") == 0 || strcmp(value, "1") == 0)
		*target = true;
	else if (strcmp(value, "false") == 0 || strcmp(value, "0") == 0)
		*target = false;
	else
		return err_set(err, ERR_INVALID, 0, "--%s: '%s' is neither true nor false", name,
			       value);
	return 0;
}

static int option_set_uint(uint32_t *target, const char *name, const char *value, struct err *err)
{
	char *end = NULL;

	errno = 0;
	unsigned long number = strtoul(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || number > UINT32_MAX)
		return err_set(err, ERR_INVALID, 0, "--%s: '%s' is not a number from 0 to %u", name,
			       value, UINT32_MAX);
	*target = (uint32_t)number;
	return 0;
}

static int option_set(const struct option *option, const char *value, void *values, struct err *err)
{
	void *target = (char *)values + option->offset;

	switch (option->kind) {
	case OPTION_BOOL:
		return option_set_bool(target, option->name, value, err);
	case OPTION_CHOICE: {
		bool yes;
		int rc = option_set_bool(&yes, option->name, value, err);
		*(int *)target = rc < 0 ? 0 : yes ? 1 : -1;
		return rc;
	}
	case OPTION_UINT:
		return option_set_uint(target, option->name, value, err);
	case OPTION_STRING:
		*(const char **)target = value;
		return 0;
	case OPTION_LIST: {
		struct option_list *list = target;
		if (list->count == OPTION_LIST_MAX)
			return err_set(err, ERR_INVALID, 0, "--%s: more than %d times",
				       option->name, OPTION_LIST_MAX);
		list->items[list->count++] = value;
		return 0;
	}
	default:
		return err_set(err, ERR_INVALID, 0, "--%s: bad option table", option->name);
	}
}

/* One option word. Returns how many words it used, 1 or 2. */
static int option_take(const struct option *options, size_t count, int left, char **argv,
		       void *values, struct err *err)
{
	const char *word = argv[0];
	const char *name = word + (word[1] == '-' ? 2 : 1);
	const char *equals = strchr(name, '=');
	size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const char *value = equals != NULL ? equals + 1 : NULL;
	const struct option *option = option_find(options, count, name, len);
	int used = 1;

	if (option == NULL && word[1] != '-' && len > 1) {
		/* -e5: a letter with its value stuck on */
		option = option_find(options, count, name, 1);
		if (option != NULL && !option_has_value(option))
			option = NULL;
		value = name + 1;
	}
	if (option == NULL)
		return err_set(err, ERR_INVALID, 0, "unknown option '%.*s' (see --help)",
			       (int)(name - word) + (int)len, word);
	if (option_has_value(option) && value == NULL) {
		if (left < 2)
			return err_set(err, ERR_INVALID, 0, "--%s needs a value: %s", option->name,
				       option->value);
		value = argv[1];
		used = 2;
	}
	int rc = option_set(option, value, values, err);
	return rc < 0 ? rc : used;
}

int options_parse(const struct option *options, size_t count, int argc, char **argv, void *values,
		  struct err *err)
{
	int at = 0;

	while (at < argc) {
		if (strcmp(argv[at], "--") == 0)
			return at + 1;
		if (argv[at][0] != '-' || argv[at][1] == '\0')
			return at;
		int used = option_take(options, count, argc - at, argv + at, values, err);
		if (used < 0)
			return used;
		at += used;
	}
	return at;
}

int options_split(const struct option *options, size_t count, int argc, char **argv, int until,
		  void *values, char **operands, struct err *err)
{
	int found = 0;
	bool done = false;

	for (int at = 0; at < argc;) {
		done = done || (until > 0 && found >= until);
		if (done || argv[at][0] != '-' || argv[at][1] == '\0') {
			operands[found++] = argv[at++];
			continue;
		}
		if (strcmp(argv[at], "--") == 0) {
			done = true;
			at++;
			continue;
		}
		int used = option_take(options, count, argc - at, argv + at, values, err);
		if (used < 0)
			return used;
		at += used;
	}
	return found;
}

void options_help(const struct option *options, size_t count, struct buf *out)
{
	for (size_t i = 0; i < count; i++) {
		BUF_AUTO(left, 128);
		if (options[i].letter != '\0')
			buf_fmt(&left, "-%c, ", options[i].letter);
		else
			buf_str(&left, "    ");
		buf_fmt(&left, "--%s", options[i].name);
		if (options[i].value != NULL)
			buf_fmt(&left, " %s", options[i].value);
		/* One that is too long for its column has a line of its own. */
		if (left.len > HELP_COLUMN)
			buf_fmt(out, "  %s\n  %-*s %s\n", left.data, HELP_COLUMN, "",
				options[i].help);
		else
			buf_fmt(out, "  %-*s %s\n", HELP_COLUMN, left.data, options[i].help);
	}
}
