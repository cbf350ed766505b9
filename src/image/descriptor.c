#include "image/descriptor.h"

#include <string.h>

#include "image/digest.h"
#include "image/plan_internal.h"
#include "oci/document.h"

int descriptor_find(const struct archive *archive, const struct oci_descriptor *descriptor,
		    char ret_member[ARCHIVE_MEMBER_MAX], struct err *err)
{
	bool document =
		oci_is_index(descriptor->media_type) || oci_is_manifest(descriptor->media_type);
	const char *hex;

	int rc = plan_hex(descriptor->digest, &hex, err);
	if (rc < 0)
		return rc;
	(void)archive_blob_name(archive, document ? ARCHIVE_MANIFEST : ARCHIVE_BLOB, hex,
				ret_member);
	rc = archive_check_size(archive, ret_member, descriptor->size_bytes, err);
	if (rc < 0 && descriptor->urls.count > 0 && err->kind == ERR_NOT_FOUND)
		return err_wrap(err, rc, "a layer kept elsewhere; its URLs are not followed");
	return rc;
}

int descriptor_read(const struct archive *archive, const struct oci_descriptor *descriptor,
		    struct arena *arena, struct archive_text *ret_text, struct err *err)
{
	char member[ARCHIVE_MEMBER_MAX];
	char hex[65];

	int rc = descriptor_find(archive, descriptor, member, err);
	if (rc == 0)
		rc = archive_read(archive, member, arena, ret_text, err);
	if (rc == 0 && (int64_t)ret_text->len != descriptor->size_bytes)
		rc = err_set(err, ERR_INVALID, 0, "blob %s has %zu bytes, its descriptor says %lld",
			     descriptor->digest, ret_text->len, (long long)descriptor->size_bytes);
	if (rc == 0)
		rc = digest_of(ret_text->data, ret_text->len, hex, err);
	if (rc == 0 && strcmp(hex, descriptor->digest + 7) != 0)
		rc = err_set(err, ERR_INVALID, 0, "blob %s has the digest sha256:%s",
			     descriptor->digest, hex);
	return rc;
}
