/*
 * copy_push.h - the parts of a copy, brought to corten-remote for a registry (image/deliver.h).
 *
 * Purpose    Each blob that is not there already, then each document: those that an index names by their digests, the
 *            last under the name of the destination.
 * Errors     A blob that is not what its descriptor says is never completed. Why corten-remote gave up it tells the
 *            store itself.
 */
#ifndef CORTEN_IMAGE_COPY_PUSH_H
#define CORTEN_IMAGE_COPY_PUSH_H

#include "image/copy_plan.h"

struct copy_push {
	const struct archive *archive;
	const struct copy_plan *plan;
	int socket_fd; /* lent */
	int records_fd;
	bool mount; /* from the repository that the store named: blobs of the same registry */
};

int copy_push(const struct copy_push *push, struct err *err);

#endif
