/*
 * wire_save.h - what the store asks of `corten-image save`: the document WIRE_SAVE_REQUEST in its folder.
 *
 * Ownership  Parsed into the caller's arena. The images' configurations and manifests lie beside it, in
 *            WIRE_BLOBS.
 */
#ifndef CORTEN_STORE_WIRE_SAVE_H
#define CORTEN_STORE_WIRE_SAVE_H

#include "base/json.h"
#include "store/store.h"

#define WIRE_SAVE_REQUEST   "request.json"
#define WIRE_SAVE_BYTES_MAX ((size_t)16 << 20)

struct wire_save_image {
	const char *id;
	const char *
		manifest; /* hex; NULL: loaded without one. Written again when it fits what is written. */
	json_strings names;  /* complete */
	json_strings layers; /* hex diff-ids, the lowest first */
};

struct wire_save {
	enum store_form form;
	enum store_packing packing;
	JSON_LIST_OF(struct wire_save_image) images;
};

extern const struct json_shape wire_save_shape;

#endif
