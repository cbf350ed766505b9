/*
 * blob.h - documents left for the store, each named by its digest.
 */
#ifndef CORTEN_IMAGE_BLOB_H
#define CORTEN_IMAGE_BLOB_H

#include <stddef.h>

#include "base/err.h"

/* The folder for them beneath root_fd; made when missing. */
int blob_folder_open(int root_fd, struct err *err);

/* A document that is there already is the same one. */
int blob_write(int folder_fd, const char *hex, const char *data, size_t size, struct err *err);

#endif
