/*
 * load.h - `corten-image load` and `pull`: every layer of every image in an archive, on a few threads.
 *
 * Purpose    Called in the confined process: reads the archive behind input_fd, leaves layers and
 *            documents beneath "/", and tells the store by records.
 * Errors     The first one of any thread.
 */
#ifndef CORTEN_IMAGE_LOAD_H
#define CORTEN_IMAGE_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

struct image_options {
	int input_fd;
	bool served; /* input_fd is the socket of a pull */
	int records_fd;
	int known_fd;
	int threads;
	int64_t max_bytes;    /* 0: the default */
	const char *platform; /* NULL: the machine's own */
	const char *message;  /* import */
	json_strings changes; /* import */
};

int image_load(const struct image_options *options, struct err *err);

#endif
