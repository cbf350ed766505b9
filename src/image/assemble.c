#include "image/assemble.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "image/digest.h"
#include "image/headers.h"
#include "image/limits.h"
#include "kern/uapi.h"
#include "store/wire.h"

struct assemble {
	struct stream stream;
	struct file_stream file;
	struct headers_reader *headers;
	struct headers_part part;
	int64_t part_left;
	int diff_fd;
	int kept_fd; /* FD_NONE: nothing was replaced */
	int content_fd;
	char content[TAR_PATH_MAX + 1]; /* what content_fd is of */
	uint64_t content_key;
	struct digest digest;
	char diff_id[65];
	bool ended;
	uint8_t *buffer;
};

static int open_beneath(int dirfd, const char *path, uint64_t flags)
{
	struct open_how how = {.flags = flags | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV |
					  RESOLVE_NO_MAGICLINKS};

	return uapi_openat2(dirfd, path, &how);
}

static int open_file(int dirfd, const char *path, struct err *err)
{
	struct stat st;
	auto_fd fd = open_beneath(dirfd, path, O_RDONLY | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, "open '%.200s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, EUCLEAN, "'%.200s' is no file any more", path);
	return fd_take(&fd);
}

static int open_parts(struct assemble *assemble, int layers_fd, struct err *err)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%.64s/" WIRE_HEADERS, assemble->diff_id);
	assemble->file.fd = open_file(layers_fd, path, err);
	if (assemble->file.fd == -ENOENT)
		return err_set(err, ERR_NOT_FOUND, ENOENT,
			       "its tar headers were not kept when it was unpacked: load or pull "
			       "its image again");
	if (assemble->file.fd < 0)
		return assemble->file.fd;
	(void)snprintf(path, sizeof(path), "%.64s/diff", assemble->diff_id);
	assemble->diff_fd = open_beneath(layers_fd, path, O_PATH | O_DIRECTORY);
	if (assemble->diff_fd < 0)
		return err_errno(err, "open its tree");
	(void)snprintf(path, sizeof(path), "%.64s/" WIRE_KEPT, assemble->diff_id);
	assemble->kept_fd = open_beneath(layers_fd, path, O_PATH | O_DIRECTORY);
	if (assemble->kept_fd < 0 && errno != ENOENT)
		return err_errno(err, "open its replaced content");
	return 0;
}

static int open_content(struct assemble *assemble, struct err *err)
{
	const struct headers_part *part = &assemble->part;
	char name[32];

	if (assemble->content_fd >= 0 && assemble->content_key == part->key &&
	    strcmp(assemble->content, part->path) == 0)
		return 0;
	fd_closep(&assemble->content_fd);
	assemble->content_key = part->key;
	(void)snprintf(assemble->content, sizeof(assemble->content), "%s", part->path);
	(void)snprintf(name, sizeof(name), "%" PRIu64, part->key);
	int fd = assemble->kept_fd >= 0 ? open_file(assemble->kept_fd, name, err) : -ENOENT;
	if (fd == -ENOENT)
		fd = open_file(assemble->diff_fd, part->path, err);
	assemble->content_fd = fd;
	return fd < 0 ? fd : 0;
}

/* Some bytes of the running part into the buffer. */
static ssize_t read_part(struct assemble *assemble, uint8_t *to, size_t size, struct err *err)
{
	struct headers_part *part = &assemble->part;

	if ((int64_t)size > assemble->part_left)
		size = (size_t)assemble->part_left;
	if (part->path == NULL) {
		ssize_t got = headers_reader_copy(assemble->headers, to, size, err);
		assemble->part_left -= got > 0 ? got : 0;
		return got;
	}
	ssize_t got = pread(assemble->content_fd, to, size, part->offset);
	if (got < 0 && errno == EINTR)
		return 0;
	if (got < 0)
		return err_errno(err, "read '%.200s'", assemble->content);
	if (got == 0)
		return err_set(err, ERR_INVALID, EUCLEAN, "'%.200s' is shorter than it was",
			       assemble->content);
	part->offset += got;
	assemble->part_left -= got;
	return got;
}

static int check_digest(struct assemble *assemble, struct err *err)
{
	char hex[65];

	assemble->ended = true;
	digest_hex(&assemble->digest, hex);
	if (strcmp(hex, assemble->diff_id) != 0)
		return err_set(err, ERR_INVALID, EUCLEAN,
			       "its files were changed or damaged (they give sha256:%s): remove "
			       "its images and load or pull them again",
			       hex);
	return 0;
}

/* 1: a part was begun; 0: there is none left. */
static int next_part(struct assemble *assemble, struct err *err)
{
	int rc = headers_reader_next(assemble->headers, &assemble->part, err);

	if (rc <= 0)
		return rc;
	assemble->part_left = assemble->part.size_bytes;
	if (assemble->part.path != NULL) {
		rc = open_content(assemble, err);
		if (rc < 0)
			return rc;
	}
	return 1;
}

static int gather(struct assemble *assemble, size_t *ret_len, struct err *err)
{
	size_t len = 0;
	int rc = 1;

	while (len < INFLATE_WINDOW_BYTES) {
		if (assemble->part_left == 0) {
			rc = next_part(assemble, err);
			if (rc <= 0)
				break;
		}
		ssize_t got = read_part(assemble, assemble->buffer + len,
					INFLATE_WINDOW_BYTES - len, err);
		if (got < 0)
			return (int)got;
		len += (size_t)got;
	}
	if (rc < 0)
		return rc;
	digest_add(&assemble->digest, assemble->buffer, len);
	*ret_len = len;
	return rc == 0 ? check_digest(assemble, err) : 0;
}

static int assemble_fill(struct stream *stream, struct err *err)
{
	struct assemble *assemble = (struct assemble *)stream;
	size_t len = 0;

	int rc = assemble->ended ? 0 : gather(assemble, &len, err);
	if (rc < 0)
		return err_wrap(err, rc, "layer sha256:%s", assemble->diff_id);
	stream->at = assemble->buffer;
	stream->len = len;
	return 0;
}

static int open_into(struct assemble *assemble, int layers_fd, struct err *err)
{
	int rc = open_parts(assemble, layers_fd, err);
	if (rc == 0)
		rc = file_stream_init(&assemble->file, assemble->file.fd, 0, -1, err);
	if (rc == 0)
		rc = headers_reader_new(&assemble->file.stream, INT64_MAX / 64, &assemble->headers,
					err);
	if (rc == 0)
		rc = digest_init(&assemble->digest, err);
	if (rc < 0)
		return rc;
	assemble->buffer = malloc(INFLATE_WINDOW_BYTES);
	if (assemble->buffer == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "assemble a layer");
	return 0;
}

int assemble_open(int layers_fd, const char *diff_id, struct assemble **ret_assemble,
		  struct err *err)
{
	struct assemble *assemble = calloc(1, sizeof(*assemble));

	if (assemble == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "assemble a layer");
	assemble->stream.fill = assemble_fill;
	assemble->file.fd = assemble->diff_fd = assemble->kept_fd = assemble->content_fd = FD_NONE;
	(void)snprintf(assemble->diff_id, sizeof(assemble->diff_id), "%s", diff_id);
	int rc = open_into(assemble, layers_fd, err);
	if (rc < 0) {
		assemble_close(assemble);
		return err_wrap(err, rc, "layer sha256:%.64s", diff_id);
	}
	*ret_assemble = assemble;
	return 0;
}

void assemble_close(struct assemble *assemble)
{
	if (assemble == NULL)
		return;
	headers_reader_free(assemble->headers);
	file_stream_done(&assemble->file);
	fd_closep(&assemble->file.fd);
	fd_closep(&assemble->diff_fd);
	fd_closep(&assemble->kept_fd);
	fd_closep(&assemble->content_fd);
	digest_done(&assemble->digest);
	free(assemble->buffer);
	free(assemble);
}

int64_t assemble_size(const struct assemble *assemble)
{
	return headers_reader_size(assemble->headers);
}

struct stream *assemble_stream(struct assemble *assemble)
{
	return &assemble->stream;
}
