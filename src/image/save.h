/*
 * save.h - `corten-image save`: images of the store as an archive or a folder that others load.
 *
 * Purpose    Called in the confined process: reads the request and the configurations beneath "/", the
 *            layers beneath input_fd, and writes to output_fd.
 * Errors     The first one; what was written until then is worth nothing.
 */
#ifndef CORTEN_IMAGE_SAVE_H
#define CORTEN_IMAGE_SAVE_H

#include "base/err.h"

struct save_options {
	int input_fd;
	int output_fd;
};

int image_save(const struct save_options *options, struct err *err);

#endif
