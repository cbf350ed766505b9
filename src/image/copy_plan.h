/*
 * copy_plan.h - what a copy of an image consists of, read from its documents alone.
 *
 * Purpose    From a name in an archive, a layout or a registry to all blobs and documents that belong to it, in an
 *            order in which each comes after what it names. Nothing is unpacked, and no document is changed.
 * Ownership  Everything lives in the plan's arena; copy_plan_done() frees.
 * Errors     ERR_INVALID with what disagrees, ERR_NOT_FOUND for a name or platform that is not there.
 */
#ifndef CORTEN_IMAGE_COPY_PLAN_H
#define CORTEN_IMAGE_COPY_PLAN_H

#include "base/arena.h"
#include "image/archive.h"
#include "oci/image.h"
#include "oci/platform.h"

struct copy_wish {
	const char *name; /* in the source; NULL: the only image there */
	bool all;         /* an index with all that is in it, not one platform's image */
	struct platform platform;
};

struct copy_item {
	struct oci_descriptor descriptor;
	const char *member;       /* of the archive; NULL: `text` was made here */
	struct archive_text text; /* of a document */
};

struct copy_plan {
	struct arena arena;
	struct copy_item *items; /* the last is what the name stands for */
	size_t count;
	const struct oci_manifest *manifest; /* NULL: the last is an index */
};

int copy_plan_read(const struct archive *archive, const struct copy_wish *wish,
		   struct copy_plan *ret_plan, struct err *err);
void copy_plan_done(struct copy_plan *plan);

/* ---- for copy_docker.c ---- */

/* Adds unless its digest is there. member is copied. ret_new: NULL, or whether it was new. */
int copy_plan_add(struct copy_plan *plan, const struct copy_item *item, bool *ret_new,
		  struct err *err);

/* The archive that docker save wrote before it was a layout: digests are computed, a manifest is made. */
int copy_plan_docker(const struct archive *archive, const struct copy_wish *wish,
		     struct copy_plan *plan, struct err *err);

int copy_plan_full(struct err *err);

#endif
