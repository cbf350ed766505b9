#include "image/load.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "image/blob.h"
#include "image/layer.h"
#include "image/limits.h"
#include "image/plan.h"
#include "image/progress.h"
#include "image/records.h"

#define KNOWN_BYTES_MAX ((size_t)64 << 20)
#define STACK_BYTES     ((size_t)1 << 20)

struct loader {
	const struct image_options *options;
	struct archive *archive;
	struct plan plan;
	struct buf known; /* lines of 64 digits, sorted */
	struct layer_place place;
	atomic_uint next;
	atomic_bool failed;
	atomic_llong unpacked_bytes;
	pthread_mutex_t mutex; /* of err */
	struct err err;
};

static bool is_known(const struct loader *loader, const char *diff_id)
{
	size_t low = 0;
	size_t high = loader->known.len / 65;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = memcmp(loader->known.data + middle * 65, diff_id, 64);
		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static int unpack_one(struct loader *loader, uint32_t number, struct err *err)
{
	const struct plan_layer *layer = &loader->plan.layers[number];
	int records = loader->options->records_fd;
	const int64_t start[2] = {0, layer->size_bytes};
	struct archive_span span = {0};
	struct layer_result result;

	if (is_known(loader, layer->diff_id))
		return records_layer(records, WIRE_KNOWN, number, layer->diff_id, start, err);
	/* A decompressor that puts nothing out is not kept from reading on. */
	if (layer->size_bytes > loader->place.max_bytes)
		return err_set(err, ERR_INVALID, EFBIG,
			       "layer '%.100s' has %lld bytes, packed: unpacked it may have %lld",
			       layer->member, (long long)layer->size_bytes,
			       (long long)loader->place.max_bytes);
	int rc = records_layer(records, WIRE_LAYER, number, layer->diff_id, start, err);
	if (rc == 0)
		rc = archive_find(loader->archive, layer->member, &span, err);
	if (rc < 0)
		return rc;
	struct progress progress = {.records_fd = records,
				    .layer = number,
				    .total_bytes = layer->size_bytes,
				    .stop = &loader->failed};
	const struct layer_job job = {.place = &loader->place,
				      .number = number,
				      .fd = span.fd,
				      .offset = span.offset,
				      .size_bytes = span.size_bytes >= 0 ? span.size_bytes
									 : layer->size_bytes,
				      .digest = layer->digest,
				      .diff_id = layer->diff_id,
				      .watch = progress_watch,
				      .watch_arg = &progress};
	rc = layer_unpack(&job, &result, err);
	archive_span_done(&span);
	if (rc < 0)
		return err_wrap(err, rc, "layer '%.100s'", layer->member);
	int64_t all = atomic_fetch_add(&loader->unpacked_bytes, result.size_bytes);
	if ((all + result.size_bytes) / IMAGE_BYTES_SHARES > loader->place.max_bytes)
		return err_set(err, ERR_INVALID, EFBIG,
			       "more than %d times %lld bytes in all layers", IMAGE_BYTES_SHARES,
			       (long long)loader->place.max_bytes);
	const int64_t end[2] = {result.size_bytes, layer->size_bytes};
	return records_layer(records, WIRE_DONE, number, layer->diff_id, end, err);
}

static void *work(void *arg)
{
	struct loader *loader = arg;
	struct err err;

	while (!atomic_load(&loader->failed)) {
		uint32_t number = atomic_fetch_add(&loader->next, 1);
		if (number >= loader->plan.layer_count)
			break;
		if (unpack_one(loader, number, &err) == 0)
			continue;
		(void)pthread_mutex_lock(&loader->mutex);
		if (!atomic_exchange(&loader->failed, true))
			loader->err = err;
		(void)pthread_mutex_unlock(&loader->mutex);
	}
	return NULL;
}

/* This thread works too; a thread that cannot be made is done without. */
static int unpack_all(struct loader *loader, struct err *err)
{
	pthread_t threads[IMAGE_THREADS_MAX];
	pthread_attr_t attr;
	int started = 0;
	int wanted = loader->options->threads;

	if ((size_t)wanted > loader->plan.layer_count)
		wanted = (int)loader->plan.layer_count;
	if (wanted > IMAGE_THREADS_MAX)
		wanted = IMAGE_THREADS_MAX;
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	while (started + 1 < wanted && pthread_create(&threads[started], &attr, work, loader) == 0)
		started++;
	(void)pthread_attr_destroy(&attr);
	(void)work(loader);
	for (int i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	if (!atomic_load(&loader->failed))
		return 0;
	*err = loader->err;
	return err->sys > 0 ? -err->sys : -EIO;
}

static int write_documents(const struct loader *loader, int root_fd, struct err *err)
{
	auto_fd blobs = blob_folder_open(root_fd, err);
	int rc = blobs < 0 ? blobs : 0;

	for (size_t i = 0; rc == 0 && i < loader->plan.image_count; i++) {
		const struct plan_image *image = &loader->plan.images[i];
		rc = blob_write(blobs, image->id, image->config.data, image->config.len, err);
		if (rc == 0 && image->manifest[0] != '\0')
			rc = blob_write(blobs, image->manifest, image->manifest_text.data,
					image->manifest_text.len, err);
		if (rc == 0)
			rc = records_image(loader->options->records_fd, image, err);
	}
	return rc;
}

static int run(struct loader *loader, int root_fd, struct err *err)
{
	struct platform platform;

	int rc = platform_parse(loader->options->platform, &platform, err);
	if (rc == 0)
		rc = fd_read_all(loader->options->known_fd, "known layers", &loader->known, err);
	if (rc == 0)
		rc = layer_place_open(&loader->place, root_fd, err);
	if (rc < 0)
		return rc;
	if (loader->options->max_bytes > 0)
		loader->place.max_bytes = loader->options->max_bytes;
	if (loader->options->served)
		rc = archive_open_served(loader->options->input_fd, &loader->archive, err);
	else
		rc = archive_open(loader->options->input_fd, root_fd, &loader->archive, err);
	if (rc == 0)
		rc = plan_read(loader->archive, &platform, &loader->plan, err);
	if (rc == 0)
		rc = unpack_all(loader, err);
	return rc < 0 ? rc : write_documents(loader, root_fd, err);
}

int image_load(const struct image_options *options, struct err *err)
{
	struct loader loader = {.options = options,
				.known = BUF_INIT(KNOWN_BYTES_MAX),
				.mutex = PTHREAD_MUTEX_INITIALIZER};
	auto_fd root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return err_errno(err, "open the staging folder");
	int rc = run(&loader, root, err);
	archive_close(loader.archive);
	plan_done(&loader.plan);
	layer_place_close(&loader.place);
	buf_done(&loader.known);
	return rc;
}
