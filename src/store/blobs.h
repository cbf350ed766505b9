/*
 * blobs.h - which packed forms of a layer have been seen, and in which repositories: the table layer_blobs.
 *
 * Purpose    A push need not send what the registry has; it can name a layer by a digest only where that digest is
 *            known to be of that layer. A row is made when the layer was unpacked from that blob, or packed into it;
 *            further repositories are added to a pair that is known already.
 * Ownership  What is found lives in the caller's arena.
 * Errors     Those of the database.
 */
#ifndef CORTEN_STORE_BLOBS_H
#define CORTEN_STORE_BLOBS_H

#include "oci/image.h"
#include "store/helper.h"
#include "store/wire_push.h"

#define BLOBS_MAX 16 /* of one layer, the last seen first */

struct blobs_seen {
	const char *diff_id; /* hex, as the digest */
	const char *digest;
	int64_t size_bytes;
	const char *media_type;
	const char *repository; /* "docker.io/library/busybox"; "": in an archive */
	bool proved;            /* that the digest is of that layer; else the pair must be known */
};

/* Inside the caller's transaction. A layer that the store has no more is passed over. */
int blobs_note(struct store *store, const struct blobs_seen *seen, struct err *err);

/* All layers of a manifest; The report says of which the blob was unpacked just now. */
int blobs_note_manifest(struct store *store, const struct oci_manifest *manifest,
			const json_strings *diff_ids, const char *repository,
			const struct helper_report *report, struct err *err);

/* Fills layer->blobs; repositories of `domain` alone, without it. */
int blobs_find(struct store *store, const char *domain, struct wire_push_layer *layer,
	       struct arena *arena, struct err *err);

#endif
