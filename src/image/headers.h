/*
 * headers.h - what a layer's tree cannot give back of its tar archive, so that the archive can be
 * written again byte for byte.
 *
 * Purpose    The writer stands between the decompressor and the tar reader and notes every byte that
 *            is no file's content; the reader gives the notes back in their order.
 * Format     Version 1. A skippable zstd frame of 16 bytes: "CTNHDR\0" and the version as one byte; the
 *            size of the tar archive as a little-endian 64-bit number. Then one zstd frame of
 *            operations, each a byte and numbers in LEB128:
 *              0                         the end
 *              1 SIZE BYTES              bytes of the archive
 *              2 SAME REST TEXT KEY      the file that content comes from: its path in the tree, the
 *                                        first SAME bytes as those of the path before, REST bytes of
 *                                        text; the zigzag difference of its key to the key before
 *              3 GAP SIZE                SIZE bytes of that file's content, GAP bytes after the last
 * Keys       Content that a later entry of the same archive replaced lies in the layer's `kept/KEY`,
 *            which is to be looked for first. The key is the file's inode number when it was unpacked:
 *            it tells the files of one layer apart and is good for nothing else.
 * Ownership  _new() and _free(); streams and descriptors are lent.
 * Errors     Of the reader ERR_INVALID: the notes may be damaged, and are never believed.
 */
#ifndef CORTEN_IMAGE_HEADERS_H
#define CORTEN_IMAGE_HEADERS_H

#include <stdint.h>

#include "image/limits.h"
#include "image/stream.h"

/* ---- writing ---- */

struct headers_writer;

/* Notes go to fd, an empty file. */
int headers_writer_new(struct stream *from, int fd, struct headers_writer **ret_writer,
		       struct err *err);
void headers_writer_free(struct headers_writer *writer);

/* The archive: what is taken from here is noted. */
struct stream *headers_writer_stream(struct headers_writer *writer);

/* The content that follows goes to this file. */
int headers_writer_file(struct headers_writer *writer, const char *path, uint64_t key,
			struct err *err);

/* The next size bytes of the archive are the file's, from offset on; offsets only grow. */
int headers_writer_content(struct headers_writer *writer, int64_t offset, int64_t size,
			   struct err *err);

/* Once the archive was read to its end. */
int headers_writer_end(struct headers_writer *writer, struct err *err);

/* ---- reading ---- */

struct headers_part {
	int64_t size_bytes;
	const char *path; /* NULL: the bytes come from headers_reader_copy() */
	uint64_t key;
	int64_t offset;
};

struct headers_reader;

/* max_bytes bounds the archive. */
int headers_reader_new(struct stream *from, int64_t max_bytes, struct headers_reader **ret_reader,
		       struct err *err);
void headers_reader_free(struct headers_reader *reader);

/* The size of the archive; all parts together have it, or the last headers_reader_next() fails. */
int64_t headers_reader_size(const struct headers_reader *reader);

/* 1: a part, whose path lives until the next call; 0: the end. Passes over bytes not copied. */
int headers_reader_next(struct headers_reader *reader, struct headers_part *ret_part,
			struct err *err);

/* Copies up to size bytes of a part without a path; less only at the part's end. */
ssize_t headers_reader_copy(struct headers_reader *reader, void *data, size_t size,
			    struct err *err);

#endif
