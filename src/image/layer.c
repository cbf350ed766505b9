#include "image/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "image/digest.h"
#include "image/inflate.h"
#include "image/untar.h"
#include "store/wire.h"

static int make_folder(int dirfd, const char *name, struct err *err)
{
	if (mkdirat(dirfd, name, 0700) < 0 && errno != EEXIST)
		return err_errno(err, "make folder '%s'", name);
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_errno(err, "open folder '%s'", name) : fd;
}

int layer_place_open(struct layer_place *place, int root_fd, struct err *err)
{
	int *const fds[] = {&place->work_fd, &place->layers_fd, &place->trash_fd};
	static const char *const names[] = {"work", WIRE_LAYERS, WIRE_TRASH};

	*place = (struct layer_place){.work_fd = FD_NONE,
				      .layers_fd = FD_NONE,
				      .trash_fd = FD_NONE,
				      .max_bytes = IMAGE_LAYER_BYTES_MAX};
	for (size_t i = 0; i < 3; i++) {
		*fds[i] = make_folder(root_fd, names[i], err);
		if (*fds[i] < 0) {
			int rc = *fds[i];
			layer_place_close(place);
			return rc;
		}
	}
	return 0;
}

void layer_place_close(struct layer_place *place)
{
	fd_closep(&place->work_fd);
	fd_closep(&place->layers_fd);
	fd_closep(&place->trash_fd);
}

/* The chain of streams of one job, and what they are hashed into. */
struct pipeline {
	struct file_stream file;
	struct inflate *inflate;
	struct digest packed;
	struct digest unpacked;
	struct headers_writer *headers;
	int headers_fd;
	struct tar tar;
};

static int open_headers(struct pipeline *line, int dirfd, struct err *err)
{
	line->headers_fd = openat(dirfd, WIRE_HEADERS,
				  O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (line->headers_fd < 0)
		return err_errno(err, "make '" WIRE_HEADERS "'");
	return headers_writer_new(inflate_stream(line->inflate), line->headers_fd, &line->headers,
				  err);
}

static int pipeline_open(struct pipeline *line, const struct layer_job *job, int dirfd,
			 struct err *err)
{
	bool expected = job->digest != NULL && job->digest[0] != '\0';

	int rc = file_stream_init(&line->file, job->fd, job->offset, job->size_bytes, err);
	if (rc < 0)
		return rc;
	line->file.watch = job->watch;
	line->file.watch_arg = job->watch_arg;
	line->file.stream.pass = NULL; /* every byte is to be hashed */
	if (expected) {
		rc = digest_init(&line->packed, err);
		line->file.digest = &line->packed;
	}
	if (rc == 0)
		rc = digest_init(&line->unpacked, err);
	if (rc == 0)
		rc = inflate_new(&line->file.stream, &line->unpacked, job->place->max_bytes,
				 &line->inflate, err);
	if (rc == 0)
		rc = open_headers(line, dirfd, err);
	if (rc == 0)
		tar_init(&line->tar, headers_writer_stream(line->headers));
	return rc;
}

static void pipeline_close(struct pipeline *line)
{
	tar_done(&line->tar);
	headers_writer_free(line->headers);
	fd_closep(&line->headers_fd);
	inflate_free(line->inflate);
	digest_done(&line->packed);
	digest_done(&line->unpacked);
	file_stream_done(&line->file);
}

/* Both digests, once all bytes went through. */
static int check_digests(struct pipeline *line, const struct layer_job *job, char diff_id[65],
			 struct err *err)
{
	char hex[65];

	if (line->packed.context != NULL) {
		digest_hex(&line->packed, hex);
		if (strcmp(hex, job->digest) != 0)
			return err_set(err, ERR_INVALID, 0,
				       "its digest is sha256:%s, the manifest says sha256:%s", hex,
				       job->digest);
	}
	digest_hex(&line->unpacked, diff_id);
	if (job->diff_id != NULL && strcmp(diff_id, job->diff_id) != 0)
		return err_set(err, ERR_INVALID, 0,
			       "its diff-id is sha256:%s, the configuration says sha256:%s",
			       diff_id, job->diff_id);
	return 0;
}

static int write_opaque(int dirfd, const struct buf *list, struct err *err)
{
	if (list->len == 0)
		return 0;
	auto_fd fd = openat(dirfd, "opaque", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, "make the list of opaque folders");
	int rc = fd_write_all(fd, list->data, list->len);
	return rc < 0 ? err_set(err, ERR_SYSTEM, -rc, "write the list of opaque folders") : 0;
}

/* Fills dirfd/diff from the pipeline. */
static int fill(struct pipeline *line, const struct layer_job *job, int dirfd,
		struct layer_result *result, struct err *err)
{
	char name[16];
	struct untar untar;

	(void)snprintf(name, sizeof(name), "%u", job->number);
	auto_fd diff = make_folder(dirfd, "diff", err);
	auto_fd trash = diff < 0 ? diff : make_folder(job->place->trash_fd, name, err);
	if (trash < 0)
		return trash;
	int rc = untar_init(&untar, diff, trash, err);
	if (rc < 0)
		return rc;
	untar.max_bytes = job->place->max_bytes;
	untar.headers = line->headers;
	untar.layer_fd = dirfd;
	rc = untar_all(&untar, &line->tar, err);
	if (rc == 0) {
		/* What follows the archive's end belongs to the digest. */
		int64_t rest = stream_drain(headers_writer_stream(line->headers), err);
		rc = rest < 0 ? (int)rest : headers_writer_end(line->headers, err);
	}
	if (rc == 0)
		rc = check_digests(line, job, result->diff_id, err);
	if (rc == 0)
		rc = write_opaque(dirfd, &untar.opaque, err);
	result->size_bytes = untar.bytes;
	untar_done(&untar);
	return rc;
}

int layer_unpack(const struct layer_job *job, struct layer_result *ret_result, struct err *err)
{
	char name[16];
	struct pipeline line = {.headers_fd = FD_NONE};

	(void)snprintf(name, sizeof(name), "%u", job->number);
	auto_fd dirfd = make_folder(job->place->work_fd, name, err);
	if (dirfd < 0)
		return dirfd;
	int rc = pipeline_open(&line, job, dirfd, err);
	if (rc == 0)
		rc = fill(&line, job, dirfd, ret_result, err);
	pipeline_close(&line);
	if (rc < 0)
		return rc;
	if (renameat(job->place->work_fd, name, job->place->layers_fd, ret_result->diff_id) < 0)
		return err_errno(err, "name the unpacked layer");
	return 0;
}
