/* Properties given as annotations: a part of GVariant's text form, basic values and arrays of them. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "kern/cgroup/systemd_internal.h"

#define TEXT_MAX    4096 /* bytes of one string */
#define NUMBER_MAX  64
#define SECOND_USEC 1000000

struct value {
	const char *at;
	const char *name; /* of the property, for errors */
	char type;        /* D-Bus's letter; 0 as long as nothing says it */
	bool seconds;     /* the property counts in microseconds what is given in seconds */
};

static int bad(const struct value *value, struct err *err)
{
	return err_set(err, ERR_INVALID, 0,
		       "systemd property %s: cannot read '%.100s': known are true, 5, uint64 5, "
		       "1.5, 'text' and arrays of them, ['a', 'b']",
		       value->name, value->at);
}

static void skip_spaces(struct value *value)
{
	while (isspace((unsigned char)*value->at))
		value->at++;
}

static const struct {
	const char *word;
	char type;
} type_words[] = {
	{"boolean", 'b'}, {"byte", 'y'},   {"int16", 'n'},      {"uint16", 'q'},
	{"int32", 'i'},   {"uint32", 'u'}, {"int64", 'x'},      {"uint64", 't'},
	{"double", 'd'},  {"string", 's'}, {"objectpath", 'o'}, {"signature", 'g'},
};

/* "uint64 " or "@t " before a value. */
static void read_type(struct value *value)
{
	size_t len = 0;

	if (value->at[0] == '@' && strchr("bynqiuxtdsog", value->at[1]) != NULL &&
	    value->at[1] != '\0' && value->at[2] == ' ') {
		value->type = value->at[1];
		value->at += 3;
	}
	while (isalnum((unsigned char)value->at[len]))
		len++;
	for (size_t i = 0; i < sizeof(type_words) / sizeof(type_words[0]); i++)
		if (value->at[len] == ' ' && strlen(type_words[i].word) == len &&
		    strncmp(value->at, type_words[i].word, len) == 0) {
			value->type = type_words[i].type;
			value->at += len + 1;
			break;
		}
	skip_spaces(value);
}

static bool has_type(struct value *value, const char *allowed, char fallback)
{
	if (value->type == 0)
		value->type = fallback;
	return strchr(allowed, value->type) != NULL;
}

static int put_text(struct value *value, struct buf *out, struct err *err)
{
	char text[TEXT_MAX], quote = *value->at;
	const char *at = value->at + 1;
	size_t used = 0;

	for (; *at != quote; at++) {
		char c = *at;
		if (c == '\\') {
			c = *++at;
			c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
		}
		if (c == '\0' || used + 1 >= sizeof(text))
			return bad(value, err);
		text[used++] = c;
	}
	text[used] = '\0';
	if (!has_type(value, "sog", 's'))
		return bad(value, err);
	if (value->type == 'g')
		dbus_put_signature(out, text);
	else
		dbus_put_string(out, text);
	value->at = at + 1;
	return 0;
}

static int put_double(struct value *value, const char *text, struct buf *out, struct err *err)
{
	uint64_t bits;
	char *end;
	double number = strtod(text, &end);

	if (*end != '\0')
		return bad(value, err);
	if (value->seconds) {
		if (!(number >= 0 && number < 1e12))
			return bad(value, err);
		value->type = 't';
		dbus_put_uint64(out, (uint64_t)(number * SECOND_USEC));
		return 0;
	}
	memcpy(&bits, &number, sizeof(bits));
	dbus_put_uint64(out, bits);
	return 0;
}

static void put_sized(struct buf *out, char type, uint64_t number)
{
	uint16_t half = (uint16_t)number;

	switch (type) {
	case 'y':
		dbus_put_byte(out, (uint8_t)number);
		break;
	case 'n':
	case 'q':
		dbus_put_align(out, 2);
		buf_add(out, &half, sizeof(half));
		break;
	case 'i':
	case 'u':
		dbus_put_uint32(out, (uint32_t)number);
		break;
	default:
		dbus_put_uint64(out, number);
		break;
	}
}

static int put_number(struct value *value, struct buf *out, struct err *err)
{
	static const struct {
		char type;
		int64_t min;
		uint64_t max;
	} ranges[] = {
		{'y', 0, UINT8_MAX},  {'n', INT16_MIN, INT16_MAX},
		{'q', 0, UINT16_MAX}, {'i', INT32_MIN, INT32_MAX},
		{'u', 0, UINT32_MAX}, {'x', INT64_MIN, INT64_MAX},
		{'t', 0, UINT64_MAX},
	};
	size_t len = strcspn(value->at, " ,]\t\n");
	char text[NUMBER_MAX];

	if (len == 0 || len >= sizeof(text))
		return bad(value, err);
	memcpy(text, value->at, len);
	text[len] = '\0';
	if (strpbrk(text, ".eE") != NULL || value->type == 'd') {
		if (!has_type(value, "d", 'd') || put_double(value, text, out, err) < 0)
			return bad(value, err);
		value->at += len;
		return 0;
	}
	char *end;
	bool negative = text[0] == '-';
	if (!isdigit((unsigned char)text[negative]) || !has_type(value, "ynqiuxt", 'i'))
		return bad(value, err);
	errno = 0;
	uint64_t number = negative ? (uint64_t)strtoll(text, &end, 0) : strtoull(text, &end, 0);
	if (errno != 0 || *end != '\0' || (negative && value->seconds))
		return bad(value, err);
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (ranges[i].type == value->type &&
		    (negative ? (int64_t)number < ranges[i].min : number > ranges[i].max))
			return bad(value, err);
	if (value->seconds) {
		if (number > UINT64_MAX / SECOND_USEC)
			return bad(value, err);
		value->type = 't';
		number *= SECOND_USEC;
	}
	put_sized(out, value->type, number);
	value->at += len;
	return 0;
}

static int put_basic(struct value *value, struct buf *out, struct err *err)
{
	read_type(value);
	if (*value->at == '\'' || *value->at == '"')
		return put_text(value, out, err);
	for (int truth = 0; truth <= 1; truth++) {
		const char *word = truth ? "true" : "false";
		size_t len = strlen(word);
		if (strncmp(value->at, word, len) == 0 && !isalnum((unsigned char)value->at[len])) {
			if (!has_type(value, "b", 'b'))
				return bad(value, err);
			dbus_put_bool(out, truth != 0);
			value->at += len;
			return 0;
		}
	}
	return put_number(value, out, err);
}

static size_t size_of(char type)
{
	return type == 'y'                   ? 1
	       : strchr("nq", type) != NULL  ? 2
	       : strchr("xtd", type) != NULL ? 8
					     : 4;
}

/*
 * An array's alignment follows from its elements' type, which the first of them says, or "@as".
 */
static int put_array(struct value *value, struct buf *out, struct err *err)
{
	struct value peek = *value;
	BUF_AUTO(ignored, TEXT_MAX + NUMBER_MAX);

	peek.at++;
	skip_spaces(&peek);
	if (*peek.at != ']' && put_basic(&peek, &ignored, err) < 0)
		return -EINVAL;
	if (peek.type == 0)
		peek.type = 's';
	if (peek.type == 'g')
		return bad(value, err);
	value->type = peek.type;
	dbus_put_signature(out, (const char[]){'a', value->type, '\0'});
	size_t array = dbus_put_array(out, size_of(value->type));
	value->at++;
	for (skip_spaces(value); *value->at != ']'; skip_spaces(value)) {
		int rc = put_basic(value, out, err);
		if (rc < 0)
			return rc;
		skip_spaces(value);
		if (value->type != peek.type || (*value->at != ',' && *value->at != ']'))
			return bad(value, err);
		value->at += *value->at == ',';
	}
	value->at++;
	dbus_put_array_end(out, array, size_of(value->type));
	return 0;
}

static bool good_name(const char *name)
{
	size_t len = strlen(name);

	if (len < 3 || len > 128)
		return false;
	for (; *name != '\0'; name++)
		if (!isalpha((unsigned char)*name))
			return false;
	return true;
}

static int put_variant(struct value *value, struct buf *out, struct err *err)
{
	struct value peek = *value;
	BUF_AUTO(ignored, TEXT_MAX + NUMBER_MAX);
	int rc;

	if (strncmp(value->at, "@a", 2) == 0 && value->at[2] != '\0' && value->at[3] == ' ') {
		if (strchr("bynqiuxtdso", value->at[2]) == NULL)
			return bad(value, err);
		value->type = value->at[2];
		value->at += 4;
		skip_spaces(value);
		if (*value->at != '[')
			return bad(value, err);
	}
	if (*value->at == '[') {
		rc = value->seconds ? bad(value, err) : put_array(value, out, err);
	} else {
		/* The signature comes before the value that says it. */
		rc = put_basic(&peek, &ignored, err);
		if (rc < 0)
			return rc;
		dbus_put_signature(out, (const char[]){peek.type, '\0'});
		rc = put_basic(value, out, err);
	}
	if (rc < 0)
		return rc;
	skip_spaces(value);
	return *value->at != '\0' ? bad(value, err) : 0;
}

int systemd_put_property(struct buf *out, const struct cgroup_property *property, struct err *err)
{
	char name[160];
	struct value value = {.at = property->value, .name = property->name};

	if (!good_name(property->name))
		return err_set(err, ERR_INVALID, 0,
			       "systemd property '%.64s': a name is three letters or more and "
			       "nothing else",
			       property->name);
	/* On the bus systemd has "TimeoutStopUSec", in files "TimeoutStopSec". */
	value.seconds =
		str_ends_with(property->name, "Sec") && !str_ends_with(property->name, "USec");
	(void)str_format(name, sizeof(name), "%.*s%s",
			 (int)(strlen(property->name) - (value.seconds ? 3 : 0)), property->name,
			 value.seconds ? "USec" : "");
	skip_spaces(&value);
	dbus_put_align(out, 8);
	dbus_put_string(out, name);
	return put_variant(&value, out, err);
}

int cgroup_property_check(const struct cgroup_property *property, struct err *err)
{
	BUF_AUTO(ignored, SYSTEMD_PROPERTIES_MAX);

	return systemd_put_property(&ignored, property, err);
}
