/*
 * push_internal.h - what the files of push share.
 */
#ifndef CORTEN_IMAGE_PUSH_INTERNAL_H
#define CORTEN_IMAGE_PUSH_INTERNAL_H

#include "base/arena.h"
#include "image/deliver.h"
#include "image/push.h"
#include "oci/image.h"

/* One for each position of the image; the same layer twice is settled once. */
struct push_layer {
	const struct wire_push_layer *asked;
	const struct oci_descriptor
		*own; /* in the image's own manifest; NULL: that does not count */
	size_t first; /* the first position of the same; its own for most */
	bool settled;
	bool proved; /* that the digest is of that layer, by more than a manifest's word */
	struct packed packed;
	enum store_packing packing;
};

struct push {
	const struct push_options *options;
	int root_fd;
	struct arena arena;
	struct wire_push request;
	struct deliver deliver;
	struct buf own_text;
	struct oci_manifest own;
	bool docker; /* the manifest is Docker's */
	struct push_layer *layers;
	/* Of the running step: */
	int (*step)(struct push *push, struct push_layer *layer, struct err *err);
	atomic_size_t next;
	atomic_bool failed;
	pthread_mutex_t mutex; /* of err */
	struct err err;
};

/* push_layer.c: what is done to each layer that is not settled. */

/* Whether the registry has what the image's own manifest names, or can mount it. */
int push_find_own(struct push *push, struct push_layer *layer, struct err *err);

/* Whether the registry has another packed form of it; else packs and sends it. */
int push_send(struct push *push, struct push_layer *layer, struct err *err);

/* How a media type says that a layer is packed. */
enum store_packing push_packing_of(const char *media_type);

/* What a layer's type is called in the manifest that is made. */
const char *push_media_type(const struct push *push, enum store_packing packing);

#endif
