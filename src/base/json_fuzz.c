/* parse, write, parse: both readings must be written alike, and what is written must be JSON. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

struct item {
	const char *key;
	bool *flag;
	int32_t small;
	double real;
	const char *text;
	struct json_text raw;
	int kind;
	json_strings strings;
	JSON_LIST_OF(uint64_t) numbers;
	JSON_LIST_OF(struct item) items;
	JSON_LIST_OF(struct item) map;
	json_pairs pairs;
	struct item *inner;
};

static const char *const kind_names[] = {"", "one", "two", NULL};

extern const struct json_shape item_shape;
static const struct json_field item_fields[] = {
	JSON_OPT(struct item, flag, "f", JSON_TYPE_BOOL),
	JSON_INT32(struct item, small, "s"),
	JSON_DOUBLE(struct item, real, "d"),
	JSON_STRING(struct item, text, "t"),
	JSON_RAW(struct item, raw, "r"),
	JSON_ENUM(struct item, kind, "k", kind_names),
	JSON_LIST(struct item, strings, "l", JSON_TYPE_STRING),
	JSON_LIST(struct item, numbers, "n", JSON_TYPE_UINT64),
	JSON_OBJECTS(struct item, items, "i", item_shape),
	JSON_OBJECT_MAP(struct item, map, "m", item_shape),
	JSON_STRING_MAP(struct item, pairs, "p"),
	JSON_OBJECT(struct item, inner, "o", item_shape),
};
JSON_SHAPE(item_shape, struct item, item_fields);

#define ARENA_MAX (16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct item item, again;
	struct err err;
	ARENA_AUTO(arena, ARENA_MAX);
	ARENA_AUTO(arena_again, 4 * ARENA_MAX);
	BUF_AUTO(first, ARENA_MAX);
	BUF_AUTO(second, ARENA_MAX);

	int checked = json_check((const char *)data, size, &err);
	if (json_parse(&item_shape, (const char *)data, size, &arena, &item, &err) < 0)
		return 0;
	if (checked < 0)
		abort();
	json_write(&item_shape, &item, (size & 1) != 0 ? JSON_PRETTY : JSON_COMPACT, &first);
	if (first.failed)
		return 0;
	if (json_parse(&item_shape, first.data, first.len, &arena_again, &again, &err) < 0)
		abort();
	json_write(&item_shape, &again, (size & 1) != 0 ? JSON_PRETTY : JSON_COMPACT, &second);
	if (!second.failed && strcmp(first.data, second.data) != 0)
		abort();
	return 0;
}
