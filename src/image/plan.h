/*
 * plan.h - what an archive holds, read from its documents alone: images, and layers to unpack.
 *
 * Purpose    Both kinds of archive end as one list; nothing is unpacked before all documents are
 *            checked: sizes, digests, media types, counts, nesting.
 * Ownership  Everything lives in the plan's arena; plan_done() frees.
 * Errors     ERR_INVALID (with both values where two disagree), ERR_UNSUPPORTED, ERR_NOT_FOUND for a
 *            member that is missing.
 */
#ifndef CORTEN_IMAGE_PLAN_H
#define CORTEN_IMAGE_PLAN_H

#include "base/arena.h"
#include "image/archive.h"
#include "oci/image.h"
#include "oci/platform.h"

struct plan_layer {
	const char *member;
	char digest[65]; /* hex of the packed bytes; "" when the archive does not say */
	char diff_id[65];
	int64_t size_bytes; /* packed */
};

struct plan_image {
	char id[65];
	char manifest[65]; /* "" without */
	char top[65];      /* of the descriptor in index.json; "" without */
	struct archive_text config;
	struct archive_text manifest_text;
	json_strings names;
};

struct plan {
	struct arena arena;
	struct plan_layer *layers; /* each diff-id once */
	size_t layer_count;
	struct plan_image *images;
	size_t image_count;
};

/* Reads the documents of an archive, whatever its kind. */
int plan_read(const struct archive *archive, const struct platform *platform, struct plan *ret_plan,
	      struct err *err);
void plan_done(struct plan *plan);

#endif
