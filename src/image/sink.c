#include "image/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"

int sink_init(struct sink *sink, int fd, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_errno(err, "look at the output");
	*sink = (struct sink){.fd = fd, .folder = S_ISDIR(st.st_mode), .file_fd = FD_NONE};
	tar_writer_init(&sink->tar, fd);
	return 0;
}

void sink_done(struct sink *sink)
{
	tar_writer_done(&sink->tar);
	fd_closep(&sink->file_fd);
}

int sink_folder(struct sink *sink, const char *name, struct err *err)
{
	const struct stat st = {.st_mode = 0755};

	if (!sink->folder)
		return tar_writer_entry(&sink->tar, name, NULL, '5', &st, err);
	if (mkdirat(sink->fd, name, 0755) < 0 && errno != EEXIST)
		return err_errno(err, "make folder '%s'", name);
	return 0;
}

int sink_open(struct sink *sink, const char *name, int64_t size, struct err *err)
{
	const struct stat st = {.st_mode = 0644, .st_size = size};

	sink->name = name;
	sink->size_bytes = size;
	if (!sink->folder)
		return tar_writer_entry(&sink->tar, name, NULL, '0', &st, err);
	sink->file_fd =
		openat(sink->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	return sink->file_fd < 0 ? err_errno(err, "make '%s'", name) : 0;
}

int sink_write(struct sink *sink, const void *data, size_t size, struct err *err)
{
	int rc = fd_write_all(sink->folder ? sink->file_fd : sink->fd, data, size);

	return rc < 0 ? err_set(err, err_kind_of(-rc), -rc, "write '%s'", sink->name) : 0;
}

int sink_close(struct sink *sink, struct err *err)
{
	if (!sink->folder)
		return tar_writer_pad(&sink->tar, sink->size_bytes, err);
	fd_closep(&sink->file_fd);
	return 0;
}

int sink_copy(struct sink *sink, const char *name, int64_t size, struct stream *from,
	      struct err *err)
{
	int rc = sink_open(sink, name, size, err);

	while (rc >= 0 && (rc = stream_peek(from, err)) > 0) {
		rc = sink_write(sink, from->at, from->len, err);
		stream_take(from, from->len);
	}
	if (rc == 0 && from->taken != size)
		rc = err_set(err, ERR_INVALID, EUCLEAN, "'%s' has %lld bytes, %lld were promised",
			     name, (long long)from->taken, (long long)size);
	return rc < 0 ? rc : sink_close(sink, err);
}

int sink_put(struct sink *sink, const char *name, const void *data, size_t size, struct err *err)
{
	int rc = sink_open(sink, name, (int64_t)size, err);

	if (rc == 0)
		rc = sink_write(sink, data, size, err);
	return rc < 0 ? rc : sink_close(sink, err);
}

int sink_end(struct sink *sink, struct err *err)
{
	return sink->folder ? 0 : tar_writer_end(&sink->tar, err);
}
