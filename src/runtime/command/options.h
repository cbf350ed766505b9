/*
 * options.h - command-line options from a table, in the forms that runc's and crun's users write.
 *
 * Shape      "--name VALUE", "--name=VALUE", "-name" (runc's parser takes one dash too), "-x VALUE",
 *            "-xVALUE", "--". Boolean options also take "=true" and "=false". One table feeds parsing and --help.
 * Errors     ERR_INVALID that names the option.
 */
#ifndef CORTEN_RUNTIME_COMMAND_OPTIONS_H
#define CORTEN_RUNTIME_COMMAND_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum option_kind {
	OPTION_BOOL,   /* bool */
	OPTION_CHOICE, /* int: 0 when not given, then 1 for true and -1 for false */
	OPTION_STRING, /* const char * */
	OPTION_UINT,   /* uint32_t */
	OPTION_LIST,   /* struct option_list, once per use */
};

#define OPTION_LIST_MAX 256

struct option_list {
	const char *items[OPTION_LIST_MAX];
	size_t count;
};

struct option {
	const char *name;
	char letter; /* 0: none */
	enum option_kind kind;
	size_t offset;     /* in the struct given to options_parse() */
	const char *value; /* "FILE", for help; NULL for booleans */
	const char *help;
};

/*
 * Reads options from argv[0..argc) into `values`, up to the first operand. Returns the number of words
 * used up, so that argv + n are the operands, or negative.
 */
int options_parse(const struct option *options, size_t count, int argc, char **argv, void *values,
		  struct err *err);

/*
 * The same with options between and after the operands, until there are `until` operands (0: until "--").
 * operands[argc] gets the operands, argv stays as it is. Returns their number or negative.
 */
int options_split(const struct option *options, size_t count, int argc, char **argv, int until,
		  void *values, char **operands, struct err *err);

/* Whether a word must follow it. */
static inline bool option_has_value(const struct option *option)
{
	return option->kind != OPTION_BOOL && option->kind != OPTION_CHOICE;
}

/* Appends a help paragraph, one line an option. */
void options_help(const struct option *options, size_t count, struct buf *out);

#endif
