#include <errno.h>
#include <string.h>

#include "image/plan_internal.h"
#include "store/reference.h"

/* The configuration's file is called by its digest, with ".json" or beneath "blobs/sha256". */
static int check_id(const char *member, const char *id, struct err *err)
{
	char name[65] = "";
	const char *slash = strrchr(member, '/');
	const char *base = slash ? slash + 1 : member;

	if (strlen(base) < 64)
		return 0;
	memcpy(name, base, 64);
	name[64] = '\0';
	bool named =
		reference_is_hex64(name) && (base[64] == '\0' || strcmp(base + 64, ".json") == 0);
	if (!named || strcmp(name, id) == 0)
		return 0;
	return err_set(err, ERR_INVALID, 0, "configuration '%.120s' has the digest sha256:%s",
		       member, id);
}

static int add_layers(const struct archive *archive, struct plan *plan,
		      const struct oci_docker_archive_image *from,
		      const struct oci_image_config *config, struct err *err)
{
	if (from->layers.count != config->rootfs.diff_ids.count)
		return err_set(err, ERR_INVALID, 0, "%zu layers, but %zu diff_ids",
			       from->layers.count, config->rootfs.diff_ids.count);
	for (size_t i = 0; i < from->layers.count; i++) {
		struct archive_span span;
		int rc = archive_find(archive, from->layers.items[i], &span, err);
		if (rc < 0)
			return err_wrap(err, rc, "layer %zu", i);
		struct plan_layer layer = {.member = from->layers.items[i],
					   .size_bytes = span.size_bytes};
		archive_span_done(&span);
		rc = plan_add_layer(plan, &layer, config->rootfs.diff_ids.items[i], err);
		if (rc < 0)
			return err_wrap(err, rc, "layer %zu", i);
	}
	return 0;
}

static int add_image(const struct archive *archive, struct plan *plan,
		     const struct oci_docker_archive_image *from, struct err *err)
{
	struct archive_text text;
	struct plan_image *image = NULL;
	struct oci_image_config *config = NULL;

	if (from->config == NULL)
		return err_set(err, ERR_INVALID, EINVAL, "an image without configuration");
	int rc = archive_read(archive, from->config, &plan->arena, &text, err);
	if (rc == 0)
		rc = plan_add_image(plan, &text, &image, &config, err);
	if (rc == 0)
		rc = check_id(from->config, image->id, err);
	if (rc == 0)
		rc = add_layers(archive, plan, from, config, err);
	for (size_t i = 0; rc == 0 && i < from->repo_tags.count; i++)
		rc = plan_add_name(plan, image, from->repo_tags.items[i], err);
	return rc;
}

int plan_read_docker(const struct archive *archive, struct plan *plan, struct err *err)
{
	struct archive_text text;
	oci_docker_archive list = {0};

	int rc = archive_read(archive, "manifest.json", &plan->arena, &text, err);
	if (rc == 0)
		rc = json_parse_list(&oci_docker_archive_image_shape, text.data, text.len,
				     &plan->arena, &list, err);
	if (rc != 0)
		return err_wrap(err, rc, "manifest.json");
	if (list.count == 0)
		return err_set(err, ERR_INVALID, EINVAL, "manifest.json names no image");
	for (size_t i = 0; i < list.count; i++) {
		rc = add_image(archive, plan, &list.items[i], err);
		if (rc < 0)
			return err_wrap(err, rc, "manifest.json: image %zu", i);
	}
	return 0;
}
