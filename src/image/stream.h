/*
 * stream.h - bytes that come in windows: from a file, out of a decompressor.
 *
 * Purpose    Consumers read from the producer's own buffer; nothing is copied but headers.
 * Ownership  A window belongs to its producer and lives until the next fill.
 * Errors     Those of the producer. An end that comes too early is the consumer's to report.
 */
#ifndef CORTEN_IMAGE_STREAM_H
#define CORTEN_IMAGE_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct digest;

struct stream {
	/* Called when the window is used up: gives the next one; len 0 at the end. */
	int (*fill)(struct stream *stream, struct err *err);
	/* Optional: passes over up to size bytes without reading them; returns how many. */
	int64_t (*pass)(struct stream *stream, int64_t size);
	const uint8_t *at;
	size_t len;
	int64_t taken; /* bytes consumed since the start */
};

/* 1: at and len hold something; 0: the end; negative: failed. */
int stream_peek(struct stream *stream, struct err *err);

/* Consumes size bytes of the window, size <= len. */
void stream_take(struct stream *stream, size_t size);

/* Copies up to size bytes; fewer only at the end. */
ssize_t stream_read(struct stream *stream, void *data, size_t size, struct err *err);

/* Passes over up to size bytes; returns how many, fewer only at the end. */
int64_t stream_skip(struct stream *stream, int64_t size, struct err *err);

/* Reads to the end. Returns the number of bytes. */
int64_t stream_drain(struct stream *stream, struct err *err);

/* Told of every byte read; returns negative to stop (and sets err). */
typedef int stream_watch_fn(void *arg, int64_t done_bytes, struct err *err);

/* A part of a file, or what comes from a pipe. */
struct file_stream {
	struct stream stream;
	int fd;                /* lent */
	int64_t offset;        /* negative: read on from where the descriptor stands */
	int64_t left;          /* negative: until the end */
	struct digest *digest; /* lent, or NULL */
	stream_watch_fn *watch;
	void *watch_arg;
	int64_t done_bytes;
	uint8_t *buffer;
};

int file_stream_init(struct file_stream *file, int fd, int64_t offset, int64_t size,
		     struct err *err);
void file_stream_done(struct file_stream *file);

#endif
