#include "image/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/digest.h"
#include "image/limits.h"

int stream_peek(struct stream *stream, struct err *err)
{
	if (stream->len > 0)
		return 1;
	int rc = stream->fill(stream, err);
	if (rc < 0)
		return rc;
	return stream->len > 0;
}

void stream_take(struct stream *stream, size_t size)
{
	stream->at += size;
	stream->len -= size;
	stream->taken += (int64_t)size;
}

ssize_t stream_read(struct stream *stream, void *data, size_t size, struct err *err)
{
	size_t done = 0;

	while (done < size) {
		int rc = stream_peek(stream, err);
		if (rc < 0)
			return rc;
		if (rc == 0)
			break;
		size_t part = size - done < stream->len ? size - done : stream->len;
		memcpy((uint8_t *)data + done, stream->at, part);
		stream_take(stream, part);
		done += part;
	}
	return (ssize_t)done;
}

int64_t stream_skip(struct stream *stream, int64_t size, struct err *err)
{
	int64_t done = 0;

	while (done < size) {
		int rc = stream_peek(stream, err);
		if (rc < 0)
			return rc;
		if (rc == 0)
			break;
		int64_t left = size - done;
		size_t part = left < (int64_t)stream->len ? (size_t)left : stream->len;
		stream_take(stream, part);
		done += (int64_t)part;
		if (stream->pass != NULL && done < size) {
			int64_t passed = stream->pass(stream, size - done);
			stream->taken += passed;
			done += passed;
		}
	}
	return done;
}

int64_t stream_drain(struct stream *stream, struct err *err)
{
	return stream_skip(stream, INT64_MAX, err);
}

static int file_fill(struct stream *stream, struct err *err)
{
	struct file_stream *file = (struct file_stream *)stream;
	size_t want = INFLATE_WINDOW_BYTES;
	ssize_t got;

	if (file->left >= 0 && file->left < (int64_t)want)
		want = (size_t)file->left;
	if (want == 0)
		return 0;
	do {
		/* A pipe is read until the window is full: what is at its beginning tells its kind. */
		got = file->offset >= 0 ? pread(file->fd, file->buffer, want, file->offset)
					: fd_read_full(file->fd, file->buffer, want);
	} while (got < 0 && file->offset >= 0 && errno == EINTR);
	if (got < 0) {
		errno = file->offset >= 0 ? errno : (int)-got;
		return err_errno(err, "read the archive");
	}
	if (got == 0 && file->left > 0)
		return err_set(err, ERR_INVALID, 0, "the archive is cut: %lld bytes are missing",
			       (long long)file->left);
	if (file->offset >= 0)
		file->offset += got;
	if (file->left >= 0)
		file->left -= got;
	file->done_bytes += got;
	stream->at = file->buffer;
	stream->len = (size_t)got;
	if (file->digest != NULL)
		digest_add(file->digest, file->buffer, (size_t)got);
	return file->watch ? file->watch(file->watch_arg, file->done_bytes, err) : 0;
}

/* Only where nobody wants to see every byte, and the length is known: a cut file must show. */
static int64_t file_pass(struct stream *stream, int64_t size)
{
	struct file_stream *file = (struct file_stream *)stream;

	if (file->offset < 0 || file->left < 0 || file->digest != NULL)
		return 0;
	if (size > file->left)
		size = file->left;
	file->offset += size;
	file->left -= size;
	return size;
}

int file_stream_init(struct file_stream *file, int fd, int64_t offset, int64_t size,
		     struct err *err)
{
	*file = (struct file_stream){.stream = {.fill = file_fill, .pass = file_pass},
				     .fd = fd,
				     .offset = offset,
				     .left = size};
	file->buffer = malloc(INFLATE_WINDOW_BYTES);
	if (file->buffer == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "read the archive");
	return 0;
}

void file_stream_done(struct file_stream *file)
{
	free(file->buffer);
	file->buffer = NULL;
}
