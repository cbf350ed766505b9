#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "base/fd.h"
#include "image/headers_internal.h"

#define OUT_BYTES ((size_t)64 << 10)
/* Headers repeat what stands a few headers before: a larger window costs memory and gains nothing. */
#define WINDOW_LOG 17
#define LEVEL      (-3) /* half again as fast as level 1, and a fifth larger */
#define OP_BYTES   48   /* an operation and its numbers, without text */

struct headers_writer {
	struct stream stream;
	struct stream *from;
	int fd;
	const uint8_t *mark;  /* the window from here on is not accounted for yet */
	int64_t content_left; /* of what follows the mark */
	char path[TAR_PATH_MAX + 1];
	size_t path_len;
	uint64_t key;
	int64_t file_end; /* after the last content of the file */
	ZSTD_CCtx *zstd;
	uint8_t *out;
	size_t out_len;
};

static int flush(struct headers_writer *writer, struct err *err)
{
	int rc = fd_write_all(writer->fd, writer->out, writer->out_len);

	writer->out_len = 0;
	return rc < 0 ? err_set(err, ERR_SYSTEM, -rc, "write the layer's headers") : 0;
}

static int pack(struct headers_writer *writer, const void *data, size_t size, bool end,
		struct err *err)
{
	ZSTD_inBuffer in = {.src = data, .size = size};
	size_t left;

	do {
		ZSTD_outBuffer out = {
			.dst = writer->out, .size = OUT_BYTES, .pos = writer->out_len};
		left = ZSTD_compressStream2(writer->zstd, &out, &in,
					    end ? ZSTD_e_end : ZSTD_e_continue);
		if (ZSTD_isError(left))
			return err_set(err, ERR_SYSTEM, 0, "pack the layer's headers: %s",
				       ZSTD_getErrorName(left));
		writer->out_len = out.pos;
		int rc = writer->out_len == OUT_BYTES || end ? flush(writer, err) : 0;
		if (rc < 0)
			return rc;
	} while (in.pos < in.size || (end && left > 0));
	return 0;
}

/* An operation while it is put together. */
struct op {
	uint8_t bytes[OP_BYTES];
	size_t len;
};

static void add_number(struct op *op, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		op->bytes[op->len++] = (uint8_t)(value | 0x80);
	op->bytes[op->len++] = (uint8_t)value;
}

static int put_bytes(struct headers_writer *writer, const uint8_t *data, size_t size,
		     struct err *err)
{
	struct op op = {.bytes = {HEADERS_BYTES}, .len = 1};

	if (size == 0)
		return 0;
	add_number(&op, size);
	int rc = pack(writer, op.bytes, op.len, false, err);
	return rc < 0 ? rc : pack(writer, data, size, false, err);
}

/* What was taken of the window since the mark is content first, then bytes to be noted. */
static int account(struct headers_writer *writer, struct err *err)
{
	size_t taken = (size_t)(writer->stream.at - writer->mark);
	size_t content =
		writer->content_left < (int64_t)taken ? (size_t)writer->content_left : taken;
	const uint8_t *data = writer->mark + content;

	writer->content_left -= (int64_t)content;
	writer->mark = writer->stream.at;
	return put_bytes(writer, data, taken - content, err);
}

static int writer_fill(struct stream *stream, struct err *err)
{
	struct headers_writer *writer = (struct headers_writer *)stream;

	int rc = stream->at != NULL ? account(writer, err) : 0;
	if (rc < 0)
		return rc;
	stream_take(writer->from, writer->from->len);
	rc = stream_peek(writer->from, err);
	if (rc < 0)
		return rc;
	stream->at = writer->mark = writer->from->at;
	stream->len = writer->from->len;
	return 0;
}

static int start_zstd(struct headers_writer *writer, struct err *err)
{
	writer->out = malloc(OUT_BYTES);
	writer->zstd = ZSTD_createCCtx();
	if (writer->out == NULL || writer->zstd == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "pack the layer's headers");
	size_t code = ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel, LEVEL);
	if (!ZSTD_isError(code))
		code = ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_windowLog, WINDOW_LOG);
	if (!ZSTD_isError(code))
		code = ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_checksumFlag, 1);
	if (ZSTD_isError(code))
		return err_set(err, ERR_SYSTEM, 0, "pack the layer's headers: %s",
			       ZSTD_getErrorName(code));
	return 0;
}

int headers_writer_new(struct stream *from, int fd, struct headers_writer **ret_writer,
		       struct err *err)
{
	struct headers_writer *writer = calloc(1, sizeof(*writer));

	if (writer == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "note the layer's headers");
	writer->stream.fill = writer_fill;
	writer->from = from;
	writer->fd = fd;
	int rc = start_zstd(writer, err);
	if (rc == 0) {
		/* The size is not known yet: the first frame is written last. */
		memset(writer->out, 0, HEADERS_HEAD_BYTES);
		writer->out_len = HEADERS_HEAD_BYTES;
		*ret_writer = writer;
	} else {
		headers_writer_free(writer);
	}
	return rc;
}

void headers_writer_free(struct headers_writer *writer)
{
	if (writer == NULL)
		return;
	(void)ZSTD_freeCCtx(writer->zstd);
	free(writer->out);
	free(writer);
}

struct stream *headers_writer_stream(struct headers_writer *writer)
{
	return &writer->stream;
}

int headers_writer_file(struct headers_writer *writer, const char *path, uint64_t key,
			struct err *err)
{
	struct op op = {.bytes = {HEADERS_FILE}, .len = 1};
	size_t len = strnlen(path, TAR_PATH_MAX);
	size_t same = 0;

	while (same < len && same < writer->path_len && path[same] == writer->path[same])
		same++;
	add_number(&op, same);
	add_number(&op, len - same);
	int rc = pack(writer, op.bytes, op.len, false, err);
	if (rc == 0)
		rc = pack(writer, path + same, len - same, false, err);
	op.len = 0;
	int64_t change = (int64_t)(key - writer->key);
	add_number(&op, ((uint64_t)change << 1) ^ (change < 0 ? UINT64_MAX : 0));
	memcpy(writer->path + same, path + same, len - same);
	writer->path_len = len;
	writer->key = key;
	writer->file_end = 0;
	return rc < 0 ? rc : pack(writer, op.bytes, op.len, false, err);
}

int headers_writer_content(struct headers_writer *writer, int64_t offset, int64_t size,
			   struct err *err)
{
	struct op op = {.bytes = {HEADERS_CONTENT}, .len = 1};

	if (size == 0)
		return 0;
	int rc = account(writer, err);
	if (rc < 0)
		return rc;
	add_number(&op, (uint64_t)(offset - writer->file_end));
	add_number(&op, (uint64_t)size);
	writer->file_end = offset + size;
	writer->content_left = size;
	return pack(writer, op.bytes, op.len, false, err);
}

int headers_writer_end(struct headers_writer *writer, struct err *err)
{
	static const uint8_t end[] = {HEADERS_END};
	uint8_t head[HEADERS_HEAD_BYTES] = HEADERS_MAGIC;

	int rc = writer->stream.at != NULL ? account(writer, err) : 0;
	if (rc == 0)
		rc = pack(writer, end, sizeof(end), true, err);
	if (rc < 0)
		return rc;
	head[15] = HEADERS_VERSION;
	for (size_t i = 0; i < 8; i++)
		head[16 + i] = (uint8_t)((uint64_t)writer->stream.taken >> (8 * i));
	if (pwrite(writer->fd, head, sizeof(head), 0) != (ssize_t)sizeof(head))
		return err_errno(err, "write the layer's headers");
	return 0;
}
