#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/json_scan.h"

struct json_writer {
	struct buf *out;
	bool pretty;
	unsigned int depth;
};

static void write_object(struct json_writer *writer, const struct json_shape *shape,
			 const char *object);

static void write_line(struct json_writer *writer)
{
	if (!writer->pretty)
		return;
	buf_char(writer->out, '\n');
	for (unsigned int i = 0; i < writer->depth; i++)
		buf_str(writer->out, "  ");
}

static void write_open(struct json_writer *writer, char bracket)
{
	buf_char(writer->out, bracket);
	writer->depth++;
}

static void write_close(struct json_writer *writer, char bracket, bool empty)
{
	writer->depth--;
	if (!empty)
		write_line(writer);
	buf_char(writer->out, bracket);
}

/* What stands before a list's item or an object's name. */
static void write_next(struct json_writer *writer, bool *first)
{
	if (!*first)
		buf_char(writer->out, ',');
	*first = false;
	write_line(writer);
}

static void write_name(struct json_writer *writer, const char *name)
{
	json_write_string(writer->out, name);
	buf_str(writer->out, writer->pretty ? ": " : ":");
}

/* Writes the one character at text that needs more than itself; returns its length there. */
static size_t write_special(struct buf *out, const unsigned char *text)
{
	static const char bytes[] = "\b\f\n\r\t\"\\", names[] = "bfnrt\"\\";

	if (text[0] >= 0x80) {
		const char *at = (const char *)text;
		size_t len = json_utf8_length(at, at + strnlen(at, 4));
		if (len == 0) {
			buf_str(out, "\xef\xbf\xbd");
			return 1;
		}
		buf_add(out, text, len);
		return len;
	}
	const char *name = strchr(bytes, text[0]);
	if (name != NULL)
		buf_fmt(out, "\\%c", names[name - bytes]);
	else
		buf_fmt(out, "\\u%04x", text[0]);
	return 1;
}

void json_write_string(struct buf *out, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	buf_char(out, '"');
	while (*at != '\0') {
		const unsigned char *run = at;
		while (*at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\')
			at++;
		buf_add(out, run, (size_t)(at - run));
		if (*at != '\0')
			at += write_special(out, at);
	}
	buf_char(out, '"');
}

/* The shortest decimal that reads back as the same value. */
static void write_double(struct buf *out, double value)
{
	char text[40];

	if (!isfinite(value)) {
		buf_char(out, '0'); /* JSON has no word for it */
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, sizeof(text), "%.*g", digits, value);
		double again = strtod(text, NULL);
		if (memcmp(&again, &value, sizeof(value)) == 0)
			break;
	}
	buf_str(out, text);
}

/* Verbatim, but in a compact document without the space between its words. */
static void write_raw(struct json_writer *writer, const struct json_text *raw)
{
	bool inside = false;

	if (writer->pretty) {
		buf_add(writer->out, raw->text, raw->len);
		return;
	}
	for (size_t i = 0; i < raw->len; i++) {
		char c = raw->text[i];
		if (inside && c == '\\' && i + 1 < raw->len) {
			buf_add(writer->out, raw->text + i++, 2);
			continue;
		}
		if (c == '"')
			inside = !inside;
		if (inside || (c != ' ' && c != '\n' && c != '\t' && c != '\r'))
			buf_char(writer->out, c);
	}
}

static const char *enum_name(const struct json_field *field, const char *at)
{
	int value;

	memcpy(&value, at, sizeof(value));
	for (int i = 0; field->names[i] != NULL; i++) {
		if (i == value)
			return field->names[i];
	}
	return "";
}

#define LOAD(type) (*(const type *)(const void *)at)

static void write_value(struct json_writer *writer, const struct json_field *field, const char *at)
{
	struct buf *out = writer->out;

	switch ((enum json_type)field->type) {
	case JSON_TYPE_BOOL:
		buf_str(out, LOAD(bool) ? "true" : "false");
		break;
	case JSON_TYPE_INT32:
		buf_fmt(out, "%" PRId32, LOAD(int32_t));
		break;
	case JSON_TYPE_INT64:
		buf_fmt(out, "%" PRId64, LOAD(int64_t));
		break;
	case JSON_TYPE_UINT16:
		buf_fmt(out, "%u", LOAD(uint16_t));
		break;
	case JSON_TYPE_UINT32:
		buf_fmt(out, "%" PRIu32, LOAD(uint32_t));
		break;
	case JSON_TYPE_UINT64:
		buf_fmt(out, "%" PRIu64, LOAD(uint64_t));
		break;
	case JSON_TYPE_DOUBLE:
		write_double(out, LOAD(double));
		break;
	case JSON_TYPE_STRING:
		json_write_string(out, LOAD(char *const) == NULL ? "" : LOAD(char *const));
		break;
	case JSON_TYPE_ENUM:
		json_write_string(out, enum_name(field, at));
		break;
	case JSON_TYPE_OBJECT:
		write_object(writer, field->shape, at);
		break;
	case JSON_TYPE_RAW:
		write_raw(writer, &LOAD(struct json_text));
		break;
	}
}

static bool fields_absent(const struct json_shape *shape, const char *object);

/* True when the member is left out of the document. */
static bool field_absent(const struct json_field *field, const char *at)
{
	static const char zeros[sizeof(uint64_t)];

	if (field->form == JSON_FORM_OPTIONAL)
		return LOAD(char *const) == NULL;
	if (field->form == JSON_FORM_PLAIN && field->type == JSON_TYPE_RAW)
		return LOAD(struct json_text).len == 0;
	if ((field->flags & (JSON_NEEDED | JSON_WRITE_ZERO)) != 0)
		return false;
	if (field->form != JSON_FORM_PLAIN)
		return LOAD(struct json_list).count == 0;
	if (field->type == JSON_TYPE_OBJECT)
		return fields_absent(field->shape, at);
	if (field->type == JSON_TYPE_ENUM)
		return enum_name(field, at)[0] == '\0';
	return memcmp(at, zeros, json_value_size(field)) == 0;
}

static bool fields_absent(const struct json_shape *shape, const char *object)
{
	for (size_t i = 0; i < shape->count; i++) {
		if (!field_absent(&shape->fields[i], object + shape->fields[i].offset))
			return false;
	}
	return true;
}

static void write_items(struct json_writer *writer, const struct json_field *field, const char *at)
{
	const struct json_list *list = &LOAD(struct json_list);
	const char *items = list->items;
	size_t size = json_value_size(field);
	bool first = true;

	write_open(writer, '[');
	for (size_t i = 0; i < list->count; i++) {
		write_next(writer, &first);
		write_value(writer, field, items + i * size);
	}
	write_close(writer, ']', first);
}

static void write_map(struct json_writer *writer, const struct json_field *field, const char *at)
{
	const struct json_list *list = &LOAD(struct json_list);
	bool object = field->type == JSON_TYPE_OBJECT;
	size_t size = json_entry_size(field);
	bool first = true;

	write_open(writer, '{');
	for (size_t i = 0; i < list->count; i++) {
		const char *entry = (const char *)list->items + i * size;
		at = entry;
		write_next(writer, &first);
		write_name(writer, LOAD(char *const));
		write_value(writer, field, object ? entry : entry + sizeof(char *));
	}
	write_close(writer, '}', first);
}

static void write_object(struct json_writer *writer, const struct json_shape *shape,
			 const char *object)
{
	bool first = true;

	write_open(writer, '{');
	for (size_t i = 0; i < shape->count; i++) {
		const struct json_field *field = &shape->fields[i];
		const char *at = object + field->offset;
		if (field_absent(field, at))
			continue;
		write_next(writer, &first);
		write_name(writer, field->name);
		if (field->form == JSON_FORM_LIST)
			write_items(writer, field, at);
		else if (field->form == JSON_FORM_MAP)
			write_map(writer, field, at);
		else
			write_value(writer, field,
				    field->form == JSON_FORM_OPTIONAL ? LOAD(char *const) : at);
	}
	write_close(writer, '}', first);
}

void json_write(const struct json_shape *shape, const void *object, enum json_style style,
		struct buf *out)
{
	struct json_writer writer = {.out = out, .pretty = style == JSON_PRETTY};

	write_object(&writer, shape, object);
}

void json_write_list(const struct json_shape *shape, const void *list, enum json_style style,
		     struct buf *out)
{
	const struct json_field field = {
		.name = "", .type = JSON_TYPE_OBJECT, .form = JSON_FORM_LIST, .shape = shape};
	struct json_writer writer = {.out = out, .pretty = style == JSON_PRETTY};

	write_items(&writer, &field, list);
}
