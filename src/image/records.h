/*
 * records.h - the program's side of store/wire.h.
 *
 * Threads    Any: a record is one write of less than PIPE_BUF.
 * Errors     ERR_SYSTEM when the store is gone.
 */
#ifndef CORTEN_IMAGE_RECORDS_H
#define CORTEN_IMAGE_RECORDS_H

#include "image/plan.h"
#include "store/wire.h"

int records_send(int fd, const struct wire_record *record, struct err *err);

/* About a layer: hex may be NULL. */
int records_layer(int fd, enum wire_type type, uint32_t layer, const char *hex,
		  const int64_t bytes[2], struct err *err);

/* manifest and top: as in struct plan_image. */
int records_image(int fd, const struct plan_image *image, struct err *err);

#endif
