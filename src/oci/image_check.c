/* What the image specification demands and a table of fields cannot say. */
#include <stdio.h>
#include <string.h>

#include "oci/image.h"

int oci_digest_check(const char *digest, const char *place, struct err *err)
{
	static const struct {
		const char *prefix;
		size_t hex;
	} forms[] = {{"sha256:", 64}, {"sha512:", 128}};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		size_t len = strlen(forms[i].prefix);
		if (strncmp(digest, forms[i].prefix, len) != 0)
			continue;
		if (strlen(digest + len) == forms[i].hex &&
		    strspn(digest + len, "0123456789abcdef") == forms[i].hex)
			return 0;
		return err_set(err, ERR_INVALID, 0,
			       "%s: \"%.160s\" is not %s and %zu lower-case hex digits", place,
			       digest, forms[i].prefix, forms[i].hex);
	}
	return err_set(err, ERR_INVALID, 0, "%s: \"%.160s\" is neither sha256 nor sha512", place,
		       digest);
}

static int check_descriptor(const struct oci_descriptor *descriptor, const char *place,
			    struct err *err)
{
	char at[96];

	(void)snprintf(at, sizeof(at), "%s.digest", place);
	int rc = oci_digest_check(descriptor->digest, at, err);
	if (rc == 0 && descriptor->size_bytes < 0)
		rc = err_set(err, ERR_INVALID, 0, "%s.size: %lld is negative", place,
			     (long long)descriptor->size_bytes);
	return rc;
}

static int check_schema_version(uint32_t version, struct err *err)
{
	if (version == 2)
		return 0;
	return err_set(err, ERR_INVALID, 0, "schemaVersion: %u is not supported; 2 is", version);
}

int oci_index_check(const struct oci_index *index, struct err *err)
{
	char place[48];
	int rc = check_schema_version(index->schema_version, err);

	for (size_t i = 0; rc == 0 && i < index->manifests.count; i++) {
		(void)snprintf(place, sizeof(place), "manifests[%zu]", i);
		rc = check_descriptor(&index->manifests.items[i], place, err);
	}
	if (rc == 0 && index->subject != NULL)
		rc = check_descriptor(index->subject, "subject", err);
	return rc;
}

int oci_manifest_check(const struct oci_manifest *manifest, struct err *err)
{
	char place[48];
	int rc = check_schema_version(manifest->schema_version, err);

	if (rc == 0)
		rc = check_descriptor(manifest->config, "config", err);
	for (size_t i = 0; rc == 0 && i < manifest->layers.count; i++) {
		(void)snprintf(place, sizeof(place), "layers[%zu]", i);
		rc = check_descriptor(&manifest->layers.items[i], place, err);
	}
	if (rc == 0 && manifest->subject != NULL)
		rc = check_descriptor(manifest->subject, "subject", err);
	return rc;
}

int oci_image_config_check(const struct oci_image_config *config, struct err *err)
{
	char place[48];
	int rc = 0;

	if (strcmp(config->rootfs.type, "layers") != 0)
		return err_set(err, ERR_INVALID, 0, "rootfs.type: \"%.64s\" is not \"layers\"",
			       config->rootfs.type);
	for (size_t i = 0; rc == 0 && i < config->rootfs.diff_ids.count; i++) {
		(void)snprintf(place, sizeof(place), "rootfs.diff_ids[%zu]", i);
		rc = oci_digest_check(config->rootfs.diff_ids.items[i], place, err);
	}
	return rc;
}
