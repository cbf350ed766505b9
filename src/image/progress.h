/*
 * progress.h - tells the store, now and then, how far a layer is; stops it when another failed.
 */
#ifndef CORTEN_IMAGE_PROGRESS_H
#define CORTEN_IMAGE_PROGRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct progress {
	int records_fd;
	uint32_t layer;
	int64_t total_bytes;
	int64_t told_bytes;
	atomic_bool *stop; /* NULL: nothing stops it */
};

/* A stream_watch_fn; arg is a struct progress. */
int progress_watch(void *arg, int64_t done_bytes, struct err *err);

#endif
