#include "kern/dbus/message.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"

#define VERSION 1

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ORDER 'l'
#else
#define ORDER 'B'
#endif

/* Codes of the header's fields. */
enum field {
	FIELD_PATH = 1,
	FIELD_INTERFACE = 2,
	FIELD_MEMBER = 3,
	FIELD_ERROR_NAME = 4,
	FIELD_REPLY_SERIAL = 5,
	FIELD_DESTINATION = 6,
	FIELD_SENDER = 7,
	FIELD_SIGNATURE = 8,
};

/* --- writing --- */

void dbus_put_align(struct buf *out, size_t alignment)
{
	while (!out->failed && out->len % alignment != 0)
		buf_char(out, '\0');
}

void dbus_put_byte(struct buf *out, uint8_t value)
{
	buf_add(out, &value, sizeof(value));
}

void dbus_put_bool(struct buf *out, bool value)
{
	dbus_put_uint32(out, value ? 1 : 0);
}

void dbus_put_uint32(struct buf *out, uint32_t value)
{
	dbus_put_align(out, 4);
	buf_add(out, &value, sizeof(value));
}

void dbus_put_uint64(struct buf *out, uint64_t value)
{
	dbus_put_align(out, 8);
	buf_add(out, &value, sizeof(value));
}

void dbus_put_string(struct buf *out, const char *text)
{
	size_t len = strlen(text);

	dbus_put_uint32(out, (uint32_t)len);
	buf_add(out, text, len + 1);
}

void dbus_put_signature(struct buf *out, const char *text)
{
	size_t len = strlen(text);

	if (len > UINT8_MAX) {
		out->failed = true;
		return;
	}
	dbus_put_byte(out, (uint8_t)len);
	buf_add(out, text, len + 1);
}

size_t dbus_put_array(struct buf *out, size_t alignment)
{
	dbus_put_uint32(out, 0);
	size_t at = out->len - 4;

	/* The first element's padding is not part of the array's length, and there even for none. */
	dbus_put_align(out, alignment);
	return at;
}

void dbus_put_array_end(struct buf *out, size_t array, size_t alignment)
{
	if (out->failed)
		return;
	size_t start = (array + 4 + alignment - 1) / alignment * alignment;
	uint32_t length = (uint32_t)(out->len - start);

	memcpy(out->data + array, &length, sizeof(length));
}

static void put_field(struct buf *out, enum field code, const char *signature, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return;
	dbus_put_align(out, 8);
	dbus_put_byte(out, (uint8_t)code);
	dbus_put_signature(out, signature);
	if (signature[0] == 'g')
		dbus_put_signature(out, text);
	else
		dbus_put_string(out, text);
}

void dbus_put_message(struct buf *out, const struct dbus_message *message)
{
	dbus_put_byte(out, ORDER);
	dbus_put_byte(out, message->type);
	dbus_put_byte(out, message->flags);
	dbus_put_byte(out, VERSION);
	dbus_put_uint32(out, (uint32_t)message->body_bytes);
	dbus_put_uint32(out, message->serial);
	size_t fields = dbus_put_array(out, 8);
	put_field(out, FIELD_PATH, "o", message->path);
	put_field(out, FIELD_INTERFACE, "s", message->interface);
	put_field(out, FIELD_MEMBER, "s", message->member);
	put_field(out, FIELD_ERROR_NAME, "s", message->error_name);
	if (message->reply_serial != 0) {
		dbus_put_align(out, 8);
		dbus_put_byte(out, FIELD_REPLY_SERIAL);
		dbus_put_signature(out, "u");
		dbus_put_uint32(out, message->reply_serial);
	}
	put_field(out, FIELD_DESTINATION, "s", message->destination);
	put_field(out, FIELD_SENDER, "s", message->sender);
	put_field(out, FIELD_SIGNATURE, "g", message->signature);
	dbus_put_array_end(out, fields, 8);
	dbus_put_align(out, 8);
	buf_add(out, message->body, message->body_bytes);
}

/* --- reading --- */

static bool take(struct dbus_reader *in, size_t alignment, size_t size, void *ret_value)
{
	size_t at = (in->at + alignment - 1) / alignment * alignment;

	if (in->failed || at > in->size || size > in->size - at) {
		in->failed = true;
		return false;
	}
	if (ret_value != NULL)
		memcpy(ret_value, in->data + at, size);
	in->at = at + size;
	return true;
}

uint8_t dbus_get_byte(struct dbus_reader *in)
{
	uint8_t value = 0;

	return take(in, 1, sizeof(value), &value) ? value : 0;
}

uint32_t dbus_get_uint32(struct dbus_reader *in)
{
	uint32_t value = 0;

	return take(in, 4, sizeof(value), &value) ? value : 0;
}

uint64_t dbus_get_uint64(struct dbus_reader *in)
{
	uint64_t value = 0;

	return take(in, 8, sizeof(value), &value) ? value : 0;
}

/* len bytes and a NUL, with no other NUL in them. */
static const char *get_text(struct dbus_reader *in, size_t len)
{
	size_t at = in->at;

	if (in->failed || len > DBUS_MESSAGE_BYTES_MAX || !take(in, 1, len + 1, NULL) ||
	    in->data[at + len] != '\0' || memchr(in->data + at, '\0', len) != NULL) {
		in->failed = true;
		return "";
	}
	return (const char *)in->data + at;
}

const char *dbus_get_string(struct dbus_reader *in)
{
	uint32_t len = dbus_get_uint32(in);

	return get_text(in, len);
}

const char *dbus_get_signature(struct dbus_reader *in)
{
	uint8_t len = dbus_get_byte(in);

	return get_text(in, len);
}

/* Of a basic type of fixed size, which is its alignment, too; 0 for other types. */
static size_t fixed_size(char type)
{
	switch (type) {
	case 'y':
		return 1;
	case 'n':
	case 'q':
		return 2;
	case 'b':
	case 'i':
	case 'u':
	case 'h':
		return 4;
	case 'x':
	case 't':
	case 'd':
		return 8;
	default:
		return 0;
	}
}

static size_t alignment_of(char type)
{
	size_t fixed = fixed_size(type);

	if (fixed != 0)
		return fixed;
	if (type == '(' || type == '{')
		return 8;
	return type == 'g' || type == 'v' ? 1 : 4;
}

/* The end of the one complete type that text starts with; NULL when there is none. */
static const char *type_end(const char *text)
{
	size_t open = 0;

	for (;; text++) {
		if (*text == 'a')
			continue; /* whatever it is an array of belongs to it */
		if (*text == '(' || *text == '{') {
			open++;
			continue;
		}
		if (*text == ')' || *text == '}') {
			if (open == 0)
				return NULL;
			open--;
		} else if (*text == '\0' ||
			   (fixed_size(*text) == 0 && strchr("sogv", *text) == NULL)) {
			return NULL;
		}
		if (open == 0)
			return text + 1;
	}
}

/*
 * Passes over one value; returns the end of its type. Recursion is bounded by the depth, which types
 * inside variants add to; a value that takes no bytes (none does) could not repeat without end.
 */
static const char *skip_one(struct dbus_reader *in, const char *type, unsigned depth);

static void skip_array(struct dbus_reader *in, const char *element, unsigned depth)
{
	uint32_t length = dbus_get_uint32(in);

	(void)take(in, alignment_of(*element), 0, NULL);
	if (in->failed || length > in->size - in->at) {
		in->failed = true;
		return;
	}
	size_t end = in->at + length, fixed = fixed_size(*element);
	if (fixed != 0) {
		(void)take(in, 1, length, NULL);
		in->failed = in->failed || length % fixed != 0;
		return;
	}
	while (!in->failed && in->at < end) {
		size_t before = in->at;
		(void)skip_one(in, element, depth + 1);
		in->failed = in->failed || in->at == before;
	}
	in->failed = in->failed || in->at != end;
}

static const char *skip_one(struct dbus_reader *in, const char *type, unsigned depth)
{
	const char *end = type_end(type);

	if (end == NULL || depth > DBUS_DEPTH_MAX)
		in->failed = true;
	if (in->failed)
		return type;
	size_t fixed = fixed_size(*type);
	if (fixed != 0) {
		(void)take(in, fixed, fixed, NULL);
	} else if (*type == 's' || *type == 'o') {
		(void)dbus_get_string(in);
	} else if (*type == 'g') {
		(void)dbus_get_signature(in);
	} else if (*type == 'v') {
		const char *inner = dbus_get_signature(in);
		if (*skip_one(in, inner, depth + 1) != '\0')
			in->failed = true;
	} else if (*type == 'a') {
		skip_array(in, type + 1, depth);
	} else {
		(void)take(in, 8, 0, NULL);
		for (const char *at = type + 1; !in->failed && at < end - 1;)
			at = skip_one(in, at, depth + 1);
	}
	return end;
}

void dbus_skip(struct dbus_reader *in, const char *signature)
{
	while (!in->failed && *signature != '\0')
		signature = skip_one(in, signature, 0);
}

static int malformed(struct err *err, const char *what)
{
	return err_set(err, ERR_INVALID, EPROTO, "a malformed D-Bus message: %s", what);
}

int dbus_message_length(const uint8_t *data, size_t *ret_bytes, struct err *err)
{
	uint32_t body, fields;

	if (data[0] != ORDER)
		return malformed(err, "its byte order is not this machine's");
	if (data[3] != VERSION)
		return malformed(err, "its version is not 1");
	memcpy(&body, data + 4, sizeof(body));
	memcpy(&fields, data + 12, sizeof(fields));
	if (fields > DBUS_MESSAGE_BYTES_MAX || body > DBUS_MESSAGE_BYTES_MAX ||
	    DBUS_HEADER_FIXED_BYTES + ((size_t)fields + 7) / 8 * 8 + body > DBUS_MESSAGE_BYTES_MAX)
		return malformed(err, "it is longer than what is accepted");
	*ret_bytes = DBUS_HEADER_FIXED_BYTES + ((size_t)fields + 7) / 8 * 8 + body;
	return 0;
}

/* One field of the header; types that are not the field's own make the message malformed. */
static void parse_field(struct dbus_reader *in, struct dbus_message *message)
{
	const struct {
		char type;
		const char **text;
	} texts[] = {
		[FIELD_PATH] = {'o', &message->path},
		[FIELD_INTERFACE] = {'s', &message->interface},
		[FIELD_MEMBER] = {'s', &message->member},
		[FIELD_ERROR_NAME] = {'s', &message->error_name},
		[FIELD_DESTINATION] = {'s', &message->destination},
		[FIELD_SENDER] = {'s', &message->sender},
		[FIELD_SIGNATURE] = {'g', &message->signature},
	};

	(void)take(in, 8, 0, NULL);
	uint8_t code = dbus_get_byte(in);
	const char *type = dbus_get_signature(in);
	if (code == FIELD_REPLY_SERIAL) {
		in->failed = in->failed || strcmp(type, "u") != 0;
		message->reply_serial = dbus_get_uint32(in);
		return;
	}
	if (code >= sizeof(texts) / sizeof(texts[0]) || texts[code].text == NULL) {
		if (*skip_one(in, type, 1) != '\0')
			in->failed = true;
		return;
	}
	in->failed = in->failed || type[0] != texts[code].type || type[1] != '\0';
	*texts[code].text = type[0] == 'g' ? dbus_get_signature(in) : dbus_get_string(in);
}

int dbus_message_parse(const uint8_t *data, size_t size, struct dbus_message *ret_message,
		       struct err *err)
{
	size_t length;

	if (size < DBUS_HEADER_FIXED_BYTES)
		return malformed(err, "it is too short");
	int rc = dbus_message_length(data, &length, err);
	if (rc < 0)
		return rc;
	if (length != size)
		return malformed(err, "its length is another than it says");
	*ret_message = (struct dbus_message){
		.type = data[1],
		.flags = data[2],
		.path = "",
		.interface = "",
		.member = "",
		.error_name = "",
		.destination = "",
		.sender = "",
		.signature = "",
	};
	struct dbus_reader in = {.data = data, .size = size, .at = 4};
	ret_message->body_bytes = dbus_get_uint32(&in);
	ret_message->serial = dbus_get_uint32(&in);
	ret_message->body = data + size - ret_message->body_bytes;
	uint32_t fields = dbus_get_uint32(&in);
	in.size = in.at + fields;
	while (!in.failed && in.at < in.size)
		parse_field(&in, ret_message);
	if (in.failed || ret_message->serial == 0 || ret_message->type == 0)
		return malformed(err, "its header");
	if (ret_message->body_bytes > 0 && ret_message->signature[0] == '\0')
		return malformed(err, "a body without a signature");
	struct dbus_reader body = dbus_body(ret_message);
	dbus_skip(&body, ret_message->signature);
	if (body.failed || body.at != body.size)
		return malformed(err, "its body does not follow its signature");
	return 0;
}

struct dbus_reader dbus_body(const struct dbus_message *message)
{
	return (struct dbus_reader){.data = message->body, .size = message->body_bytes};
}
