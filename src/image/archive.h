/*
 * archive.h - the outer archive: a tar file, packed or not, from a file or a pipe; or a folder.
 *
 * Purpose    Members by name. A tar file is indexed, not copied; what cannot be read from any place (a
 *            pipe, a packed file) is first written, unpacked, into the program's own folder.
 * Ownership  archive_open() takes nothing over: descriptors stay the caller's. archive_close() frees.
 * Errors     Name the member. Members that are links lead to other members and nowhere else.
 * Threads    After archive_open() any thread may read.
 */
#ifndef CORTEN_IMAGE_ARCHIVE_H
#define CORTEN_IMAGE_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct archive;

/* Where a member's bytes are. */
struct archive_span {
	int fd;
	int64_t offset;
	int64_t size_bytes;
	bool owned; /* archive_span_done() closes fd */
};

/* work_fd: a folder for the unpacked copy, when one is needed. */
int archive_open(int input_fd, int work_fd, struct archive **ret_archive, struct err *err);
void archive_close(struct archive *archive);

bool archive_has(const struct archive *archive, const char *name);

/* ERR_NOT_FOUND when there is no such member. */
int archive_find(const struct archive *archive, const char *name, struct archive_span *ret_span,
		 struct err *err);
void archive_span_done(struct archive_span *span);

struct archive_text {
	const char *data; /* NUL after it */
	size_t len;
};

/* The whole of a document, at most IMAGE_DOCUMENT_BYTES_MAX. */
int archive_read(const struct archive *archive, const char *name, struct arena *arena,
		 struct archive_text *ret_text, struct err *err);

#endif
