/*
 * sink.h - where a saved image goes: a tar archive, or a folder with the same names.
 *
 * Purpose    One member after the other, the same bytes for the same content. Into a pipe nothing is
 *            written twice; in a folder nothing that is there is replaced.
 * Ownership  struct sink is in place: sink_init(), sink_done(); the descriptor is lent.
 * Errors     Name the member and what the system said: a full disk, a reader that is gone.
 */
#ifndef CORTEN_IMAGE_SINK_H
#define CORTEN_IMAGE_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "image/stream.h"
#include "image/tar_write.h"

struct sink {
	int fd;
	bool folder;
	struct tar_writer tar;
	/* Internal: the running member. */
	const char *name;
	int file_fd;
	int64_t size_bytes;
};

/* fd: a file or pipe for an archive, or a folder. */
int sink_init(struct sink *sink, int fd, struct err *err);
void sink_done(struct sink *sink);

/* A folder for members, "blobs/sha256": its parents first. */
int sink_folder(struct sink *sink, const char *name, struct err *err);

/* A member of exactly size bytes; its name lives until sink_close(). */
int sink_open(struct sink *sink, const char *name, int64_t size, struct err *err);
int sink_write(struct sink *sink, const void *data, size_t size, struct err *err);
int sink_close(struct sink *sink, struct err *err);

/* A member in one call: from a stream that is read to its end, or from memory. */
int sink_copy(struct sink *sink, const char *name, int64_t size, struct stream *from,
	      struct err *err);
int sink_put(struct sink *sink, const char *name, const void *data, size_t size, struct err *err);

/* After the last member. */
int sink_end(struct sink *sink, struct err *err);

#endif
