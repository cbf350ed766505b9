#include "runtime/command/listing.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/limits.h"
#include "runtime/control.h"
#include "runtime/environment.h"

#define LISTING_OWNER_MAX 256

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

/* As runc: the user's name, or #UID. The host's own list of users is read, and no other source of names. */
static void listing_owner(uint32_t uid, char *owner, size_t size)
{
	BUF_AUTO(text, PASSWD_BYTES_MAX);
	struct err ignored;

	(void)snprintf(owner, size, uid == 0 ? "root" : "#%u", uid);
	if (uid == 0 || fd_read_file_at(AT_FDCWD, "/etc/passwd", &text, &ignored) < 0)
		return;
	(void)environment_parse_user(text.data != NULL ? text.data : "", text.len, uid, owner,
				     size);
}

struct listing listing_of(struct container *container)
{
	const struct container_record *record = &container->record;
	enum oci_status status = control_status(container);
	char owner[LISTING_OWNER_MAX];

	listing_owner(record->owner_uid, owner, sizeof(owner));

	return (struct listing){
		.oci_version = record->oci_version,
		.id = record->id,
		.pid = status == OCI_STATUS_STOPPED ? 0 : record->pid,
		.status = (int)status,
		.bundle = record->bundle,
		.rootfs = record->rootfs,
		.created = record->created,
		.annotations = record->annotations,
		.owner = arena_strndup(&container->arena, owner, strlen(owner)),
	};
}
