/* The stage program's bytes, embedded by the build (tools/embed). */
#ifndef CORTEN_RUNTIME_STAGE_BLOB_H
#define CORTEN_RUNTIME_STAGE_BLOB_H

#include <stddef.h>

extern const unsigned char stage_blob[];
extern const size_t stage_blob_size;

#endif
