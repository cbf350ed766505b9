#include "store/wire_save.h"

const char *const store_form_names[] = {"docker-archive", "oci-archive", "docker-dir", "oci-dir",
					NULL};
const char *const store_packing_names[] = {"none", "gzip", "zstd", NULL};

static const struct json_field image_fields[] = {
	JSON_STRING_NEEDED(struct wire_save_image, id, "id"),
	JSON_STRING(struct wire_save_image, manifest, "manifest"),
	JSON_LIST(struct wire_save_image, names, "names", JSON_TYPE_STRING),
	JSON_LIST(struct wire_save_image, layers, "layers", JSON_TYPE_STRING),
};
static JSON_SHAPE(image_shape, struct wire_save_image, image_fields);

static const struct json_field save_fields[] = {
	JSON_ENUM_NEEDED(struct wire_save, form, "form", store_form_names),
	JSON_ENUM_NEEDED(struct wire_save, packing, "packing", store_packing_names),
	JSON_OBJECTS(struct wire_save, images, "images", image_shape),
};
JSON_SHAPE(wire_save_shape, struct wire_save, save_fields);
