/*
 * fd.h - owned file descriptors and whole reads and writes.
 *
 * Ownership  auto_fd closes at the end of its scope and keeps errno; fd_take() hands out.
 * Errors     Functions with `struct err` name what was read or written; the rest return -errno.
 */
#ifndef CORTEN_BASE_FD_H
#define CORTEN_BASE_FD_H

#include <errno.h>
#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/err.h"

#define FD_NONE (-EBADF) /* "no descriptor"; returned by mistake it still reads as an error */
#define auto_fd __attribute__((cleanup(fd_closep), unused)) int

static inline void fd_closep(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd); /* never retried: Linux frees the number even on EINTR */
	*fd = FD_NONE;
	errno = saved;
}

/* Moves ownership out: whoever gets the result must close it. */
static inline int fd_take(int *fd)
{
	int taken = *fd;

	*fd = FD_NONE;
	return taken;
}

/* Writes all of data, over EINTR and short writes. Returns 0 or -errno. */
int fd_write_all(int fd, const void *data, size_t size);

/* Reads until size bytes or the end. Returns the bytes read or -errno. */
ssize_t fd_read_full(int fd, void *data, size_t size);

/* One read, over EINTR: for the kernel's small files, which deliver all of it at once. Returns bytes or -errno. */
ssize_t fd_read_once(int fd, void *data, size_t size);

struct buf;

/* Appends the rest of fd to out. Fails with ERR_INVALID once out's maximum is passed. `what` names it in errors. */
int fd_read_all(int fd, const char *what, struct buf *out, struct err *err);

/*
 * Reads the regular file `name` beneath dirfd whole into out, in one read of its size; ERR_INVALID for what is no
 * regular file. One that shrinks or grows meanwhile is read as far as it was long.
 */
int fd_read_regular_at(int dirfd, const char *name, struct buf *out, struct err *err);

/* Reads the file `name` beneath dirfd (AT_FDCWD: the working folder) whole into out. */
int fd_read_file_at(int dirfd, const char *name, struct buf *out, struct err *err);

/* Writes a small kernel file (procfs, cgroupfs) in one write(2). Returns 0 or -errno; err names dir/name. */
int fd_write_file_at(int dirfd, const char *name, const char *text, struct err *err);

/*
 * Replaces `name` beneath dirfd with data by a temporary file, fsync and rename: a reader, or a
 * crash, sees the old or the new content and nothing else.
 */
int fd_replace_file_at(int dirfd, const char *name, const void *data, size_t size, mode_t mode,
		       struct err *err);

#endif
