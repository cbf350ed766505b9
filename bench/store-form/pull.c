/*
 * pull.c - what a pull does once the bytes are there, in either form, and what a removal does.
 *
 *   store-form trees STORE LAYER.tar.gz...          plain layer trees, as the store has them
 *   store-form objects STORE IMAGE LAYER.tar.gz...  objects, and the image's EROFS
 *   store-form link STORE DIFF-ID...                equal files of plain trees become hard links
 *   store-form collect STORE                        objects that no layer needs go
 *
 * Archives are named by their diff-id. A layer that the store has is not read again; a thread a layer, four
 * at most; the filesystem is synced once, as the store does before it names an image. Prints seconds as JSON.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "form.h"
#include "image/digest.h"

#define THREADS_MAX 4

struct job {
	int store_fd;
	bool objects;
	char **archives;
	uint32_t count;
	struct buf *indexes;
	atomic_uint next;
	atomic_bool failed;
	pthread_mutex_t lock; /* of err */
	struct err err;
};

static double now_s(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void layer_name(const char *archive, char ret_name[65])
{
	const char *slash = strrchr(archive, '/');

	(void)snprintf(ret_name, 65, "%.64s", slash ? slash + 1 : archive);
}

static int unpack_one(struct job *job, uint32_t number, struct err *err)
{
	const char *archive = job->archives[number];
	char name[65], place[80];

	layer_name(archive, name);
	(void)snprintf(place, sizeof(place), "layers/%s", name);
	if (faccessat(job->store_fd, place, F_OK, 0) == 0)
		return job->objects
			       ? form_index_read(job->store_fd, name, &job->indexes[number], err)
			       : 0;
	auto_fd fd = open(archive, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "open '%s'", archive);
	return job->objects
		       ? form_layer_objects(job->store_fd, name, fd, &job->indexes[number], err)
		       : form_layer_trees(job->store_fd, name, fd, err);
}

static void *work(void *arg)
{
	struct job *job = arg;
	struct err err;

	for (;;) {
		uint32_t number = atomic_fetch_add(&job->next, 1);
		if (number >= job->count || atomic_load(&job->failed))
			return NULL;
		if (unpack_one(job, number, &err) >= 0)
			continue;
		(void)pthread_mutex_lock(&job->lock);
		job->err = err;
		(void)pthread_mutex_unlock(&job->lock);
		atomic_store(&job->failed, true);
	}
}

static int unpack_all(struct job *job, struct err *err)
{
	pthread_t threads[THREADS_MAX];
	uint32_t count = job->count < THREADS_MAX ? job->count : THREADS_MAX;

	if ((mkdirat(job->store_fd, "layers", 0755) < 0 && errno != EEXIST) ||
	    (job->objects && mkdirat(job->store_fd, "objects", 0755) < 0 && errno != EEXIST))
		return err_errno(err, "make the store's folders");
	for (uint32_t i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, work, job) != 0)
			return err_set(err, ERR_SYSTEM, EAGAIN, "start a thread");
	for (uint32_t i = 0; i < count; i++)
		(void)pthread_join(threads[i], NULL);
	if (atomic_load(&job->failed))
		*err = job->err;
	return atomic_load(&job->failed) ? -1 : 0;
}

static int compose(struct job *job, const char *image, struct err *err)
{
	struct form_node *root;
	char path[512];

	int rc = form_merge(job->indexes, job->count, &root, err);
	if (rc < 0)
		return rc;
	if (mkdirat(job->store_fd, "images", 0755) < 0 && errno != EEXIST)
		return err_errno(err, "make folder 'images'");
	(void)snprintf(path, sizeof(path), "images/%s.erofs", image);
	auto_fd fd = openat(job->store_fd, path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_errno(err, "make '%s'", path);
	return form_erofs_write(root, fd, err);
}

static int pull(struct job *job, const char *image, struct err *err)
{
	double start = now_s(CLOCK_MONOTONIC);

	int rc = digest_prepare(err);
	if (rc == 0)
		rc = unpack_all(job, err);
	double unpacked = now_s(CLOCK_MONOTONIC);
	if (rc == 0 && image != NULL)
		rc = compose(job, image, err);
	double composed = now_s(CLOCK_MONOTONIC);
	if (rc < 0)
		return rc;
	if (syncfs(job->store_fd) < 0)
		return err_errno(err, "sync the store");
	double synced = now_s(CLOCK_MONOTONIC);
	(void)printf(
		"{\"unpack_s\": %.4f, \"compose_s\": %.4f, \"sync_s\": %.4f, \"cpu_s\": %.4f}\n",
		unpacked - start, composed - unpacked, synced - composed,
		now_s(CLOCK_PROCESS_CPUTIME_ID));
	return 0;
}

static int link_layers(int store_fd, char **names, int count, struct err *err)
{
	double start = now_s(CLOCK_MONOTONIC);
	int rc = 0;

	for (int i = 0; rc == 0 && i < count; i++)
		rc = form_link_layer(store_fd, names[i], err);
	(void)printf("{\"link_s\": %.4f, \"cpu_s\": %.4f}\n", now_s(CLOCK_MONOTONIC) - start,
		     now_s(CLOCK_PROCESS_CPUTIME_ID));
	return rc;
}

static int usage(void)
{
	(void)fprintf(stderr, "usage: store-form trees STORE LAYER...\n"
			      "       store-form objects STORE IMAGE LAYER...\n"
			      "       store-form link STORE DIFF-ID...\n"
			      "       store-form collect STORE\n");
	return 2;
}

static int run(const char *what, int argc, char **argv, struct err *err)
{
	struct job job = {.lock = PTHREAD_MUTEX_INITIALIZER};
	bool objects = strcmp(what, "objects") == 0;
	char **rest = argv + 3 + objects;
	int count = argc - 3 - objects;

	job.store_fd = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (job.store_fd < 0)
		return err_errno(err, "open store '%s'", argv[2]);
	if (strcmp(what, "collect") == 0)
		return form_collect(job.store_fd, err);
	if (strcmp(what, "link") == 0)
		return link_layers(job.store_fd, rest, count, err);
	job.objects = objects;
	job.archives = rest;
	job.count = (uint32_t)count;
	job.indexes = calloc(job.count, sizeof(*job.indexes));
	if (job.indexes == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "pull");
	for (uint32_t i = 0; i < job.count; i++)
		job.indexes[i] = BUF_INIT(FORM_INDEX_BYTES_MAX);
	return pull(&job, objects ? argv[3] : NULL, err);
}

int main(int argc, char **argv)
{
	static const char *const words[] = {"trees", "objects", "link", "collect"};
	static const int least[] = {4, 5, 4, 3};
	char text[1024];
	struct err err;

	for (size_t i = 0; argc >= 2 && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(argv[1], words[i]) != 0 || argc < least[i])
			continue;
		if (run(words[i], argc, argv, &err) >= 0)
			return 0;
		(void)fprintf(stderr, "store-form: %s\n", err_format(&err, text, sizeof(text)));
		return 1;
	}
	return usage();
}
