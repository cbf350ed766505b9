#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/headers_internal.h"
#include "image/inflate.h"

/* The operations are no more than this for each byte of the archive, and some for the end. */
#define OPS_BYTES(archive_bytes) \
	((archive_bytes) < INT64_MAX / 64 ? (archive_bytes)*32 + 8192 : INT64_MAX)

struct headers_reader {
	struct inflate *inflate;
	struct stream *ops;
	int64_t size_bytes;
	int64_t left;       /* of the archive */
	int64_t bytes_left; /* of the running part */
	char path[TAR_PATH_MAX + 1];
	size_t path_len;
	uint64_t key;
	int64_t file_end;
	bool ended;
};

static int damaged(const char *how, struct err *err)
{
	return err_set(err, ERR_INVALID, EUCLEAN, "the layer's headers are damaged: %s", how);
}

static int read_head(struct headers_reader *reader, struct stream *from, int64_t max_bytes,
		     struct err *err)
{
	uint8_t head[HEADERS_HEAD_BYTES];
	uint64_t size = 0;

	ssize_t got = stream_read(from, head, sizeof(head), err);
	if (got < 0)
		return (int)got;
	if (got < (ssize_t)sizeof(head) || memcmp(head, HEADERS_MAGIC, 15) != 0)
		return damaged("they do not begin as they should", err);
	if (head[15] != HEADERS_VERSION)
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "the layer's headers are of version %u, known is %d: use the corten "
			       "that wrote them",
			       head[15], HEADERS_VERSION);
	for (size_t i = 8; i > 0; i--)
		size = size << 8 | head[15 + i];
	if (size > (uint64_t)max_bytes)
		return damaged("more bytes than a layer may have", err);
	reader->size_bytes = reader->left = (int64_t)size;
	return 0;
}

int headers_reader_new(struct stream *from, int64_t max_bytes, struct headers_reader **ret_reader,
		       struct err *err)
{
	struct headers_reader *reader = calloc(1, sizeof(*reader));

	if (reader == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "read the layer's headers");
	int rc = read_head(reader, from, max_bytes, err);
	if (rc == 0)
		rc = inflate_new(from, NULL, OPS_BYTES(reader->size_bytes), &reader->inflate, err);
	if (rc < 0) {
		headers_reader_free(reader);
		return rc;
	}
	reader->ops = inflate_stream(reader->inflate);
	*ret_reader = reader;
	return 0;
}

void headers_reader_free(struct headers_reader *reader)
{
	if (reader == NULL)
		return;
	inflate_free(reader->inflate);
	free(reader);
}

int64_t headers_reader_size(const struct headers_reader *reader)
{
	return reader->size_bytes;
}

static int read_byte(struct headers_reader *reader, uint8_t *ret_byte, struct err *err)
{
	int rc = stream_peek(reader->ops, err);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return damaged("they are cut", err);
	*ret_byte = *reader->ops->at;
	stream_take(reader->ops, 1);
	return 0;
}

static int read_number(struct headers_reader *reader, uint64_t *ret_value, struct err *err)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = 0;
		int rc = read_byte(reader, &byte, err);
		if (rc < 0)
			return rc;
		if (shift == 63 && byte > 1)
			break;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0) {
			*ret_value = value;
			return 0;
		}
	}
	return damaged("a number is too large", err);
}

/* A number that is not negative as a signed one. */
static int read_size(struct headers_reader *reader, int64_t *ret_size, struct err *err)
{
	uint64_t value = 0;

	int rc = read_number(reader, &value, err);
	if (rc == 0 && value > INT64_MAX)
		rc = damaged("a number is too large", err);
	*ret_size = (int64_t)value;
	return rc;
}

static int read_file(struct headers_reader *reader, struct err *err)
{
	int64_t same = 0, rest = 0;
	uint64_t change = 0;

	int rc = read_size(reader, &same, err);
	if (rc == 0)
		rc = read_size(reader, &rest, err);
	if (rc < 0)
		return rc;
	if (same > (int64_t)reader->path_len || rest > TAR_PATH_MAX - same || same + rest == 0)
		return damaged("a path is too long, or empty", err);
	ssize_t got = stream_read(reader->ops, reader->path + same, (size_t)rest, err);
	if (got < 0)
		return (int)got;
	if (got < rest)
		return damaged("they are cut", err);
	reader->path_len = (size_t)(same + rest);
	reader->path[reader->path_len] = '\0';
	if (strlen(reader->path) != reader->path_len)
		return damaged("a path with a NUL", err);
	rc = read_number(reader, &change, err);
	reader->key += (change >> 1) ^ (~(change & 1) + 1);
	reader->file_end = 0;
	return rc;
}

static int take_size(struct headers_reader *reader, struct headers_part *part, struct err *err)
{
	int rc = read_size(reader, &part->size_bytes, err);

	if (rc == 0 && (part->size_bytes == 0 || part->size_bytes > reader->left))
		rc = damaged("more bytes than the archive has, or none", err);
	if (rc == 0)
		reader->left -= part->size_bytes;
	return rc;
}

static int read_content(struct headers_reader *reader, struct headers_part *part, struct err *err)
{
	int64_t gap = 0;

	int rc = read_size(reader, &gap, err);
	if (rc == 0)
		rc = take_size(reader, part, err);
	if (rc < 0)
		return rc;
	if (reader->path_len == 0)
		return damaged("content of no file", err);
	if (gap > INT64_MAX - reader->file_end - part->size_bytes)
		return damaged("content beyond any file's end", err);
	part->offset = reader->file_end + gap;
	part->path = reader->path;
	part->key = reader->key;
	reader->file_end = part->offset + part->size_bytes;
	return 0;
}

static int read_end(struct headers_reader *reader, struct err *err)
{
	int rc = stream_peek(reader->ops, err);

	if (rc < 0)
		return rc;
	if (rc > 0 || reader->left != 0)
		return damaged("they end at the wrong place", err);
	reader->ended = true;
	return 0;
}

int headers_reader_next(struct headers_reader *reader, struct headers_part *ret_part,
			struct err *err)
{
	if (reader->ended)
		return 0;
	int64_t skipped = stream_skip(reader->ops, reader->bytes_left, err);
	if (skipped < 0)
		return (int)skipped;
	if (skipped < reader->bytes_left)
		return damaged("they are cut", err);
	reader->bytes_left = 0;
	*ret_part = (struct headers_part){0};
	for (;;) {
		uint8_t op = HEADERS_END;
		int rc = read_byte(reader, &op, err);
		if (rc < 0)
			return rc;
		switch (op) {
		case HEADERS_END:
			return read_end(reader, err);
		case HEADERS_BYTES:
			rc = take_size(reader, ret_part, err);
			reader->bytes_left = ret_part->size_bytes;
			return rc < 0 ? rc : 1;
		case HEADERS_FILE:
			rc = read_file(reader, err);
			break;
		case HEADERS_CONTENT:
			rc = read_content(reader, ret_part, err);
			return rc < 0 ? rc : 1;
		default:
			rc = damaged("an unknown operation", err);
			break;
		}
		if (rc < 0)
			return rc;
	}
}

ssize_t headers_reader_copy(struct headers_reader *reader, void *data, size_t size, struct err *err)
{
	if ((int64_t)size > reader->bytes_left)
		size = (size_t)reader->bytes_left;
	ssize_t got = stream_read(reader->ops, data, size, err);
	if (got >= 0 && got < (ssize_t)size)
		return damaged("they are cut", err);
	reader->bytes_left -= got > 0 ? got : 0;
	return got;
}
