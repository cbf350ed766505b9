/*
 * archive.h - the outer archive: a tar file, packed or not, from a file or a pipe; a folder; or a registry's
 *             image, which another process fetches (served.h).
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
	int64_t offset;     /* negative: read on */
	int64_t size_bytes; /* negative: to the end */
	bool owned;         /* archive_span_done() closes fd */
};

/* work_fd: a folder for the unpacked copy, when one is needed. */
int archive_open(int input_fd, int work_fd, struct archive **ret_archive, struct err *err);

/* An OCI layout that is asked for over a socket (WIRE_FD_INPUT of a pull). */
int archive_open_served(int socket_fd, struct archive **ret_archive, struct err *err);
void archive_close(struct archive *archive);

/* Blobs that are manifests or indexes, and all others: registries keep them apart. */
enum archive_blob {
	ARCHIVE_MANIFEST,
	ARCHIVE_BLOB,
};
#define ARCHIVE_MEMBER_MAX 96

/* The member's name of an OCI layout's blob. */
const char *archive_blob_name(const struct archive *archive, enum archive_blob kind,
			      const char *hex, char buf[ARCHIVE_MEMBER_MAX]);

/* ERR_INVALID when a member is of another size. Of a served one the size shows when it is read. */
int archive_check_size(const struct archive *archive, const char *name, int64_t size_bytes,
		       struct err *err);

bool archive_has(const struct archive *archive, const char *name);

/* A registry's image has no file "oci-layout". */
bool archive_is_served(const struct archive *archive);

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
