#include "image/import.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/blob.h"
#include "image/changes.h"
#include "image/digest.h"
#include "image/layer.h"
#include "image/limits.h"
#include "image/progress.h"
#include "image/records.h"
#include "image/tree.h"
#include "oci/platform.h"

/* The thread that turns a folder into a tar stream. */
struct writer {
	int folder_fd;
	int out_fd;
	int rc;
	struct err err;
};

static void *write_tree(void *arg)
{
	struct writer *writer = arg;

	writer->rc = tree_write(writer->folder_fd, writer->out_fd, &writer->err);
	fd_closep(&writer->out_fd);
	return NULL;
}

static int unpack_folder(struct layer_job *job, struct layer_result *result, struct err *err)
{
	struct writer writer = {.folder_fd = job->fd};
	pthread_t thread;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(err, "make a pipe");
	auto_fd reader = ends[0];
	writer.out_fd = ends[1];
	int sys = pthread_create(&thread, NULL, write_tree, &writer);
	if (sys != 0) {
		fd_closep(&writer.out_fd);
		return err_set(err, ERR_SYSTEM, sys, "start a thread");
	}
	job->fd = reader;
	int rc = layer_unpack(job, result, err);
	fd_closep(&reader); /* a writer that still writes gets EPIPE */
	(void)pthread_join(thread, NULL);
	if (writer.rc < 0 && writer.err.sys != EPIPE) {
		*err = writer.err;
		return writer.rc;
	}
	return rc;
}

static int unpack(const struct image_options *options, const struct layer_place *place,
		  struct layer_result *result, struct err *err)
{
	struct stat st;

	if (fstat(options->input_fd, &st) < 0)
		return err_errno(err, "look at the input");
	bool file = S_ISREG(st.st_mode);
	const int64_t start[2] = {0, file ? st.st_size : 0};
	struct progress progress = {.records_fd = options->records_fd, .total_bytes = start[1]};
	struct layer_job job = {.place = place,
				.fd = options->input_fd,
				.offset = file ? 0 : -1,
				.size_bytes = file ? st.st_size : -1,
				.watch = progress_watch,
				.watch_arg = &progress};
	int rc = records_layer(options->records_fd, WIRE_LAYER, 0, NULL, start, err);
	if (rc == 0)
		rc = S_ISDIR(st.st_mode) ? unpack_folder(&job, result, err)
					 : layer_unpack(&job, result, err);
	if (rc < 0)
		return rc;
	const int64_t end[2] = {result->size_bytes, start[1]};
	return records_layer(options->records_fd, WIRE_DONE, 0, result->diff_id, end, err);
}

static void now(char text[32])
{
	time_t seconds = time(NULL);
	struct tm tm = {0};

	(void)gmtime_r(&seconds, &tm);
	(void)strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* The configuration as JSON. */
static int make_config(const struct image_options *options, const char *diff_hex, struct buf *out,
		       struct err *err)
{
	ARENA_AUTO(arena, IMAGE_ARENA_BYTES_MAX);
	struct platform platform;
	char created[32], diff_id[80];
	const char *diff_ids[] = {diff_id};
	struct oci_history history = {.created = created,
				      .comment = options->message ? options->message
								  : "Imported from -"};
	struct oci_image_config config = {.created = created,
					  .rootfs = {.type = "layers", .diff_ids = {diff_ids, 1}},
					  .history = {&history, 1}};

	int rc = platform_parse(options->platform, &platform, err);
	if (rc < 0)
		return rc;
	now(created);
	(void)snprintf(diff_id, sizeof(diff_id), "sha256:%s", diff_hex);
	config.architecture = platform.architecture;
	config.os = platform.os;
	config.variant = platform.variant[0] ? platform.variant : NULL;
	for (size_t i = 0; i < options->changes.count && rc == 0; i++)
		rc = changes_apply(options->changes.items[i], &config.config, &arena, err);
	if (rc < 0)
		return rc;
	json_write(&oci_image_config_shape, &config, JSON_COMPACT, out);
	return buf_check(out, "image configuration", err);
}

static int run(const struct image_options *options, int root_fd, const struct layer_place *place,
	       struct err *err)
{
	struct plan_image image = {0};
	struct layer_result result;
	BUF_AUTO(config, IMAGE_DOCUMENT_BYTES_MAX);

	/* A wrong change should not come to light after gigabytes. */
	int rc = make_config(options, "", &config, err);
	buf_clear(&config);
	if (rc == 0)
		rc = unpack(options, place, &result, err);
	if (rc == 0)
		rc = make_config(options, result.diff_id, &config, err);
	if (rc == 0)
		rc = digest_of(config.data, config.len, image.id, err);
	if (rc < 0)
		return rc;
	auto_fd blobs = blob_folder_open(root_fd, err);
	if (blobs < 0)
		return blobs;
	rc = blob_write(blobs, image.id, config.data, config.len, err);
	return rc < 0 ? rc : records_image(options->records_fd, &image, err);
}

int image_import(const struct image_options *options, struct err *err)
{
	struct layer_place place;
	auto_fd root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return err_errno(err, "open the staging folder");
	int rc = layer_place_open(&place, root, err);
	if (rc < 0)
		return rc;
	if (options->max_bytes > 0)
		place.max_bytes = options->max_bytes;
	rc = run(options, root, &place, err);
	layer_place_close(&place);
	return rc;
}
