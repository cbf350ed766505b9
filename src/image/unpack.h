/*
 * unpack.h - `corten-image unpack`: a folder's tree again in another folder.
 *
 * Purpose    Called in the confined process: input_fd is an image's layers as one tree, output_fd the empty
 *            folder that becomes a root filesystem. As an archive between two threads: what is kept of a
 *            file is what import keeps.
 * Errors     Name the path.
 */
#ifndef CORTEN_IMAGE_UNPACK_H
#define CORTEN_IMAGE_UNPACK_H

#include "base/err.h"

int image_unpack(int input_fd, int output_fd, struct err *err);

#endif
