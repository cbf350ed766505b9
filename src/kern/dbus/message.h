/*
 * message.h - D-Bus messages: bytes out, bytes in.
 *
 * Purpose    What a client of systemd needs of the wire format: writing the body of a call piece by
 *            piece, and reading any message that a bus may send. File descriptors are not spoken.
 * Writing    Pieces are appended to a struct buf that starts at an alignment of 8, as bodies do.
 *            A buffer that overflows stays failed: buf_check() once, at the end.
 * Reading    A struct dbus_message points into the bytes it was parsed from. A struct dbus_reader
 *            fails for good at the first value that is not there or not well-formed; what it then
 *            returns is empty, so that only the end needs a check.
 * Units      Sizes are bytes.
 * Errors     ERR_INVALID (EPROTO) for bytes that are no message, or one beyond the limits below.
 */
#ifndef CORTEN_KERN_DBUS_MESSAGE_H
#define CORTEN_KERN_DBUS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define DBUS_HEADER_FIXED_BYTES 16 /* enough to know how long a message is */
#define DBUS_DEPTH_MAX          32 /* of arrays, structs and variants in each other */

enum dbus_type {
	DBUS_CALL = 1,
	DBUS_RETURN = 2,
	DBUS_ERROR = 3,
	DBUS_SIGNAL = 4,
};

struct dbus_message {
	uint8_t type; /* enum dbus_type; others are to be ignored */
	uint8_t flags;
	uint32_t serial;
	uint32_t reply_serial;
	/* "" where absent */
	const char *path;
	const char *interface;
	const char *member;
	const char *error_name;
	const char *destination;
	const char *sender;
	const char *signature; /* of the body */
	const uint8_t *body;
	size_t body_bytes;
};

/* --- writing --- */

void dbus_put_align(struct buf *out, size_t alignment);
void dbus_put_byte(struct buf *out, uint8_t value);
void dbus_put_bool(struct buf *out, bool value);
void dbus_put_uint32(struct buf *out, uint32_t value);
void dbus_put_uint64(struct buf *out, uint64_t value);
void dbus_put_string(struct buf *out, const char *text); /* an object path, too */
void dbus_put_signature(struct buf *out, const char *text);

/*
 * An array of elements of that alignment (8 for structs). Returns what dbus_put_array_end() wants,
 * which fills in the length.
 */
size_t dbus_put_array(struct buf *out, size_t alignment);
void dbus_put_array_end(struct buf *out, size_t array, size_t alignment);

/* A whole message: `message` says all but the body's length. */
void dbus_put_message(struct buf *out, const struct dbus_message *message);

/* --- reading --- */

/* How long the message is whose first DBUS_HEADER_FIXED_BYTES these are. */
int dbus_message_length(const uint8_t *data, size_t *ret_bytes, struct err *err);

/* Parses one whole message of exactly `size` bytes. */
int dbus_message_parse(const uint8_t *data, size_t size, struct dbus_message *ret_message,
		       struct err *err);

struct dbus_reader {
	const uint8_t *data;
	size_t size;
	size_t at;
	bool failed;
};

struct dbus_reader dbus_body(const struct dbus_message *message);

uint8_t dbus_get_byte(struct dbus_reader *in);
uint32_t dbus_get_uint32(struct dbus_reader *in);
uint64_t dbus_get_uint64(struct dbus_reader *in);
const char *dbus_get_string(struct dbus_reader *in);    /* never NULL; an object path, too */
const char *dbus_get_signature(struct dbus_reader *in); /* never NULL */

/* Passes over one value of each type that the signature names. */
void dbus_skip(struct dbus_reader *in, const char *signature);

#endif
