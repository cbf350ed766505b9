/*
 * data.h - a JSON document as a tree of values: what a template of --format looks into.
 *
 * Purpose    Templates name members that no table knows beforehand; json.h reads into structs alone.
 * Ownership  Everything lives in the arena; the text may go once it is parsed.
 * Limits     Depth JSON_DEPTH_MAX, memory the arena's maximum.
 * Errors     ERR_INVALID with line and column where the text is no JSON.
 */
#ifndef CORTEN_CLI_DATA_H
#define CORTEN_CLI_DATA_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

enum data_kind {
	DATA_NULL,
	DATA_BOOL,
	DATA_INTEGER,
	DATA_REAL, /* any other number, as it was written */
	DATA_TEXT,
	DATA_LIST,
	DATA_MAP,
	DATA_LABELS, /* called with a name: the value of that label, or "" */
};

struct data;
struct data_entry;

typedef JSON_LIST_OF(struct data) data_list;
typedef JSON_LIST_OF(struct data_entry) data_map; /* in the document's order */

struct data {
	enum data_kind kind;
	bool nil; /* empty and of a type that is known: JSON's null, a template's <nil>, [] or map[] */
	bool open; /* a map that may have any key: one that it lacks is no error */
	union {
		bool truth;
		int64_t integer;
		struct json_text text; /* of a real too */
		data_list list;
		data_map map; /* of labels too */
	};
};

struct data_entry {
	const char *key;
	struct data value;
};

int data_parse(const char *text, size_t len, struct arena *arena, struct data *ret_data,
	       struct err *err);

/* NULL when the map has no such key. */
const struct data *data_find(const data_map *map, const char *key);

static inline struct data data_text(const char *text, size_t len)
{
	return (struct data){.kind = DATA_TEXT, .text = {text, len}};
}

/* "string", "int", "map", ...: what messages call it. */
const char *data_kind_name(const struct data *data);

/* Whether a condition holds for it, by Go's rule: what is zero or empty is false. */
bool data_is_true(const struct data *data);

/* Appends it as Go prints it: `[a b]`, `map[key:value]`, keys sorted. */
void data_print(const struct data *data, struct buf *out);

/* Appends it as compact JSON, in the document's order. */
void data_write_json(const struct data *data, struct buf *out);

/* The map's entries by their keys; NULL when the arena is full. */
const struct data_entry **data_sorted(const data_map *map, struct arena *arena);

#endif
