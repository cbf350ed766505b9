/*
 * copy.h - `corten-image copy`: an image from one form into another, without unpacking it.
 *
 * Purpose    Called in the confined process: reads the archive, the layout or the socket behind input_fd by the
 *            request in "/" (store/wire_copy.h), and writes the image to output_fd, every byte as it was. Every
 *            blob is compared with its digest while it passes.
 * Errors     The first one; what was written is then to be thrown away.
 */
#ifndef CORTEN_IMAGE_COPY_H
#define CORTEN_IMAGE_COPY_H

#include <stdbool.h>

#include "base/err.h"

struct copy_options {
	int input_fd;
	int output_fd;
	int records_fd;
};

int image_copy(const struct copy_options *options, struct err *err);

#endif
