/*
 * changes.h - Dockerfile lines that change an image's configuration: `CMD ["sh"]`, `ENV A=b`, ...
 *
 * Purpose    CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR.
 * Ownership  What is added lives in the arena.
 * Errors     ERR_INVALID or ERR_UNSUPPORTED with the line.
 */
#ifndef CORTEN_IMAGE_CHANGES_H
#define CORTEN_IMAGE_CHANGES_H

#include "base/arena.h"
#include "oci/image.h"

int changes_apply(const char *line, struct oci_image_run *run, struct arena *arena,
		  struct err *err);

#endif
