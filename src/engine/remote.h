/*
 * remote.h - an image in a registry, read by the engine itself: documents alone.
 *
 * Purpose    From a name to the manifest that fits a platform, and its configuration: every document is checked
 *            against its digest, its size and its descriptor.
 * Ownership  struct remote_image is in place: remote_image_done(). What was parsed lives in the arena.
 * Errors     As the registry says, or naming the document and what disagrees.
 */
#ifndef CORTEN_ENGINE_REMOTE_H
#define CORTEN_ENGINE_REMOTE_H

#include "engine/internal.h"
#include "oci/image.h"
#include "store/reference.h"
#include "store/remote_ask.h"

#define REMOTE_DOCUMENT_MAX ((size_t)4 << 20)
#define REMOTE_LIST_MAX     ((size_t)64 << 20)
#define REMOTE_ARENA_MAX    ((size_t)128 << 20)
#define REMOTE_DEPTH_MAX    4 /* of indexes in indexes */

/* Starts corten-remote for one name. options: more arguments, or NULL. ERR_DENIED when offline. */
int remote_image_open(struct engine *engine, const struct engine_remote *request,
		      const json_strings *options, struct arena *arena,
		      struct reference *ret_reference, struct remote *ret_remote, struct err *err);

struct remote_image {
	char top[72]; /* digest of what the name stands for, "sha256:HEX" */
	const char *top_type;
	struct buf top_text;
	char digest[72]; /* of the manifest; the same where no index leads to it */
	const char *media_type;
	struct buf text; /* the manifest; empty when it is the top */
};

#define REMOTE_IMAGE_AUTO(name)                                                  \
	__attribute__((cleanup(remote_image_done))) struct remote_image name = { \
		.top_text = BUF_INIT(REMOTE_DOCUMENT_MAX), .text = BUF_INIT(REMOTE_DOCUMENT_MAX)}
void remote_image_done(struct remote_image *image);

/* What the name stands for, index or manifest. */
int remote_image_top(const struct remote *remote, struct arena *arena, struct remote_image *image,
		     struct err *err);

/* From there to the manifest for a platform ("os/architecture[/variant]"; NULL: this machine's). */
int remote_image_choose(const struct remote *remote, const char *platform, struct arena *arena,
			struct remote_image *image, struct err *err);

/* The manifest's text. */
const struct buf *remote_image_manifest(const struct remote_image *image);

#endif
