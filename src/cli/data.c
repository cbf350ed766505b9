#include "cli/data.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"
#include "engine/spec/list.h"

static int parse_value(struct json_scan *scan, struct arena *arena, struct data *ret_data);

static int no_memory(struct json_scan *scan)
{
	return list_no_memory(scan->err);
}

/* The characters of a string token, with a NUL behind them. */
static int take_text(struct json_scan *scan, const struct json_token *token, struct arena *arena,
		     struct json_text *ret_text)
{
	char *text = arena_alloc(arena, token->len + 1);

	if (text == NULL)
		return no_memory(scan);
	if (token->escaped)
		ret_text->len = json_scan_unescape(token, text);
	else
		memcpy(text, token->text, ret_text->len = token->len);
	ret_text->text = text;
	return 0;
}

static int parse_text(struct json_scan *scan, struct arena *arena, struct data *ret_data)
{
	struct json_token token;

	int rc = json_scan_string(scan, &token);
	ret_data->kind = DATA_TEXT;
	return rc < 0 ? rc : take_text(scan, &token, arena, &ret_data->text);
}

static int parse_number(struct json_scan *scan, struct arena *arena, struct data *ret_data)
{
	struct json_token token;

	int rc = json_scan_number(scan, &token);
	if (rc < 0)
		return rc;
	if (token.integral && json_token_int64(&token, INT64_MIN, INT64_MAX, &ret_data->integer)) {
		ret_data->kind = DATA_INTEGER;
		return 0;
	}
	ret_data->kind = DATA_REAL;
	return take_text(scan, &token, arena, &ret_data->text);
}

static int parse_list(struct json_scan *scan, struct arena *arena, struct data *ret_data)
{
	data_list list = {0};

	int rc = json_scan_enter(scan);
	if (rc < 0)
		return rc;
	while ((rc = json_scan_item(scan, list.count == 0)) > 0) {
		struct data *item = list_push(&list, sizeof(*item), arena);
		if (item == NULL)
			return no_memory(scan);
		rc = parse_value(scan, arena, item);
		if (rc < 0)
			return rc;
	}
	*ret_data = (struct data){.kind = DATA_LIST, .list = list};
	return rc;
}

static int parse_map(struct json_scan *scan, struct arena *arena, struct data *ret_data)
{
	data_map map = {0};
	struct json_token name;
	struct json_text key = {0};

	int rc = json_scan_enter(scan);
	if (rc < 0)
		return rc;
	while ((rc = json_scan_member(scan, map.count == 0, &name)) > 0) {
		struct data_entry *entry = list_push(&map, sizeof(*entry), arena);
		if (entry == NULL)
			return no_memory(scan);
		rc = take_text(scan, &name, arena, &key);
		entry->key = key.text;
		if (rc == 0)
			rc = parse_value(scan, arena, &entry->value);
		if (rc < 0)
			return rc;
	}
	*ret_data = (struct data){.kind = DATA_MAP, .map = map};
	return rc;
}

static int parse_value(struct json_scan *scan, struct arena *arena, struct data *ret_data)
{
	int c = json_scan_peek(scan);

	*ret_data = (struct data){.kind = DATA_NULL};
	switch (c) {
	case '{':
		return parse_map(scan, arena, ret_data);
	case '[':
		return parse_list(scan, arena, ret_data);
	case '"':
		return parse_text(scan, arena, ret_data);
	case 't':
	case 'f':
		*ret_data = (struct data){.kind = DATA_BOOL, .truth = c == 't'};
		return json_scan_word(scan, c == 't' ? "true" : "false");
	case 'n':
		return json_scan_word(scan, "null");
	default:
		if (c == '-' || (c >= '0' && c <= '9'))
			return parse_number(scan, arena, ret_data);
		return json_scan_fail(scan, "expected a value");
	}
}

int data_parse(const char *text, size_t len, struct arena *arena, struct data *ret_data,
	       struct err *err)
{
	struct json_scan scan = {.start = text, .at = text, .end = text + len, .err = err};

	json_scan_space(&scan);
	int rc = parse_value(&scan, arena, ret_data);
	return rc < 0 ? rc : json_scan_end(&scan);
}

const struct data *data_find(const data_map *map, const char *key)
{
	for (size_t i = 0; i < map->count; i++) {
		if (strcmp(map->items[i].key, key) == 0)
			return &map->items[i].value;
	}
	return NULL;
}

const char *data_kind_name(const struct data *data)
{
	static const char *const names[] = {
		[DATA_NULL] = "nil",     [DATA_BOOL] = "bool",      [DATA_INTEGER] = "int",
		[DATA_REAL] = "float64", [DATA_TEXT] = "string",    [DATA_LIST] = "list",
		[DATA_MAP] = "map",      [DATA_LABELS] = "function"};

	return names[data->kind];
}

bool data_is_true(const struct data *data)
{
	switch (data->kind) {
	case DATA_NULL:
		return false;
	case DATA_BOOL:
		return data->truth;
	case DATA_INTEGER:
		return data->integer != 0;
	case DATA_REAL:
		/* Zero in any of its spellings has no other digit before its exponent. */
		return strcspn(data->text.text, "123456789") < strcspn(data->text.text, "eE");
	case DATA_TEXT:
		return data->text.len > 0;
	case DATA_LIST:
		return data->list.count > 0;
	case DATA_MAP:
		return data->map.count > 0;
	case DATA_LABELS:
		return true;
	}
	return false;
}

static int by_key(const void *a, const void *b)
{
	const struct data_entry *const *one = a, *const *two = b;

	return strcmp((*one)->key, (*two)->key);
}

const struct data_entry **data_sorted(const data_map *map, struct arena *arena)
{
	const struct data_entry **list = arena_alloc(arena, (map->count + 1) * sizeof(*list));

	if (list == NULL)
		return NULL;
	for (size_t i = 0; i < map->count; i++)
		list[i] = &map->items[i];
	qsort(list, map->count, sizeof(*list), by_key);
	return list;
}

static void print_map(const data_map *map, struct buf *out)
{
	ARENA_AUTO(arena, SIZE_MAX);
	const struct data_entry **sorted = data_sorted(map, &arena);

	if (sorted == NULL) {
		out->failed = true;
		return;
	}
	buf_str(out, "map[");
	for (size_t i = 0; i < map->count; i++) {
		buf_fmt(out, "%s%s:", i > 0 ? " " : "", sorted[i]->key);
		data_print(&sorted[i]->value, out);
	}
	buf_char(out, ']');
}

void data_print(const struct data *data, struct buf *out)
{
	switch (data->kind) {
	case DATA_NULL:
	case DATA_LABELS:
		buf_str(out, "<nil>");
		break;
	case DATA_BOOL:
		buf_str(out, data->truth ? "true" : "false");
		break;
	case DATA_INTEGER:
		buf_fmt(out, "%" PRId64, data->integer);
		break;
	case DATA_REAL:
	case DATA_TEXT:
		buf_add(out, data->text.text, data->text.len);
		break;
	case DATA_LIST:
		buf_char(out, '[');
		for (size_t i = 0; i < data->list.count; i++) {
			if (i > 0)
				buf_char(out, ' ');
			data_print(&data->list.items[i], out);
		}
		buf_char(out, ']');
		break;
	case DATA_MAP:
		print_map(&data->map, out);
		break;
	}
}

static void write_map(const data_map *map, struct buf *out)
{
	bool first = true;

	buf_char(out, '{');
	for (size_t i = 0; i < map->count; i++) {
		if (map->items[i].value.kind == DATA_LABELS)
			continue;
		if (!first)
			buf_char(out, ',');
		first = false;
		json_write_string(out, map->items[i].key);
		buf_char(out, ':');
		data_write_json(&map->items[i].value, out);
	}
	buf_char(out, '}');
}

void data_write_json(const struct data *data, struct buf *out)
{
	if (data->nil && data->kind != DATA_TEXT) {
		buf_str(out, "null");
		return;
	}
	switch (data->kind) {
	case DATA_NULL:
	case DATA_LABELS:
		buf_str(out, "null");
		break;
	case DATA_TEXT:
		json_write_string(out, data->text.text);
		break;
	case DATA_BOOL:
	case DATA_INTEGER:
	case DATA_REAL:
		data_print(data, out);
		break;
	case DATA_LIST:
		buf_char(out, '[');
		for (size_t i = 0; i < data->list.count; i++) {
			if (i > 0)
				buf_char(out, ',');
			data_write_json(&data->list.items[i], out);
		}
		buf_char(out, ']');
		break;
	case DATA_MAP:
		write_map(&data->map, out);
		break;
	}
}
