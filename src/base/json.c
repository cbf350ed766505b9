#include "base/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"

#define JSON_LIST_FIRST   4  /* items a list has room for at first */
#define JSON_MAP_PAIRWISE 16 /* larger maps are sorted to find a name that comes twice */

/* One step of the way to a value: a member's or a map entry's name, or else an index. */
struct json_place {
	const char *name; /* NULL: an index */
	size_t len;
	size_t index;
	bool quoted; /* a map's name is the user's own and printed as ["name"] */
};

struct json_parser {
	struct json_scan scan;
	struct arena *arena;
	size_t place_count;
	struct json_place places[JSON_DEPTH_MAX + 1];
};

static int parse_object(struct json_parser *parser, const struct json_shape *shape, char *object);

static void place_push(struct json_parser *parser, struct json_place place)
{
	parser->places[parser->place_count++] = place;
}

static void place_pop(struct json_parser *parser)
{
	parser->place_count--;
}

static void place_format(const struct json_parser *parser, struct buf *out)
{
	for (size_t i = 0; i < parser->place_count; i++) {
		const struct json_place *place = &parser->places[i];
		if (place->name == NULL) {
			buf_fmt(out, "[%zu]", place->index);
			continue;
		}
		if (!place->quoted && i > 0)
			buf_char(out, '.');
		buf_fmt(out, place->quoted ? "[\"%.*s\"]" : "%.*s", (int)place->len, place->name);
	}
}

/* Refuses a value for what it means; the place is named by its path. */
static int place_fail(struct json_parser *parser, const char *fmt, ...) PRINTF(2, 3);
static int place_fail(struct json_parser *parser, const char *fmt, ...)
{
	char text[160];
	va_list args;
	BUF_AUTO(path, 256);

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	place_format(parser, &path);
	if (path.len == 0)
		return json_scan_fail(&parser->scan, "%s", text);
	return err_set(parser->scan.err, ERR_INVALID, 0, "%s%s: %s", path.data,
		       path.failed ? "..." : "", text);
}

static int type_fail(struct json_parser *parser, const char *wanted)
{
	const char *at = parser->scan.at;
	int rc = json_scan_skip(&parser->scan);

	if (rc < 0)
		return rc; /* not even JSON: that says more */
	parser->scan.at = at;
	return place_fail(parser, "expected %s", wanted);
}

static void *parser_alloc(struct json_parser *parser, size_t size)
{
	void *at = arena_alloc(parser->arena, size);

	if (at == NULL)
		(void)err_set(parser->scan.err, ERR_INVALID, 0,
			      "the document needs more than %zu bytes of memory",
			      parser->arena->max_bytes);
	return at;
}

size_t json_value_size(const struct json_field *field)
{
	switch ((enum json_type)field->type) {
	case JSON_TYPE_BOOL:
		return sizeof(bool);
	case JSON_TYPE_INT32:
	case JSON_TYPE_UINT32:
		return sizeof(int32_t);
	case JSON_TYPE_INT64:
	case JSON_TYPE_UINT64:
		return sizeof(int64_t);
	case JSON_TYPE_UINT16:
		return sizeof(uint16_t);
	case JSON_TYPE_DOUBLE:
		return sizeof(double);
	case JSON_TYPE_STRING:
		return sizeof(const char *);
	case JSON_TYPE_ENUM:
		return sizeof(int);
	case JSON_TYPE_OBJECT:
		return field->shape->size;
	case JSON_TYPE_RAW:
		return sizeof(struct json_text);
	}
	return 0;
}

size_t json_entry_size(const struct json_field *field)
{
	if (field->type == JSON_TYPE_OBJECT)
		return field->shape->size;
	return field->type == JSON_TYPE_RAW ? sizeof(struct json_member) : sizeof(struct json_pair);
}

static int parse_bool(struct json_parser *parser, char *at)
{
	int c = json_scan_peek(&parser->scan);
	bool value = c == 't';

	if (c != 't' && c != 'f')
		return type_fail(parser, "true or false");
	memcpy(at, &value, sizeof(value));
	return json_scan_word(&parser->scan, value ? "true" : "false");
}

static int parse_number(struct json_parser *parser, const char *wanted,
			struct json_token *ret_token)
{
	int c = json_scan_peek(&parser->scan);

	if (c != '-' && (c < '0' || c > '9'))
		return type_fail(parser, wanted);
	return json_scan_number(&parser->scan, ret_token);
}

/* As Go reads it: no fraction and no exponent, even where the value would be whole. */
static int parse_signed(struct json_parser *parser, enum json_type type, char *at)
{
	int64_t max = type == JSON_TYPE_INT32 ? INT32_MAX : INT64_MAX;
	struct json_token token = {0};
	int64_t value;
	int rc = parse_number(parser, "an integer", &token);

	if (rc < 0)
		return rc;
	if (!token.integral)
		return place_fail(parser, "expected an integer");
	if (!json_token_int64(&token, -max - 1, max, &value))
		return place_fail(parser, "expected an integer from %" PRId64 " to %" PRId64,
				  -max - 1, max);
	if (type == JSON_TYPE_INT32) {
		int32_t narrow = (int32_t)value;
		memcpy(at, &narrow, sizeof(narrow));
	} else {
		memcpy(at, &value, sizeof(value));
	}
	return 0;
}

static int parse_unsigned(struct json_parser *parser, enum json_type type, char *at)
{
	uint64_t max = type == JSON_TYPE_UINT16   ? UINT16_MAX
		       : type == JSON_TYPE_UINT32 ? UINT32_MAX
						  : UINT64_MAX;
	struct json_token token = {0};
	uint64_t value;
	int rc = parse_number(parser, "an integer", &token);

	if (rc < 0)
		return rc;
	if (!token.integral)
		return place_fail(parser, "expected an integer");
	if (!json_token_uint64(&token, max, &value))
		return place_fail(parser, "expected an integer from 0 to %" PRIu64, max);
	if (type == JSON_TYPE_UINT16) {
		uint16_t narrow = (uint16_t)value;
		memcpy(at, &narrow, sizeof(narrow));
	} else if (type == JSON_TYPE_UINT32) {
		uint32_t narrow = (uint32_t)value;
		memcpy(at, &narrow, sizeof(narrow));
	} else {
		memcpy(at, &value, sizeof(value));
	}
	return 0;
}

static int parse_double(struct json_parser *parser, char *at)
{
	struct json_token token;
	double value;
	int rc = parse_number(parser, "a number", &token);

	if (rc < 0)
		return rc;
	if (!json_token_double(&token, &value))
		return place_fail(parser, "the number is too large or too long");
	memcpy(at, &value, sizeof(value));
	return 0;
}

/* A NUL-terminated copy of a scanned string; NULL with err set. */
static const char *token_copy(struct json_parser *parser, const struct json_token *token)
{
	char *copy = parser_alloc(parser, token->len + 1);

	if (copy == NULL)
		return NULL;
	if (!token->escaped) {
		memcpy(copy, token->text, token->len);
		return copy;
	}
	size_t len = json_scan_unescape(token, copy);
	if (memchr(copy, '\0', len) != NULL) {
		(void)place_fail(parser, "a string may not hold the character \\u0000");
		return NULL;
	}
	return copy;
}

static int parse_string(struct json_parser *parser, char *at)
{
	struct json_token token;

	if (json_scan_peek(&parser->scan) != '"')
		return type_fail(parser, "a string");
	int rc = json_scan_string(&parser->scan, &token);
	if (rc < 0)
		return rc;
	const char *copy = token_copy(parser, &token);
	if (copy == NULL)
		return -EINVAL;
	memcpy(at, &copy, sizeof(copy));
	return 0;
}

static int parse_enum(struct json_parser *parser, const struct json_field *field, char *at)
{
	const char *text = "";
	int rc = parse_string(parser, (char *)&text);

	if (rc < 0)
		return rc;
	for (int i = 0; field->names[i] != NULL; i++) {
		if (strcmp(field->names[i], text) == 0) {
			memcpy(at, &i, sizeof(i));
			return 0;
		}
	}
	return place_fail(parser, "unknown value \"%.64s\"", text);
}

static int parse_raw(struct json_parser *parser, char *at)
{
	struct json_text raw = {.text = parser->scan.at};
	int rc = json_scan_skip(&parser->scan);

	if (rc < 0)
		return rc;
	raw.len = (size_t)(parser->scan.at - raw.text);
	memcpy(at, &raw, sizeof(raw));
	return 0;
}

static int parse_value(struct json_parser *parser, const struct json_field *field, char *at)
{
	enum json_type type = (enum json_type)field->type;

	switch (type) {
	case JSON_TYPE_BOOL:
		return parse_bool(parser, at);
	case JSON_TYPE_INT32:
	case JSON_TYPE_INT64:
		return parse_signed(parser, type, at);
	case JSON_TYPE_UINT16:
	case JSON_TYPE_UINT32:
	case JSON_TYPE_UINT64:
		return parse_unsigned(parser, type, at);
	case JSON_TYPE_DOUBLE:
		return parse_double(parser, at);
	case JSON_TYPE_STRING:
		return parse_string(parser, at);
	case JSON_TYPE_ENUM:
		return parse_enum(parser, field, at);
	case JSON_TYPE_OBJECT:
		return parse_object(parser, field->shape, at);
	case JSON_TYPE_RAW:
		return parse_raw(parser, at);
	}
	return -EINVAL;
}

/* Room for one item more; the address of that item, zeroed, or NULL with err set. */
static char *list_add(struct json_parser *parser, struct json_list *list, size_t size)
{
	size_t count = list->count;

	/* Full exactly at the first size and its doublings. */
	if (count == 0 || (count >= JSON_LIST_FIRST && (count & (count - 1)) == 0)) {
		size_t room = count == 0 ? JSON_LIST_FIRST : count * 2;
		char *items = parser_alloc(parser, room * size);
		if (items == NULL)
			return NULL;
		if (count > 0)
			memcpy(items, list->items, count * size);
		list->items = items;
	}
	return (char *)list->items + list->count++ * size;
}

/* A list that is there and empty differs from an absent one: its items are not NULL. */
static int list_keep(struct json_parser *parser, struct json_list *list, char *at)
{
	if (list->items == NULL) {
		list->items = parser_alloc(parser, 1);
		if (list->items == NULL)
			return -EINVAL;
	}
	memcpy(at, list, sizeof(*list));
	return 0;
}

static int parse_list(struct json_parser *parser, const struct json_field *field, char *at)
{
	struct json_list list = {0};
	size_t size = json_value_size(field);

	if (json_scan_peek(&parser->scan) != '[')
		return type_fail(parser, "a list");
	int rc = json_scan_enter(&parser->scan);
	while (rc >= 0) {
		rc = json_scan_item(&parser->scan, list.count == 0);
		if (rc == 0)
			rc = list_keep(parser, &list, at);
		if (rc <= 0)
			break;
		char *item = list_add(parser, &list, size);
		if (item == NULL)
			return -EINVAL;
		place_push(parser, (struct json_place){.index = list.count - 1});
		rc = parse_value(parser, field, item);
		place_pop(parser);
	}
	return rc;
}

static int key_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *entry_key(const struct json_list *map, size_t index, size_t size)
{
	const char *key;

	memcpy(&key, (const char *)map->items + index * size, sizeof(key));
	return key;
}

/* The first name found twice, or NULL; sets *ret_failed when memory is out. */
static const char *map_duplicate(struct json_parser *parser, const struct json_list *map,
				 size_t size, bool *ret_failed)
{
	const char **keys = parser_alloc(parser, map->count * sizeof(*keys));

	*ret_failed = keys == NULL;
	if (keys == NULL)
		return NULL;
	for (size_t i = 0; i < map->count; i++)
		keys[i] = entry_key(map, i, size);
	qsort(keys, map->count, sizeof(*keys), key_compare);
	for (size_t i = 1; i < map->count; i++) {
		if (strcmp(keys[i - 1], keys[i]) == 0)
			return keys[i];
	}
	return NULL;
}

static int map_check(struct json_parser *parser, const struct json_list *map, size_t size)
{
	bool failed = false;

	/* A small map was checked while it grew. */
	if (map->count <= JSON_MAP_PAIRWISE)
		return 0;
	const char *key = map_duplicate(parser, map, size, &failed);
	if (failed)
		return -ENOMEM;
	return key == NULL ? 0 : place_fail(parser, "the name \"%.64s\" comes twice", key);
}

static int parse_entry(struct json_parser *parser, const struct json_field *field,
		       const struct json_token *name, struct json_list *map, size_t size)
{
	const char *key = token_copy(parser, name);

	if (key == NULL)
		return -EINVAL;
	for (size_t i = 0; i < map->count && map->count < JSON_MAP_PAIRWISE; i++) {
		if (strcmp(entry_key(map, i, size), key) == 0)
			return place_fail(parser, "the name comes twice");
	}
	char *entry = list_add(parser, map, size);
	if (entry == NULL)
		return -EINVAL;
	bool object = field->type == JSON_TYPE_OBJECT;
	int rc;
	if (json_scan_peek(&parser->scan) == 'n' && field->type != JSON_TYPE_RAW) {
		/* null is an empty value: the entry itself is there */
		rc = json_scan_word(&parser->scan, "null");
		const char *empty = "";
		if (!object)
			memcpy(entry + sizeof(key), &empty, sizeof(empty));
	} else {
		rc = parse_value(parser, field, object ? entry : entry + sizeof(key));
	}
	memcpy(entry, &key, sizeof(key));
	return rc;
}

static int parse_map(struct json_parser *parser, const struct json_field *field, char *at)
{
	struct json_list map = {0};
	struct json_token name;
	size_t size = json_entry_size(field);

	if (json_scan_peek(&parser->scan) != '{')
		return type_fail(parser, "an object");
	int rc = json_scan_enter(&parser->scan);
	while (rc >= 0) {
		rc = json_scan_member(&parser->scan, map.count == 0, &name);
		if (rc <= 0)
			break;
		place_push(parser,
			   (struct json_place){.name = name.text, .len = name.len, .quoted = true});
		rc = parse_entry(parser, field, &name, &map, size);
		place_pop(parser);
	}
	if (rc < 0)
		return rc;
	memcpy(at, &map, sizeof(map));
	return map_check(parser, &map, size);
}

static int parse_field(struct json_parser *parser, const struct json_field *field, char *at)
{
	switch ((enum json_form)field->form) {
	case JSON_FORM_PLAIN:
		return parse_value(parser, field, at);
	case JSON_FORM_OPTIONAL: {
		char *value = parser_alloc(parser, json_value_size(field));
		if (value == NULL)
			return -EINVAL;
		memcpy(at, &value, sizeof(value));
		return parse_value(parser, field, value);
	}
	case JSON_FORM_LIST:
		return parse_list(parser, field, at);
	case JSON_FORM_MAP:
		return parse_map(parser, field, at);
	}
	return -EINVAL;
}

static bool name_is(const char *name, const char *text, size_t len)
{
	return strncmp(name, text, len) == 0 && name[len] == '\0';
}

/* The field of that name, looked for from `hint` on: documents mostly keep the table's order. */
static size_t field_find(const struct json_shape *shape, const char *name, size_t len, size_t hint)
{
	for (size_t i = 0; i < shape->count; i++) {
		size_t at = hint + i < shape->count ? hint + i : hint + i - shape->count;
		if (name_is(shape->fields[at].name, name, len))
			return at;
	}
	return shape->count;
}

static int parse_name(struct json_parser *parser, const struct json_shape *shape,
		      const struct json_token *name, size_t hint, size_t *ret_index)
{
	if (!name->escaped) {
		*ret_index = field_find(shape, name->text, name->len, hint);
		return 0;
	}
	char *plain = parser_alloc(parser, name->len + 1);
	if (plain == NULL)
		return -EINVAL;
	size_t len = json_scan_unescape(name, plain);
	*ret_index = memchr(plain, '\0', len) != NULL ? shape->count
						      : field_find(shape, plain, len, hint);
	return 0;
}

static int check_needed(struct json_parser *parser, const struct json_shape *shape,
			uint64_t present)
{
	for (size_t i = 0; i < shape->count; i++) {
		const struct json_field *field = &shape->fields[i];
		if ((field->flags & JSON_NEEDED) == 0 || (present >> i & 1) != 0)
			continue;
		place_push(parser,
			   (struct json_place){.name = field->name, .len = strlen(field->name)});
		int rc = place_fail(parser, "missing");
		place_pop(parser);
		return rc;
	}
	return 0;
}

/* The value of a known field; null leaves it absent. */
static int parse_member(struct json_parser *parser, const struct json_field *field, char *object,
			bool *ret_present)
{
	*ret_present = json_scan_peek(&parser->scan) != 'n';
	if (!*ret_present)
		return json_scan_word(&parser->scan, "null");
	return parse_field(parser, field, object + field->offset);
}

static int parse_object(struct json_parser *parser, const struct json_shape *shape, char *object)
{
	uint64_t seen = 0, present = 0;
	size_t hint = 0;

	if (json_scan_peek(&parser->scan) != '{')
		return type_fail(parser, "an object");
	int rc = json_scan_enter(&parser->scan);
	if (rc < 0)
		return rc;
	for (bool first = true;; first = false) {
		struct json_token name;
		size_t index;
		rc = json_scan_member(&parser->scan, first, &name);
		if (rc <= 0)
			break;
		rc = parse_name(parser, shape, &name, hint, &index);
		if (rc < 0)
			return rc;
		if (index == shape->count) {
			rc = json_scan_skip(&parser->scan);
			if (rc < 0)
				return rc;
			continue;
		}
		const struct json_field *field = &shape->fields[index];
		bool is_present = false;
		place_push(parser, (struct json_place){.name = field->name, .len = name.len});
		if ((seen >> index & 1) != 0)
			rc = place_fail(parser, "the name comes twice");
		else
			rc = parse_member(parser, field, object, &is_present);
		place_pop(parser);
		if (rc < 0)
			return rc;
		seen |= (uint64_t)1 << index;
		present |= (uint64_t)is_present << index;
		hint = index + 1;
	}
	return rc < 0 ? rc : check_needed(parser, shape, present);
}

static void parser_start(struct json_parser *parser, const char *text, size_t len,
			 struct arena *arena, struct err *err)
{
	parser->scan = (struct json_scan){.start = text, .at = text, .end = text + len, .err = err};
	parser->arena = arena;
	parser->place_count = 0;
	json_scan_space(&parser->scan);
}

int json_parse(const struct json_shape *shape, const char *text, size_t len, struct arena *arena,
	       void *ret_object, struct err *err)
{
	struct json_parser parser;

	memset(ret_object, 0, shape->size);
	parser_start(&parser, text, len, arena, err);
	int rc = parse_object(&parser, shape, ret_object);
	return rc < 0 ? rc : json_scan_end(&parser.scan);
}

int json_parse_list(const struct json_shape *shape, const char *text, size_t len,
		    struct arena *arena, void *ret_list, struct err *err)
{
	const struct json_field field = {
		.name = "", .type = JSON_TYPE_OBJECT, .form = JSON_FORM_LIST, .shape = shape};
	struct json_parser parser;

	memset(ret_list, 0, sizeof(struct json_list));
	parser_start(&parser, text, len, arena, err);
	int rc = parse_list(&parser, &field, ret_list);
	return rc < 0 ? rc : json_scan_end(&parser.scan);
}

int json_check(const char *text, size_t len, struct err *err)
{
	struct json_scan scan = {.start = text, .at = text, .end = text + len, .err = err};

	json_scan_space(&scan);
	int rc = json_scan_skip(&scan);
	return rc < 0 ? rc : json_scan_end(&scan);
}
