/*
 * import.h - `corten-image import`: one layer from a tar file or a folder, and a new configuration.
 *
 * Purpose    Called in the confined process, like image_load(). A folder goes through the same reader
 *            as a tar file: written as one into a pipe by a second thread.
 * Errors     As of layers; ERR_INVALID for a wrong change.
 */
#ifndef CORTEN_IMAGE_IMPORT_H
#define CORTEN_IMAGE_IMPORT_H

#include "image/load.h"

int image_import(const struct image_options *options, struct err *err);

#endif
