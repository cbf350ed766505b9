#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "image/descriptor.h"
#include "image/limits.h"
#include "image/plan_internal.h"
#include "oci/document.h"

#define NAME_KEY            "org.opencontainers.image.ref.name"
#define CONTAINERD_NAME_KEY "io.containerd.image.name"

struct reader {
	const struct archive *archive;
	const struct platform *platform;
	struct plan *plan;
	size_t nodes;
	size_t skipped; /* images of other platforms */
	char others[160];
};

static bool is_one_of(const char *media_type, const char *one, const char *two)
{
	return media_type != NULL && (strcmp(media_type, one) == 0 || strcmp(media_type, two) == 0);
}

static int check_kind(struct reader *reader, const struct archive_text *text, bool want_index,
		      const char *media_type, struct err *err)
{
	return oci_document_check(text->data, text->len, want_index, media_type,
				  &reader->plan->arena, err);
}

static int read_blob(struct reader *reader, const struct oci_descriptor *descriptor,
		     struct archive_text *ret_text, struct err *err)
{
	return descriptor_read(reader->archive, descriptor, &reader->plan->arena, ret_text, err);
}

static int add_layer(struct reader *reader, const struct oci_descriptor *descriptor,
		     const char *diff_id, struct err *err)
{
	char member[ARCHIVE_MEMBER_MAX];
	struct plan_layer layer = {.member = member, .size_bytes = descriptor->size_bytes};

	if (!oci_is_layer(descriptor->media_type))
		return err_set(err, ERR_UNSUPPORTED, 0, "media type '%.120s' is no layer's",
			       descriptor->media_type ? descriptor->media_type : "");
	int rc = descriptor_find(reader->archive, descriptor, member, err);
	if (rc < 0)
		return rc;
	memcpy(layer.digest, descriptor->digest + 7, sizeof(layer.digest));
	return plan_add_layer(reader->plan, &layer, diff_id, err);
}

static int add_layers(struct reader *reader, const struct oci_manifest *manifest,
		      const struct oci_image_config *config, struct err *err)
{
	if (manifest->layers.count != config->rootfs.diff_ids.count)
		return err_set(err, ERR_INVALID, 0, "%zu layers, but %zu diff_ids",
			       manifest->layers.count, config->rootfs.diff_ids.count);
	for (size_t i = 0; i < manifest->layers.count; i++) {
		int rc = add_layer(reader, &manifest->layers.items[i],
				   config->rootfs.diff_ids.items[i], err);
		if (rc < 0)
			return err_wrap(err, rc, "layer %zu", i);
	}
	return 0;
}

/* A bare word is a tag to some tools and a name to others: it becomes a name of this host. */
static int add_name(struct reader *reader, struct plan_image *image,
		    const struct oci_descriptor *named, struct err *err)
{
	const char *name = NULL;
	char local[160];

	for (size_t i = 0; i < named->annotations.count; i++) {
		const struct json_pair *pair = &named->annotations.items[i];
		if (strcmp(pair->key, CONTAINERD_NAME_KEY) == 0 ||
		    (strcmp(pair->key, NAME_KEY) == 0 && name == NULL))
			name = pair->value;
		if (strcmp(pair->key, CONTAINERD_NAME_KEY) == 0)
			break;
	}
	if (name == NULL || name[0] == '\0')
		return 0;
	if (strpbrk(name, ":/@") == NULL && strlen(name) < 128) {
		(void)snprintf(local, sizeof(local), "localhost/%s", name);
		name = local;
	}
	return plan_add_name(reader->plan, image, name, err);
}

static int check_manifest_types(const struct oci_manifest *manifest, struct err *err)
{
	const char *type = manifest->config->media_type;

	if (is_one_of(type, OCI_MEDIA_CONFIG, DOCKER_MEDIA_CONFIG))
		return 0;
	return err_set(err, ERR_UNSUPPORTED, 0, "an artifact ('%.100s'), not an image",
		       type ? type : "");
}

static int read_manifest(struct reader *reader, const struct oci_descriptor *descriptor,
			 const struct oci_descriptor *named, struct err *err)
{
	struct archive_text text, config_text;
	struct oci_manifest manifest = {0};
	struct oci_image_config *config = NULL;
	struct plan_image *image = NULL;
	struct arena *arena = &reader->plan->arena;

	int rc = read_blob(reader, descriptor, &text, err);
	if (rc == 0)
		rc = check_kind(reader, &text, false, descriptor->media_type, err);
	if (rc == 0)
		rc = json_parse(&oci_manifest_shape, text.data, text.len, arena, &manifest, err);
	if (rc == 0)
		rc = oci_manifest_check(&manifest, err);
	if (rc == 0)
		rc = check_manifest_types(&manifest, err);
	if (rc == 0)
		rc = read_blob(reader, manifest.config, &config_text, err);
	if (rc == 0)
		rc = plan_add_image(reader->plan, &config_text, &image, &config, err);
	if (rc == 0)
		rc = add_layers(reader, &manifest, config, err);
	if (rc == 0)
		rc = add_name(reader, image, named, err);
	if (rc != 0)
		return err_wrap(err, rc, "manifest %.19s", descriptor->digest);
	memcpy(image->manifest, descriptor->digest + 7, sizeof(image->manifest));
	memcpy(image->top, named->digest + 7, sizeof(image->top));
	image->manifest_text = text;
	return 0;
}

static void note_other(struct reader *reader, const struct oci_platform *platform)
{
	size_t used = strlen(reader->others);

	reader->skipped++;
	(void)snprintf(reader->others + used, sizeof(reader->others) - used, "%s%.20s/%.20s",
		       used > 0 ? ", " : "", platform->os, platform->architecture);
}

static int parse_index(struct reader *reader, const struct archive_text *text,
		       const char *media_type, struct oci_index *ret_index, struct err *err)
{
	int rc = check_kind(reader, text, true, media_type, err);

	if (rc == 0)
		rc = json_parse(&oci_index_shape, text->data, text->len, &reader->plan->arena,
				ret_index, err);
	if (rc == 0)
		rc = oci_index_check(ret_index, err);
	if (rc < 0)
		return rc;
	reader->nodes += ret_index->manifests.count;
	if (reader->nodes > IMAGE_INDEX_NODES_MAX)
		return err_set(err, ERR_INVALID, E2BIG, "more than %d descriptors in indexes",
			       IMAGE_INDEX_NODES_MAX);
	return 0;
}

/* Of a nested index one image is taken: the one that fits best. 1: found; 0: none fits. */
static int read_nested(struct reader *reader, const struct oci_descriptor *descriptor,
		       const struct oci_descriptor *named, int depth, struct err *err)
{
	const struct oci_descriptor *best = NULL;
	struct archive_text text;
	struct oci_index index = {0};
	int best_fit = 0;

	if (depth > IMAGE_INDEX_DEPTH_MAX)
		return err_set(err, ERR_INVALID, ELOOP, "indexes nested deeper than %d",
			       IMAGE_INDEX_DEPTH_MAX);
	int rc = read_blob(reader, descriptor, &text, err);
	if (rc == 0)
		rc = parse_index(reader, &text, descriptor->media_type, &index, err);
	for (size_t i = 0; rc == 0 && i < index.manifests.count; i++) {
		const struct oci_descriptor *item = &index.manifests.items[i];
		int fit = platform_match(reader->platform, item->platform);
		if (!oci_is_index(item->media_type) && !oci_is_manifest(item->media_type))
			continue;
		if (fit == 0)
			note_other(reader, item->platform);
		if (fit > best_fit) {
			best = item;
			best_fit = fit;
		}
	}
	if (rc == 0 && best != NULL && oci_is_index(best->media_type))
		return read_nested(reader, best, named, depth + 1, err);
	if (rc == 0 && best != NULL)
		rc = read_manifest(reader, best, named, err);
	if (rc < 0)
		return err_wrap(err, rc, "index %.19s", descriptor->digest);
	return best != NULL;
}

static int read_top(struct reader *reader, struct err *err)
{
	struct archive_text text;
	struct oci_index index = {0};

	int rc = archive_read(reader->archive, "index.json", &reader->plan->arena, &text, err);
	if (rc == 0)
		rc = parse_index(reader, &text, NULL, &index, err);
	for (size_t i = 0; rc >= 0 && i < index.manifests.count; i++) {
		const struct oci_descriptor *item = &index.manifests.items[i];
		if (oci_is_index(item->media_type)) {
			rc = read_nested(reader, item, item, 1, err);
		} else if (oci_is_manifest(item->media_type)) {
			if (platform_match(reader->platform, item->platform) == 0)
				note_other(reader, item->platform);
			else
				rc = read_manifest(reader, item, item, err);
		}
	}
	return rc < 0 ? err_wrap(err, rc, "index.json") : 0;
}

static int check_layout(const struct reader *reader, struct err *err)
{
	struct archive_text text;
	struct oci_layout layout;
	struct arena *arena = &reader->plan->arena;

	if (archive_is_served(reader->archive))
		return 0;

	int rc = archive_read(reader->archive, "oci-layout", arena, &text, err);
	if (rc == 0)
		rc = json_parse(&oci_layout_shape, text.data, text.len, arena, &layout, err);
	if (rc != 0)
		return err_wrap(err, rc, "oci-layout");
	if (layout.image_layout_version == NULL ||
	    strcmp(layout.image_layout_version, OCI_LAYOUT_VERSION) != 0)
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "oci-layout: imageLayoutVersion '%.20s' is not " OCI_LAYOUT_VERSION,
			       layout.image_layout_version ? layout.image_layout_version : "");
	return 0;
}

int plan_read_oci(const struct archive *archive, const struct platform *platform, struct plan *plan,
		  struct err *err)
{
	struct reader reader = {.archive = archive, .platform = platform, .plan = plan};

	int rc = check_layout(&reader, err);
	if (rc == 0)
		rc = read_top(&reader, err);
	if (rc == 0 && plan->image_count == 0)
		rc = err_set(err, ERR_NOT_FOUND, 0, "no image for %s/%s in it%s%s", platform->os,
			     platform->architecture, reader.skipped > 0 ? ", only for " : "",
			     reader.others);
	return rc;
}
