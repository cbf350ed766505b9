#include "cli/option.h"

#include <errno.h>
#include <string.h>

#define WORD_MAX 64

struct parser {
	const struct option_set *sets;
	size_t set_count;
	char **argv;
	size_t argc;
	size_t at; /* the next argument to read */
	struct arena *arena;
	struct option_args *args;
};

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

size_t option_distance(const char *a, const char *b, size_t limit)
{
	size_t la = strlen(a), lb = strlen(b);
	size_t rows[3][WORD_MAX + 1];

	if (la > WORD_MAX || lb > WORD_MAX)
		return limit + 1;
	size_t *before = rows[0], *last = rows[1], *row = rows[2];
	for (size_t j = 0; j <= lb; j++) {
		last[j] = j;
		before[j] = j;
	}
	for (size_t i = 1; i <= la; i++) {
		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t change = last[j - 1] + (a[i - 1] != b[j - 1]);
			row[j] = min3(last[j] + 1, row[j - 1] + 1, change);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		size_t *spare = before;
		before = last;
		last = row;
		row = spare;
	}
	return last[lb] > limit ? limit + 1 : last[lb];
}

static const struct option *find_name(const struct parser *p, const char *name, size_t len,
				      void **ret_target)
{
	for (size_t s = 0; s < p->set_count; s++) {
		for (size_t i = 0; i < p->sets[s].count; i++) {
			const struct option *option = &p->sets[s].options[i];
			if (strlen(option->name) == len && memcmp(option->name, name, len) == 0) {
				*ret_target = p->sets[s].target;
				return option;
			}
		}
	}
	return NULL;
}

static const struct option *find_letter(const struct parser *p, char letter, void **ret_target)
{
	for (size_t s = 0; s < p->set_count; s++) {
		for (size_t i = 0; i < p->sets[s].count; i++) {
			if (p->sets[s].options[i].letter == letter) {
				*ret_target = p->sets[s].target;
				return &p->sets[s].options[i];
			}
		}
	}
	return NULL;
}

static int unknown_name(const struct parser *p, const char *name, size_t len, struct err *err)
{
	const char *nearest = NULL;
	size_t best = len > 4 ? 3 : 2;
	char word[WORD_MAX + 1];

	if (len <= WORD_MAX) {
		memcpy(word, name, len);
		word[len] = '\0';
		for (size_t s = 0; s < p->set_count; s++) {
			for (size_t i = 0; i < p->sets[s].count; i++) {
				const char *known = p->sets[s].options[i].name;
				size_t distance = option_distance(word, known, best);
				if (distance < best) {
					best = distance;
					nearest = known;
				}
			}
		}
	}
	if (nearest != NULL)
		return err_set(err, ERR_INVALID, 0, "unknown flag: --%.*s (did you mean --%s?)",
			       (int)len, name, nearest);
	return err_set(err, ERR_INVALID, 0, "unknown flag: --%.*s", (int)len, name);
}

static int set_flag(const struct option *option, void *target, const char *value, struct err *err)
{
	static const char *const yes[] = {"true", "1", "t", "T", "TRUE", "True"};
	static const char *const no[] = {"false", "0", "f", "F", "FALSE", "False"};
	bool *member = (bool *)((char *)target + option->offset);

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (value == NULL || strcmp(value, yes[i]) == 0) {
			*member = true;
			return 0;
		}
		if (strcmp(value, no[i]) == 0) {
			*member = false;
			return 0;
		}
	}
	return err_set(err, ERR_INVALID, 0,
		       "invalid argument \"%s\" for \"--%s\" flag: it is true or false", value,
		       option->name);
}

static int set_value(struct parser *p, const struct option *option, void *target, const char *value,
		     struct err *err)
{
	if (option->kind == OPTION_STRING) {
		*(const char **)((char *)target + option->offset) = value;
		return 0;
	}
	json_strings *list = (json_strings *)((char *)target + option->offset);
	/* A command line holds at most argc values; the first one makes room for all. A list that a
	   default filled is replaced. */
	if (list->count == 0) {
		list->items = arena_alloc(p->arena, (p->argc + 1) * sizeof(char *));
		if (list->items == NULL)
			return err_set(err, ERR_SYSTEM, ENOMEM, "read the command line");
	}
	list->items[list->count++] = value;
	return 0;
}

static int parse_long(struct parser *p, const char *arg, struct err *err)
{
	const char *equals = strchr(arg, '=');
	size_t len = equals != NULL ? (size_t)(equals - arg) : strlen(arg);
	void *target = NULL;
	const struct option *option = find_name(p, arg, len, &target);

	if (option == NULL && len == 4 && memcmp(arg, "help", 4) == 0) {
		p->args->help = true;
		return 0;
	}
	if (option == NULL)
		return unknown_name(p, arg, len, err);
	if (option->kind == OPTION_FLAG)
		return set_flag(option, target, equals != NULL ? equals + 1 : NULL, err);
	if (equals != NULL)
		return set_value(p, option, target, equals + 1, err);
	if (p->at == p->argc)
		return err_set(err, ERR_INVALID, 0, "flag needs an argument: --%s", option->name);
	return set_value(p, option, target, p->argv[p->at++], err);
}

/* A run of letters: flags up to the first one that takes a value, which takes the rest. */
static int parse_letters(struct parser *p, const char *letters, struct err *err)
{
	for (const char *at = letters; *at != '\0'; at++) {
		void *target = NULL;
		const struct option *option = find_letter(p, *at, &target);
		if (option == NULL && *at == 'h') {
			p->args->help = true;
			return 0;
		}
		if (option == NULL)
			return err_set(err, ERR_INVALID, 0, "unknown shorthand flag: '%c' in -%s",
				       *at, letters);
		if (option->kind == OPTION_FLAG) {
			const char *value = at[1] == '=' ? at + 2 : NULL;
			int rc = set_flag(option, target, value, err);
			if (rc < 0 || value != NULL)
				return rc;
			continue;
		}
		if (at[1] != '\0')
			return set_value(p, option, target, at + (at[1] == '=' ? 2 : 1), err);
		if (p->at == p->argc)
			return err_set(err, ERR_INVALID, 0, "flag needs an argument: '%c' in -%s",
				       *at, letters);
		return set_value(p, option, target, p->argv[p->at++], err);
	}
	return 0;
}

int option_parse(const struct option_set *sets, size_t set_count, bool operand_ends, char **argv,
		 size_t argc, struct arena *arena, struct option_args *ret_args, struct err *err)
{
	struct parser p = {sets, set_count, argv, argc, 0, arena, ret_args};
	bool ended = false;

	*ret_args = (struct option_args){0};
	ret_args->items = arena_alloc(arena, (argc + 1) * sizeof(char *));
	if (ret_args->items == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "read the command line");
	while (p.at < argc && !ret_args->help) {
		char *arg = argv[p.at++];
		if (ended || arg[0] != '-' || arg[1] == '\0') {
			ret_args->items[ret_args->count++] = arg;
			ended = ended || operand_ends;
			continue;
		}
		if (strcmp(arg, "--") == 0) {
			ended = true;
			continue;
		}
		int rc = arg[1] == '-' ? parse_long(&p, arg + 2, err)
				       : parse_letters(&p, arg + 1, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}
