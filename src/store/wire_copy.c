#include "store/wire_copy.h"

static const struct json_field copy_fields[] = {
	JSON_ENUM_NEEDED(struct wire_copy, form, "form", store_form_names),
	JSON_STRING(struct wire_copy, source_name, "sourceName"),
	JSON_STRING(struct wire_copy, name, "name"),
	JSON_STRING(struct wire_copy, platform, "platform"),
	JSON_BOOL(struct wire_copy, all, "all"),
	JSON_BOOL(struct wire_copy, mount, "mount"),
};
JSON_SHAPE(wire_copy_shape, struct wire_copy, copy_fields);
