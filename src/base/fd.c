#include "base/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"

int fd_write_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t done = write(fd, at, size);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		at += done;
		size -= (size_t)done;
	}
	return 0;
}

ssize_t fd_read_full(int fd, void *data, size_t size)
{
	size_t total = 0;

	while (total < size) {
		ssize_t got = read(fd, (char *)data + total, size - total);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		total += (size_t)got;
	}
	return (ssize_t)total;
}

ssize_t fd_read_once(int fd, void *data, size_t size)
{
	ssize_t got;

	do
		got = read(fd, data, size);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

int fd_read_all(int fd, const char *what, struct buf *out, struct err *err)
{
	for (;;) {
		/* One byte over the maximum is read to tell "full" from "too large". */
		size_t want = out->max - out->len < 16384 ? out->max - out->len + 1 : 16384;
		char spare[1];
		char *at = want == 1 ? spare : buf_reserve(out, want - 1);
		if (at == NULL)
			return buf_check(out, what, err);
		ssize_t got = read(fd, at, want == 1 ? 1 : want - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, "read %s", what);
		if (got == 0)
			break;
		if (at == spare) {
			out->failed = true;
			return buf_check(out, what, err);
		}
		out->len += (size_t)got;
		out->data[out->len] = '\0';
	}
	return 0;
}

int fd_read_file_at(int dirfd, const char *name, struct buf *out, struct err *err)
{
	auto_fd fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, "open '%s'", name);
	return fd_read_all(fd, name, out, err);
}

int fd_read_regular_at(int dirfd, const char *name, struct buf *out, struct err *err)
{
	struct stat st;
	auto_fd fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, "open '%s'", name);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, 0, "'%s' is no regular file", name);
	if ((uint64_t)st.st_size > out->max) {
		out->failed = true;
		return buf_check(out, name, err);
	}
	size_t size = (size_t)st.st_size;
	char *at = buf_reserve(out, size);
	if (at == NULL)
		return buf_check(out, name, err);
	ssize_t got = fd_read_full(fd, at, size);
	if (got < 0) {
		errno = (int)-got;
		return err_errno(err, "read '%s'", name);
	}
	out->len += (size_t)got;
	out->data[out->len] = '\0';
	return 0;
}

int fd_write_file_at(int dirfd, const char *name, const char *text, struct err *err)
{
	auto_fd fd = openat(dirfd, name, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, "open '%s'", name);
	if (write(fd, text, strlen(text)) < 0)
		return err_errno(err, "write '%s' to '%s'", text, name);
	return 0;
}

int fd_replace_file_at(int dirfd, const char *name, const void *data, size_t size, mode_t mode,
		       struct err *err)
{
	char temporary[512];

	(void)snprintf(temporary, sizeof(temporary), ".%s.%d", name, (int)getpid());
	auto_fd fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0 && errno == EEXIST) { /* of a process that was killed and had the same number */
		(void)unlinkat(dirfd, temporary, 0);
		fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	}
	if (fd < 0)
		return err_errno(err, "create '%s'", temporary);
	int rc = fd_write_all(fd, data, size);
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	if (rc == 0 && renameat(dirfd, temporary, dirfd, name) < 0)
		rc = -errno;
	if (rc < 0) {
		(void)unlinkat(dirfd, temporary, 0);
		errno = -rc;
		return err_errno(err, "write '%s'", name);
	}
	return 0;
}
