/*
 * json.h - JSON (RFC 8259) to and from C structs through static field tables.
 *
 * Purpose    One table parses, writes, checks and documents a struct.
 * Ownership  What is parsed lives in the caller's arena and is freed with it; the input may be freed
 *            at once, except that a JSON_RAW slice points into it.
 * Shapes     A plain scalar is zero when absent. An _OPT scalar is a pointer, NULL when absent. An
 *            object is a pointer, NULL when absent; JSON_EMBED is a struct in place. A list is
 *            JSON_LIST_OF(T), whose items are NULL when it is absent and only then; a map is a JSON_LIST_OF(entry), where entry's first member is
 *            `const char *key` and, for maps of strings, struct json_pair.
 * Integers   As Go reads them: no fraction, no exponent, and they must fit.
 * null       Reads as absent, as Go's clients write it; a map's null entry is there and empty; a
 *            list's null item is an error.
 * Writing    Absent members are left out: zero scalars, NULL pointers, empty lists and maps, and an
 *            embedded struct with nothing to write, unless their flags say otherwise. An enum is left
 *            out when its value's name is "".
 * Errors     ERR_INVALID with the place, "linux.resources.memory.limit: expected an integer", or with
 *            the line and column where the text is no JSON. Unknown names are skipped; a known name or
 *            a map's name that comes twice, a NUL in a string, bad UTF-8, a lone surrogate, anything
 *            after the document, and depth over JSON_DEPTH_MAX are errors.
 */
#ifndef CORTEN_BASE_JSON_H
#define CORTEN_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define JSON_DEPTH_MAX 64

/* Every list, whatever its items, has this layout. */
#define JSON_LIST_OF(type)    \
	struct {              \
		type *items;  \
		size_t count; \
	}

struct json_list {
	void *items;
	size_t count;
};

typedef JSON_LIST_OF(const char *) json_strings;

struct json_pair {
	const char *key;
	const char *value;
};
typedef JSON_LIST_OF(struct json_pair) json_pairs;

/* A value kept as text, unparsed but checked for syntax. */
struct json_text {
	const char *text;
	size_t len;
};

/* An entry of a map of raw values. */
struct json_member {
	const char *key;
	struct json_text value;
};
typedef JSON_LIST_OF(struct json_member) json_members;

enum json_type {
	JSON_TYPE_BOOL,   /* bool     */
	JSON_TYPE_INT32,  /* int32_t  */
	JSON_TYPE_INT64,  /* int64_t  */
	JSON_TYPE_UINT16, /* uint16_t */
	JSON_TYPE_UINT32, /* uint32_t */
	JSON_TYPE_UINT64, /* uint64_t */
	JSON_TYPE_DOUBLE, /* double   */
	JSON_TYPE_STRING, /* const char * */
	JSON_TYPE_ENUM,   /* int, an index into names[]; writing it gives the name */
	JSON_TYPE_OBJECT, /* struct, described by shape */
	JSON_TYPE_RAW,    /* struct json_text */
};

enum json_form {
	JSON_FORM_PLAIN, /* the value itself (strings: the pointer; objects: the struct in place) */
	JSON_FORM_OPTIONAL, /* a pointer to the value, NULL when absent (not for strings, raw) */
	JSON_FORM_LIST,     /* struct json_list of values; of pointers for strings */
	JSON_FORM_MAP,      /* struct json_list of entries: { const char *key; value } */
};

enum json_flag {
	JSON_NEEDED = 1,     /* absent: ERR_INVALID "ociVersion: missing" */
	JSON_WRITE_ZERO = 2, /* written even when zero, empty or NULL-as-empty */
};

struct json_shape;

struct json_field {
	const char *name;
	uint16_t type; /* enum json_type */
	uint8_t form;  /* enum json_form */
	uint8_t flags; /* enum json_flag */
	uint32_t offset;
	const struct json_shape *shape; /* JSON_TYPE_OBJECT */
	const char *const *names;       /* JSON_TYPE_ENUM, ends with NULL */
};

struct json_shape {
	const char *name; /* for documentation */
	const struct json_field *fields;
	size_t count;
	size_t size; /* of the struct */
};

#define JSON_FIELDS_MAX 64

#define JSON_SHAPE(id, type, table)                                                   \
	const struct json_shape id = {#id, table, sizeof(table) / sizeof((table)[0]), \
				      sizeof(type)};                                  \
	_Static_assert(sizeof(table) / sizeof((table)[0]) <= JSON_FIELDS_MAX, "too many fields")

#define JSON_FIELD_(struct_, member, name_, type_, form_, flags_, shape_, names_)         \
	{                                                                                 \
		.name = (name_), .type = (type_), .form = (form_), .flags = (flags_),     \
		.offset = offsetof(struct_, member), .shape = (shape_), .names = (names_) \
	}

/* Scalars in place, and their optional forms; `flags` is 0 or enum json_flag. */
#define JSON_BOOL(s, m, n)   JSON_FIELD_(s, m, n, JSON_TYPE_BOOL, JSON_FORM_PLAIN, 0, NULL, NULL)
#define JSON_INT32(s, m, n)  JSON_FIELD_(s, m, n, JSON_TYPE_INT32, JSON_FORM_PLAIN, 0, NULL, NULL)
#define JSON_INT64(s, m, n)  JSON_FIELD_(s, m, n, JSON_TYPE_INT64, JSON_FORM_PLAIN, 0, NULL, NULL)
#define JSON_UINT16(s, m, n) JSON_FIELD_(s, m, n, JSON_TYPE_UINT16, JSON_FORM_PLAIN, 0, NULL, NULL)
#define JSON_UINT32(s, m, n) JSON_FIELD_(s, m, n, JSON_TYPE_UINT32, JSON_FORM_PLAIN, 0, NULL, NULL)
#define JSON_UINT64(s, m, n) JSON_FIELD_(s, m, n, JSON_TYPE_UINT64, JSON_FORM_PLAIN, 0, NULL, NULL)
#define JSON_DOUBLE(s, m, n) JSON_FIELD_(s, m, n, JSON_TYPE_DOUBLE, JSON_FORM_PLAIN, 0, NULL, NULL)
#define JSON_STRING(s, m, n) JSON_FIELD_(s, m, n, JSON_TYPE_STRING, JSON_FORM_PLAIN, 0, NULL, NULL)
#define JSON_STRING_NEEDED(s, m, n) \
	JSON_FIELD_(s, m, n, JSON_TYPE_STRING, JSON_FORM_PLAIN, JSON_NEEDED, NULL, NULL)
#define JSON_ENUM(s, m, n, names) \
	JSON_FIELD_(s, m, n, JSON_TYPE_ENUM, JSON_FORM_PLAIN, 0, NULL, names)
#define JSON_ENUM_NEEDED(s, m, n, names) \
	JSON_FIELD_(s, m, n, JSON_TYPE_ENUM, JSON_FORM_PLAIN, JSON_NEEDED, NULL, names)
#define JSON_RAW(s, m, n) JSON_FIELD_(s, m, n, JSON_TYPE_RAW, JSON_FORM_PLAIN, 0, NULL, NULL)

/* A scalar of any type with flags; a list of scalars with flags. */
#define JSON_PLAIN(s, m, n, type, flags) \
	JSON_FIELD_(s, m, n, type, JSON_FORM_PLAIN, flags, NULL, NULL)
#define JSON_LIST_FLAGS(s, m, n, type, flags) \
	JSON_FIELD_(s, m, n, type, JSON_FORM_LIST, flags, NULL, NULL)

#define JSON_OPT(s, m, n, type) JSON_FIELD_(s, m, n, type, JSON_FORM_OPTIONAL, 0, NULL, NULL)

#define JSON_OBJECT(s, m, n, shape) \
	JSON_FIELD_(s, m, n, JSON_TYPE_OBJECT, JSON_FORM_OPTIONAL, 0, &(shape), NULL)
#define JSON_OBJECT_NEEDED(s, m, n, shape) \
	JSON_FIELD_(s, m, n, JSON_TYPE_OBJECT, JSON_FORM_OPTIONAL, JSON_NEEDED, &(shape), NULL)
#define JSON_EMBED(s, m, n, shape) \
	JSON_FIELD_(s, m, n, JSON_TYPE_OBJECT, JSON_FORM_PLAIN, 0, &(shape), NULL)

#define JSON_EMBED_NEEDED(s, m, n, shape) \
	JSON_FIELD_(s, m, n, JSON_TYPE_OBJECT, JSON_FORM_PLAIN, JSON_NEEDED, &(shape), NULL)

/*
 * Lists: of scalars (JSON_TYPE_*), of structs. Maps: of strings, of raw values (struct json_member), of structs whose key is
 * first. */
#define JSON_LIST(s, m, n, type) JSON_FIELD_(s, m, n, type, JSON_FORM_LIST, 0, NULL, NULL)
#define JSON_OBJECTS(s, m, n, shape) \
	JSON_FIELD_(s, m, n, JSON_TYPE_OBJECT, JSON_FORM_LIST, 0, &(shape), NULL)
#define JSON_OBJECTS_FLAGS(s, m, n, shape, flags) \
	JSON_FIELD_(s, m, n, JSON_TYPE_OBJECT, JSON_FORM_LIST, flags, &(shape), NULL)
#define JSON_STRING_MAP(s, m, n) \
	JSON_FIELD_(s, m, n, JSON_TYPE_STRING, JSON_FORM_MAP, 0, NULL, NULL)
#define JSON_RAW_MAP(s, m, n) JSON_FIELD_(s, m, n, JSON_TYPE_RAW, JSON_FORM_MAP, 0, NULL, NULL)
#define JSON_OBJECT_MAP(s, m, n, shape) \
	JSON_FIELD_(s, m, n, JSON_TYPE_OBJECT, JSON_FORM_MAP, 0, &(shape), NULL)

/*
 * Parses one object into *ret_object (shape->size bytes, zeroed first). Items of a map of structs
 * are structs whose first member `const char *key` is filled from the name.
 */
int json_parse(const struct json_shape *shape, const char *text, size_t len, struct arena *arena,
	       void *ret_object, struct err *err);

/* The same for a document whose top is an array of objects; ret_list has the layout of JSON_LIST_OF. */
int json_parse_list(const struct json_shape *shape, const char *text, size_t len,
		    struct arena *arena, void *ret_list, struct err *err);

/* Checks syntax alone: any RFC 8259 text, any top value. */
int json_check(const char *text, size_t len, struct err *err);

enum json_style {
	JSON_COMPACT,
	JSON_PRETTY, /* two spaces, as Go's MarshalIndent(v, "", "  ") */
};

/* Appends the document to out; absent members are left out. Overflow shows in buf_check(). */
void json_write(const struct json_shape *shape, const void *object, enum json_style style,
		struct buf *out);
void json_write_list(const struct json_shape *shape, const void *list, enum json_style style,
		     struct buf *out);

/* Appends text as a JSON string with its quotes; bad UTF-8 becomes U+FFFD. */
void json_write_string(struct buf *out, const char *text);

#endif
