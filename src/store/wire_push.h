/*
 * wire_push.h - a push: what the store asks of `corten-image push`, and what that asks of `corten-remote push`.
 *
 * Purpose    The document WIRE_PUSH_REQUEST in the staging folder, beside WIRE_BLOBS with configuration and manifest;
 *            and the messages over the socket between the two programs.
 * Ownership  The document is parsed into the caller's arena.
 * Trust      corten-image opens what hostile archives laid out, corten-remote talks to strangers: each checks what the
 *            other sends. corten-remote puts into one repository alone and mounts from those alone that it was
 *            started with.
 */
#ifndef CORTEN_STORE_WIRE_PUSH_H
#define CORTEN_STORE_WIRE_PUSH_H

#include "base/json.h"
#include "store/store.h"

#define WIRE_PUSH_REQUEST   "request.json"
#define WIRE_PUSH_BYTES_MAX ((size_t)16 << 20)

/* A packed form of a layer that a registry is known to have had. */
struct wire_push_blob {
	const char *digest; /* hex */
	int64_t size_bytes;
	const char *media_type;
	json_strings repositories; /* of the destination's registry: to mount from */
};

struct wire_push_layer {
	const char *diff_id; /* hex */
	JSON_LIST_OF(struct wire_push_blob) blobs;
};

struct wire_push {
	const char *id;
	const char *manifest; /* hex; NULL: it has none */
	json_strings origins; /* repositories of the registry that have had all of that manifest */
	json_strings repositories; /* all to mount from: their order is their number */
	JSON_LIST_OF(struct wire_push_layer) layers;
	enum store_manifest form;
	enum store_packing packing; /* of layers that are packed now */
	bool repack;                /* those packed in another way are not good enough */
	int32_t level;              /* 0: the usual */
};

extern const struct json_shape wire_push_shape;

/* ---- between the programs ---- */

enum wire_put {
	WIRE_PUT_HAVE = 1, /* is the blob there? */
	WIRE_PUT_MOUNT,    /* mount it from a repository */
	WIRE_PUT_BLOB,     /* upload it */
	WIRE_PUT_MANIFEST, /* put it under the name that the push is to */
	WIRE_PUT_PART,     /* put it by its digest: a part of an index */
};

#define WIRE_MEDIA_MAX   128
#define WIRE_MOUNTS_MAX  64
#define WIRE_FRAME_BYTES ((size_t)128 << 10)

/*
 * A request. The answer is the same again, with an end of a stream socket. Through that goes, of BLOB, MANIFEST and PART, the
 * body: frames of a size and so many bytes, 0 for the last, and a struct wire_put_end. Back comes a struct
 * wire_outcome.
 */
struct wire_put_request {
	uint32_t put;
	uint32_t number;    /* of an upload: the same when its body comes again */
	uint32_t from;      /* MOUNT: the repository */
	int64_t size_bytes; /* of a body; -1: known at its end */
	char hex[68];       /* zeros to the end; "" of a blob that is packed on the way */
	char media_type[WIRE_MEDIA_MAX]; /* of a manifest; zeros to the end */
};

struct wire_put_end {
	int64_t size_bytes;
	char hex[68];
};

enum wire_result {
	WIRE_PUT_DONE = 1, /* it is there */
	WIRE_PUT_NOT,      /* it is not */
	WIRE_PUT_AGAIN,    /* the upload broke: ask again, and send it from its beginning */
};

struct wire_outcome {
	uint32_t result;
	char hex[68]; /* of BLOB and MANIFEST: the digest of what is there */
	int64_t size_bytes;
};

#endif
