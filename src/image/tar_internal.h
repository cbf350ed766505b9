/*
 * tar_internal.h - what the files of the tar reader share.
 */
#ifndef CORTEN_IMAGE_TAR_INTERNAL_H
#define CORTEN_IMAGE_TAR_INTERNAL_H

#include "image/tar.h"

#define TAR_BLOCK_BYTES 512

/* A number field: octal text, or base 256. -1: no number, or negative where that is not allowed. */
int64_t tar_number(const uint8_t *field, size_t size, bool negative_allowed, bool *ret_valid);

/* Decimal text of a PAX value, all of it; -1 when it is none or does not fit. */
int64_t tar_decimal(const char *text);

/* Reads `size` bytes of an extension header and its padding into out. */
int tar_read_extension(struct tar *tar, int64_t size, struct buf *out, struct err *err);

/* Forgets what earlier records said. */
void tar_pax_reset(struct tar_pax *pax);

/* Takes the records in pax->text apart. */
int tar_pax_parse(struct tar_pax *pax, struct tar_map *map, struct err *err);

/* One more segment. */
int tar_map_add(struct tar_map *map, int64_t offset, int64_t size, struct err *err);

/* "offset,size,offset,size": form 0.1. */
int tar_map_parse(struct tar_map *map, char *text, struct err *err);

/* The map at the start of the data: form 1.0. Takes what it reads off tar->data_left. */
int tar_map_read(struct tar *tar, struct err *err);

/* The map in the header and the blocks after it: GNU's old form. */
int tar_map_read_old(struct tar *tar, const uint8_t *header, struct err *err);

/* Ascending, disjoint, within size_bytes, and as much data as the archive holds. */
int tar_map_check(const struct tar_map *map, int64_t size_bytes, int64_t data_bytes,
		  struct err *err);

#endif
