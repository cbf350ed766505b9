/*
 * option.h - command line options as a table: one row parses, explains and completes an option.
 *
 * Purpose    Fill a plain struct from argv by the rules of getopt_long and of Docker's users:
 *            `--name=value`, `--name value`, `-xVALUE`, `-x VALUE`, bundled flags (`-it`), `--flag=false`,
 *            `--` ends options, and for run and exec the first operand does as well.
 * Ownership  Values point into argv; list arrays live in the arena. argv must outlive the struct.
 * Errors     ERR_INVALID in Docker's words, with the nearest name where one is near.
 */
#ifndef CORTEN_CLI_OPTION_H
#define CORTEN_CLI_OPTION_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

enum option_kind {
	OPTION_FLAG,   /* bool */
	OPTION_STRING, /* const char *: the last one wins */
	OPTION_LIST,   /* json_strings: every one is kept */
};

/* What a shell may offer as the value. */
enum option_hint {
	HINT_NONE,
	HINT_FILE,
	HINT_DIR,
	HINT_CONTAINER,
	HINT_IMAGE,
	HINT_WORDS, /* one of the words of `metavar`, which are separated by '|' */
};

struct option {
	const char *name;    /* without the dashes */
	char letter;         /* '\0': none */
	const char *metavar; /* NULL for a flag */
	const char *help;
	enum option_kind kind;
	enum option_hint hint;
	size_t offset; /* of the member in the options struct */
};

#define OPTION_ROW_(s, m, name_, letter_, metavar_, kind_, hint_, help_)                      \
	{                                                                                     \
		.name = (name_), .letter = (letter_), .metavar = (metavar_), .help = (help_), \
		.kind = (kind_), .hint = (hint_), .offset = offsetof(s, m)                    \
	}

#define OPT_FLAG(s, m, letter, name, help) \
	OPTION_ROW_(s, m, name, letter, NULL, OPTION_FLAG, HINT_NONE, help)
#define OPT_STRING(s, m, letter, name, metavar, hint, help) \
	OPTION_ROW_(s, m, name, letter, metavar, OPTION_STRING, hint, help)
#define OPT_LIST(s, m, letter, name, metavar, hint, help) \
	OPTION_ROW_(s, m, name, letter, metavar, OPTION_LIST, hint, help)

/* One table and the struct that it fills. */
struct option_set {
	const struct option *options;
	size_t count;
	void *target;
};

struct option_args {
	char **items; /* operands, in order; lives in the arena */
	size_t count;
	bool help; /* --help was met; parsing stopped there */
};

/*
 * Parses argv[0..argc) against every set, the first match winning. `operand_ends`: the first
 * operand ends the options and is itself an operand. -h is help unless a row takes the letter.
 */
int option_parse(const struct option_set *sets, size_t set_count, bool operand_ends, char **argv,
		 size_t argc, struct arena *arena, struct option_args *ret_args, struct err *err);

/* The number of edits (insert, remove, change, swap of neighbours) between two words, at most limit + 1. */
size_t option_distance(const char *a, const char *b, size_t limit);

#endif
