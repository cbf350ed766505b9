/*
 * wire_copy.h - what the store asks of `corten-image copy`: the document WIRE_COPY_REQUEST in its folder.
 *
 * Ownership  Parsed into the caller's arena.
 */
#ifndef CORTEN_STORE_WIRE_COPY_H
#define CORTEN_STORE_WIRE_COPY_H

#include "base/json.h"
#include "store/store.h"

#define WIRE_COPY_REQUEST   "request.json"
#define WIRE_COPY_BYTES_MAX ((size_t)64 << 10)

struct wire_copy {
	enum store_form form;
	const char *source_name; /* in the source; NULL: its only image */
	const char *name;        /* in the destination; NULL: none */
	const char *platform;    /* NULL: this machine's */
	bool all;
	bool mount; /* blobs may be had from the source's repository, which is of the same registry */
};

extern const struct json_shape wire_copy_shape;

#endif
