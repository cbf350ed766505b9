/*
 * tar_write.h - one header after the other of a PAX archive.
 *
 * Ownership  struct tar_writer is in place: tar_writer_init(), tar_writer_done(); the descriptor is lent.
 * Errors     ERR_SYSTEM when the reader is gone.
 */
#ifndef CORTEN_IMAGE_TAR_WRITE_H
#define CORTEN_IMAGE_TAR_WRITE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"

struct tar_writer {
	int fd;
	struct buf pax; /* records for the next header */
};

void tar_writer_init(struct tar_writer *writer, int fd);
void tar_writer_done(struct tar_writer *writer);

/* A PAX record for the next entry. */
void tar_writer_record(struct tar_writer *writer, const char *key, const void *value, size_t size);

/* The entry: type is a ustar type flag, link NULL or the target. Data follows for '0'. */
int tar_writer_entry(struct tar_writer *writer, const char *name, const char *link, char type,
		     const struct stat *st, struct err *err);

/* Zeros to the next block after size bytes of data; and the end of the archive. */
int tar_writer_pad(struct tar_writer *writer, int64_t size, struct err *err);
int tar_writer_end(struct tar_writer *writer, struct err *err);

#endif
