/* The archive of a docker save before version 25, and of other tools today: no digests but the layers' unpacked ones. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "image/copy_plan.h"
#include "image/digest.h"
#include "image/limits.h"
#include "image/plan_internal.h"
#include "image/stream.h"
#include "store/reference.h"

static bool same_name(const char *one, const char *two)
{
	char a[REFERENCE_TEXT_MAX], b[REFERENCE_TEXT_MAX];
	struct reference first, second;
	struct err ignored;

	return reference_parse(one, &first, &ignored) == 0 &&
	       reference_parse(two, &second, &ignored) == 0 &&
	       strcmp(reference_full(&first, a), reference_full(&second, b)) == 0;
}

static bool has_name(const struct oci_docker_archive_image *image, const char *name)
{
	for (size_t i = 0; i < image->repo_tags.count; i++) {
		if (same_name(image->repo_tags.items[i], name))
			return true;
	}
	return name == NULL;
}

static int find_image(const oci_docker_archive *list, const char *name,
		      const struct oci_docker_archive_image **ret_image, struct err *err)
{
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++) {
		if (name != NULL && !has_name(&list->items[i], name))
			continue;
		*ret_image = &list->items[i];
		count++;
	}
	if (count == 1)
		return 0;
	return err_set(err, count == 0 ? ERR_NOT_FOUND : ERR_CONFLICT, 0,
		       "it holds %zu images%s%.100s%s%s", count, name != NULL ? " '" : "",
		       name != NULL ? name : "", name != NULL ? "'" : "",
		       count > 1 ? ": name one behind a colon" : "");
}

static char *digest_text(struct copy_plan *plan, const char *hex)
{
	char text[80];

	(void)snprintf(text, sizeof(text), "sha256:%.64s", hex);
	return arena_strndup(&plan->arena, text, strlen(text));
}

/* Reads a member to its end: its digest, and by its beginning how it is packed. */
static int hash_member(const struct archive *archive, const char *member,
		       struct oci_descriptor *descriptor, char ret_hex[65], struct err *err)
{
	struct archive_span span;
	struct file_stream file = {0};
	struct digest digest = {0};
	uint8_t magic[4] = {0};

	int rc = archive_find(archive, member, &span, err);
	if (rc < 0)
		return rc;
	descriptor->size_bytes = span.size_bytes;
	descriptor->media_type = OCI_MEDIA_LAYER;
	if (pread(span.fd, magic, sizeof(magic), span.offset) == (ssize_t)sizeof(magic)) {
		if (magic[0] == 0x1f && magic[1] == 0x8b)
			descriptor->media_type = OCI_MEDIA_LAYER_GZIP;
		else if (memcmp(magic, "\x28\xb5\x2f\xfd", sizeof(magic)) == 0)
			descriptor->media_type = OCI_MEDIA_LAYER_ZSTD;
	}
	rc = digest_init(&digest, err);
	if (rc == 0)
		rc = file_stream_init(&file, span.fd, span.offset, span.size_bytes, err);
	file.digest = &digest;
	if (rc == 0 && stream_drain(&file.stream, err) < 0)
		rc = err->sys > 0 ? -err->sys : -EIO;
	if (rc == 0)
		digest_hex(&digest, ret_hex);
	file_stream_done(&file);
	digest_done(&digest);
	archive_span_done(&span);
	return rc;
}

static int add_layer(const struct archive *archive, const char *member, const char *diff_id,
		     struct copy_plan *plan, struct oci_descriptor *ret_descriptor, struct err *err)
{
	struct copy_item item = {.member = member};
	char hex[65];

	int rc = hash_member(archive, member, &item.descriptor, hex, err);
	if (rc < 0)
		return rc;
	item.descriptor.digest = digest_text(plan, hex);
	if (item.descriptor.digest == NULL)
		return copy_plan_full(err);
	if (strcmp(item.descriptor.media_type, OCI_MEDIA_LAYER) == 0 &&
	    strcmp(item.descriptor.digest, diff_id) != 0)
		return err_set(err, ERR_INVALID, 0,
			       "layer '%.100s' has the digest %s, the configuration says %.80s",
			       member, item.descriptor.digest, diff_id);
	*ret_descriptor = item.descriptor;
	return copy_plan_add(plan, &item, NULL, err);
}

static int add_config(const struct archive *archive, const char *member, struct copy_plan *plan,
		      struct oci_descriptor *ret_descriptor, struct oci_image_config *ret_config,
		      struct err *err)
{
	struct copy_item item = {.member = NULL};
	char hex[65];

	int rc = archive_read(archive, member, &plan->arena, &item.text, err);
	if (rc == 0)
		rc = json_parse(&oci_image_config_shape, item.text.data, item.text.len,
				&plan->arena, ret_config, err);
	if (rc == 0)
		rc = oci_image_config_check(ret_config, err);
	if (rc == 0)
		rc = digest_of(item.text.data, item.text.len, hex, err);
	if (rc < 0)
		return err_wrap(err, rc, "configuration");
	item.descriptor = (struct oci_descriptor){.media_type = OCI_MEDIA_CONFIG,
						  .digest = digest_text(plan, hex),
						  .size_bytes = (int64_t)item.text.len};
	if (item.descriptor.digest == NULL)
		return copy_plan_full(err);
	*ret_descriptor = item.descriptor;
	return copy_plan_add(plan, &item, NULL, err);
}

static int add_manifest(struct copy_plan *plan, const struct oci_manifest *manifest,
			struct err *err)
{
	BUF_AUTO(text, IMAGE_DOCUMENT_BYTES_MAX);
	struct copy_item item = {.member = NULL};
	char hex[65];

	json_write(&oci_manifest_shape, manifest, JSON_COMPACT, &text);
	int rc = buf_check(&text, "the manifest", err);
	if (rc == 0)
		rc = digest_of(text.data, text.len, hex, err);
	if (rc < 0)
		return rc;
	item.text.len = text.len;
	item.text.data = arena_strndup(&plan->arena, text.data, text.len);
	item.descriptor = (struct oci_descriptor){.media_type = OCI_MEDIA_MANIFEST,
						  .digest = digest_text(plan, hex),
						  .size_bytes = (int64_t)text.len};
	if (item.text.data == NULL || item.descriptor.digest == NULL)
		return copy_plan_full(err);
	return copy_plan_add(plan, &item, NULL, err);
}

static int add_image(const struct archive *archive, const struct oci_docker_archive_image *image,
		     struct copy_plan *plan, struct err *err)
{
	struct oci_manifest *manifest = arena_alloc(&plan->arena, sizeof(*manifest));
	struct oci_descriptor *config = arena_alloc(&plan->arena, sizeof(*config));
	struct oci_descriptor *layers =
		arena_alloc(&plan->arena, (image->layers.count + 1) * sizeof(*layers));
	struct oci_image_config parsed = {0};

	if (manifest == NULL || config == NULL || layers == NULL)
		return copy_plan_full(err);
	int rc = add_config(archive, image->config, plan, config, &parsed, err);
	if (rc == 0 && image->layers.count != parsed.rootfs.diff_ids.count)
		rc = err_set(err, ERR_INVALID, 0, "%zu layers, but %zu diff_ids",
			     image->layers.count, parsed.rootfs.diff_ids.count);
	if (rc == 0 && image->layers.count > IMAGE_LAYERS_MAX)
		rc = err_set(err, ERR_INVALID, E2BIG, "more than %d layers", IMAGE_LAYERS_MAX);
	for (size_t i = 0; rc == 0 && i < image->layers.count; i++) {
		rc = add_layer(archive, image->layers.items[i], parsed.rootfs.diff_ids.items[i],
			       plan, &layers[i], err);
		if (rc < 0)
			err_wrap(err, rc, "layer %zu", i);
	}
	if (rc < 0)
		return rc;
	*manifest = (struct oci_manifest){
		.schema_version = 2, .media_type = OCI_MEDIA_MANIFEST, .config = config};
	manifest->layers.items = layers;
	manifest->layers.count = image->layers.count;
	plan->manifest = manifest;
	return add_manifest(plan, manifest, err);
}

int copy_plan_docker(const struct archive *archive, const struct copy_wish *wish,
		     struct copy_plan *plan, struct err *err)
{
	const struct oci_docker_archive_image *image = NULL;
	struct archive_text text;
	oci_docker_archive list = {0};

	int rc = archive_read(archive, "manifest.json", &plan->arena, &text, err);
	if (rc == 0)
		rc = json_parse_list(&oci_docker_archive_image_shape, text.data, text.len,
				     &plan->arena, &list, err);
	if (rc < 0)
		return err_wrap(err, rc, "manifest.json");
	rc = find_image(&list, wish->name, &image, err);
	if (rc == 0 && image->config == NULL)
		rc = err_set(err, ERR_INVALID, EINVAL, "an image without configuration");
	return rc < 0 ? rc : add_image(archive, image, plan, err);
}
