/*
 * descriptor.h - what a descriptor names, found in an archive and compared with it.
 *
 * Errors     ERR_INVALID with both values where size or digest disagree; ERR_UNSUPPORTED for other digests than
 *            sha256; ERR_NOT_FOUND.
 */
#ifndef CORTEN_IMAGE_DESCRIPTOR_H
#define CORTEN_IMAGE_DESCRIPTOR_H

#include "image/archive.h"
#include "oci/image.h"

/* The member of a descriptor's blob, present and of the size that the descriptor gives. */
int descriptor_find(const struct archive *archive, const struct oci_descriptor *descriptor,
		    char ret_member[ARCHIVE_MEMBER_MAX], struct err *err);

/* A whole document, of the descriptor's size and digest. */
int descriptor_read(const struct archive *archive, const struct oci_descriptor *descriptor,
		    struct arena *arena, struct archive_text *ret_text, struct err *err);

#endif
