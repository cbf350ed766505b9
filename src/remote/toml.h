/*
 * toml.h - the part of TOML that configurations of registries are written in.
 *
 * Purpose    Hands out one setting after the other: the table that it stands in, its key, its value.
 * Ownership  Text lives in the arena.
 * Errors     ERR_INVALID with the line. Strings over several lines, dates and dotted keys are refused by name; numbers
 *            and inline tables are passed over as TOML_OTHER.
 */
#ifndef CORTEN_REMOTE_TOML_H
#define CORTEN_REMOTE_TOML_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/json.h"

enum toml_kind {
	TOML_TABLE, /* "[name]", or with `list` "[[name]]": settings follow */
	TOML_STRING,
	TOML_BOOL,
	TOML_STRINGS, /* an array of nothing but strings */
	TOML_OTHER,
};

struct toml_item {
	enum toml_kind kind;
	bool list;
	const char *name; /* the table's, or the key */
	const char *text;
	bool truth;
	json_strings strings;
};

struct toml {
	const char *at;
	const char *end;
	unsigned int line;
	struct arena *arena;
};

void toml_init(struct toml *toml, const char *text, size_t len, struct arena *arena);

/* 1: an item; 0: the end. */
int toml_next(struct toml *toml, struct toml_item *ret_item, struct err *err);

#endif
