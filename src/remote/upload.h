/*
 * upload.h - puts blobs and manifests into a repository.
 *
 * Purpose    What a push, a copy and a signature have in common: is a blob there, can it be mounted from another
 *            repository, send it, put a manifest. A blob goes as one stream; when that breaks, or the registry wants
 *            pieces, on in pieces from where the registry says that it is.
 * Ownership  Sources are lent. The session must have been made with `push`.
 * Errors     The source's own, or those of session.h. A registry that says another digest than was sent is ERR_INVALID.
 * Threads    Any number may upload over one session at once.
 */
#ifndef CORTEN_REMOTE_UPLOAD_H
#define CORTEN_REMOTE_UPLOAD_H

#include "remote/hash.h"
#include "remote/session.h"

/* Where the bytes of a blob come from. */
struct upload_source {
	/* Gives up to size bytes; 0 at the end, negative with err set. */
	ssize_t (*read)(void *arg, void *data, size_t size, struct err *err);
	/* Goes back to the first byte; NULL: the bytes come once, and an upload that breaks has failed. */
	int (*restart)(void *arg, struct err *err);
	void *arg;
	int64_t size_bytes; /* negative: not known before the end */
	const char *digest; /* "sha256:HEX"; NULL: not known before the end */
};

struct upload_blob {
	char digest[HASH_TEXT_MAX];
	int64_t size_bytes;
};

/* 1: the repository has the blob; 0: it has not. */
int upload_exists(struct session *session, const char *digest, struct err *err);

/*
 * Asks for a blob of another repository of this registry. True: it is there now. Else ret_location may hold an upload
 * that the registry began instead, for upload_blob(); "": it did not. That it cannot be mounted is no failure.
 */
bool upload_mount(struct session *session, const char *digest, const char *from,
		  char ret_location[REMOTE_URL_MAX]);

/* Sends a blob. location: an upload that was begun, or "" or NULL. ret_blob: what was sent. */
int upload_blob(struct session *session, const struct upload_source *source, const char *location,
		struct upload_blob *ret_blob, struct err *err);

struct upload_manifest {
	const char *name; /* a tag, or "sha256:HEX" */
	const char *media_type;
	const void *data;
	size_t size;
};

struct upload_put {
	char digest[HASH_TEXT_MAX];
	bool subject; /* the registry says that it keeps the manifest among the referrers of its subject */
};

int upload_manifest(struct session *session, const struct upload_manifest *manifest,
		    struct upload_put *ret_put, struct err *err);

/* ---- sources ---- */

struct upload_memory {
	const char *data;
	size_t size;
	size_t at;
};

/* Bytes in memory; digest as in struct upload_source. */
struct upload_source upload_from_memory(struct upload_memory *memory, const char *digest);

struct upload_file {
	int fd;         /* lent */
	int64_t offset; /* where the blob begins; negative: a pipe, read once from where it is */
	int64_t size_bytes;
	int64_t at;
};

/* A file or a part of it, or a pipe. size_bytes of the file: negative for up to its end. */
struct upload_source upload_from_file(struct upload_file *file, const char *digest);

#endif
