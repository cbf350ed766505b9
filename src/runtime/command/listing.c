#include "runtime/command/listing.h"

#include <stdio.h>
#include <string.h>

#include "runtime/control.h"

static const struct json_field listing_fields[] = {
	JSON_STRING(struct listing, oci_version, "ociVersion"),
	JSON_STRING(struct listing, id, "id"),
	JSON_FIELD_(struct listing, pid, "pid", JSON_TYPE_INT32, JSON_FORM_PLAIN, JSON_WRITE_ZERO,
		    NULL, NULL),
	JSON_FIELD_(struct listing, status, "status", JSON_TYPE_ENUM, JSON_FORM_PLAIN,
		    JSON_WRITE_ZERO, NULL, oci_status_names),
	JSON_STRING(struct listing, bundle, "bundle"),
	JSON_STRING(struct listing, rootfs, "rootfs"),
	JSON_STRING(struct listing, created, "created"),
	JSON_STRING_MAP(struct listing, annotations, "annotations"),
	JSON_FIELD_(struct listing, owner, "owner", JSON_TYPE_STRING, JSON_FORM_PLAIN,
		    JSON_WRITE_ZERO, NULL, NULL),
};
JSON_SHAPE(listing_shape, struct listing, listing_fields);

struct listing listing_of(struct container *container)
{
	const struct container_record *record = &container->record;
	enum oci_status status = control_status(container);
	char owner[16];
	int len = record->owner_uid == 0 ? snprintf(owner, sizeof(owner), "root")
					 : snprintf(owner, sizeof(owner), "#%u", record->owner_uid);

	return (struct listing){
		.oci_version = record->oci_version,
		.id = record->id,
		.pid = status == OCI_STATUS_STOPPED ? 0 : record->pid,
		.status = (int)status,
		.bundle = record->bundle,
		.rootfs = record->rootfs,
		.created = record->created,
		.annotations = record->annotations,
		.owner = arena_strndup(&container->arena, owner, (size_t)len),
	};
}
