#include "image/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/tree.h"
#include "image/untar.h"
#include "store/wire.h"

/* The thread that turns the tree into an archive. */
struct reader {
	int folder_fd;
	int out_fd;
	int rc;
	struct err err;
};

static void *read_tree(void *arg)
{
	struct reader *reader = arg;

	reader->rc = tree_write(reader->folder_fd, reader->out_fd, &reader->err);
	fd_closep(&reader->out_fd);
	return NULL;
}

static int lay_out(int from_fd, int output_fd, int trash_fd, struct err *err)
{
	struct file_stream file;
	struct untar untar;
	struct tar tar;

	int rc = file_stream_init(&file, from_fd, -1, -1, err);
	if (rc < 0)
		return rc;
	rc = untar_init(&untar, output_fd, trash_fd, err);
	if (rc == 0) {
		untar.max_bytes = INT64_MAX;
		tar_init(&tar, &file.stream);
		rc = untar_all(&untar, &tar, err);
		tar_done(&tar);
		untar_done(&untar);
	}
	file_stream_done(&file);
	return rc;
}

static int copy(int input_fd, int output_fd, int trash_fd, struct err *err)
{
	struct reader reader = {.folder_fd = input_fd};
	pthread_t thread;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(err, "make a pipe");
	auto_fd from = ends[0];
	reader.out_fd = ends[1];
	int sys = pthread_create(&thread, NULL, read_tree, &reader);
	if (sys != 0) {
		fd_closep(&reader.out_fd);
		return err_set(err, ERR_SYSTEM, sys, "start a thread");
	}
	int rc = lay_out(from, output_fd, trash_fd, err);
	fd_closep(&from); /* a thread that still writes gets EPIPE */
	(void)pthread_join(thread, NULL);
	if (reader.rc < 0 && (rc == 0 || reader.err.sys != EPIPE)) {
		*err = reader.err;
		return reader.rc;
	}
	return rc;
}

int image_unpack(int input_fd, int output_fd, struct err *err)
{
	auto_fd root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return err_errno(err, "open the staging folder");
	if (mkdirat(root, WIRE_TRASH, 0700) < 0)
		return err_errno(err, "make a folder for what is replaced");
	auto_fd trash = openat(root, WIRE_TRASH, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (trash < 0)
		return err_errno(err, "open the folder for what is replaced");
	return copy(input_fd, output_fd, trash, err);
}
