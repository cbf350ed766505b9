#include "store/wire_push.h"

const char *const store_manifest_names[] = {"", "oci", "v2s2", NULL};

static const struct json_field blob_fields[] = {
	JSON_STRING_NEEDED(struct wire_push_blob, digest, "digest"),
	JSON_INT64(struct wire_push_blob, size_bytes, "size"),
	JSON_STRING_NEEDED(struct wire_push_blob, media_type, "mediaType"),
	JSON_LIST(struct wire_push_blob, repositories, "repositories", JSON_TYPE_STRING),
};
static JSON_SHAPE(blob_shape, struct wire_push_blob, blob_fields);

static const struct json_field layer_fields[] = {
	JSON_STRING_NEEDED(struct wire_push_layer, diff_id, "diffId"),
	JSON_OBJECTS(struct wire_push_layer, blobs, "blobs", blob_shape),
};
static JSON_SHAPE(layer_shape, struct wire_push_layer, layer_fields);

static const struct json_field push_fields[] = {
	JSON_STRING_NEEDED(struct wire_push, id, "id"),
	JSON_STRING(struct wire_push, manifest, "manifest"),
	JSON_LIST(struct wire_push, origins, "origins", JSON_TYPE_STRING),
	JSON_LIST(struct wire_push, repositories, "repositories", JSON_TYPE_STRING),
	JSON_OBJECTS(struct wire_push, layers, "layers", layer_shape),
	JSON_ENUM(struct wire_push, form, "form", store_manifest_names),
	JSON_ENUM_NEEDED(struct wire_push, packing, "packing", store_packing_names),
	JSON_BOOL(struct wire_push, repack, "repack"),
	JSON_INT32(struct wire_push, level, "level"),
};
JSON_SHAPE(wire_push_shape, struct wire_push, push_fields);
