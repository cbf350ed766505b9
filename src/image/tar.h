/*
 * tar.h - reads tar archives: ustar, PAX, GNU long names, sparse files of all four forms.
 *
 * Purpose    One entry after the other, as plain data; what it means for a folder is untar's business.
 * Ownership  struct tar is in place: tar_init(), tar_done(). An entry's texts and lists belong to it
 *            and live until the next tar_next().
 * Units      Sizes are bytes. Names are as in the archive, without a trailing slash, never empty, at
 *            most TAR_PATH_MAX long, without NUL.
 * Errors     ERR_INVALID naming the entry, or the offset where no entry is known.
 */
#ifndef CORTEN_IMAGE_TAR_H
#define CORTEN_IMAGE_TAR_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/buf.h"
#include "image/limits.h"
#include "image/stream.h"

enum tar_type {
	TAR_FILE,
	TAR_HARDLINK,
	TAR_SYMLINK,
	TAR_CHARACTER,
	TAR_BLOCK,
	TAR_FOLDER,
	TAR_FIFO,
};

struct tar_xattr {
	const char *name;
	const char *value;
	size_t size;
};

/* Data of a sparse file; between the segments are holes. */
struct tar_segment {
	int64_t offset;
	int64_t size;
};

struct tar_entry {
	enum tar_type type;
	const char *name;
	const char *link; /* of links, else "" */
	uint32_t mode;    /* 07777 */
	uint32_t uid;
	uint32_t gid;
	uint32_t major;
	uint32_t minor;
	struct timespec mtime;
	int64_t size_bytes; /* of the file once unpacked; 0 unless TAR_FILE */
	bool sparse;
	const struct tar_segment *segments; /* ascending, within size_bytes */
	size_t segment_count;
	struct tar_xattr xattrs[TAR_XATTRS_MAX];
	size_t xattr_count;
};

/* What PAX records say of the next entry; NULL or -1: nothing. */
struct tar_pax {
	struct buf text; /* the records; names and values point into it */
	const char *path;
	const char *link;
	int64_t size;
	int64_t uid;
	int64_t gid;
	bool has_mtime;
	struct timespec mtime;
	struct tar_xattr xattrs[TAR_XATTRS_MAX];
	size_t xattr_count;
	const char *sparse_name;
	int64_t sparse_size;
	int64_t sparse_major;
	int64_t sparse_minor;
	bool sparse;
	int64_t sparse_offset; /* form 0.0: an offset waiting for its size */
};

struct tar_map {
	struct tar_segment *items;
	size_t count;
	size_t room;
};

struct tar {
	struct stream *from; /* lent */
	struct tar_entry entry;
	struct tar_pax pax;
	struct tar_map map;
	struct buf long_name;
	struct buf long_link;
	char name[257];
	char link[101];
	int64_t data_left;    /* of the running entry, packed */
	int64_t padding_left; /* after it */
	int64_t entries;
};

void tar_init(struct tar *tar, struct stream *from);
void tar_done(struct tar *tar);

/* 1: tar->entry is filled; 0: the end; negative: failed. Passes over data that was not read. */
int tar_next(struct tar *tar, struct err *err);

/*
 * A window of the entry's packed data (of a sparse file: its segments, one after the other). 1 and
 * ret_at, ret_size; 0: no more; negative: failed. tar_take() consumes.
 */
int tar_peek(struct tar *tar, const uint8_t **ret_at, size_t *ret_size, struct err *err);
void tar_take(struct tar *tar, size_t size);

#endif
