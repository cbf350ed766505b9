#include "oci/document.h"

#include <errno.h>
#include <string.h>

#include "oci/image.h"

struct kind {
	const char *media_type;
	struct json_text manifests;
	struct json_text layers;
	struct json_text config;
	struct json_text fs_layers; /* of the first schema */
};

static const struct json_field kind_fields[] = {
	JSON_STRING(struct kind, media_type, "mediaType"),
	JSON_RAW(struct kind, manifests, "manifests"),
	JSON_RAW(struct kind, layers, "layers"),
	JSON_RAW(struct kind, config, "config"),
	JSON_RAW(struct kind, fs_layers, "fsLayers"),
};
static JSON_SHAPE(kind_shape, struct kind, kind_fields);

static bool is_one_of(const char *media_type, const char *const *types, size_t count)
{
	for (size_t i = 0; media_type != NULL && i < count; i++) {
		if (strcmp(media_type, types[i]) == 0)
			return true;
	}
	return false;
}

bool oci_is_index(const char *media_type)
{
	static const char *const types[] = {OCI_MEDIA_INDEX, DOCKER_MEDIA_INDEX};

	return is_one_of(media_type, types, sizeof(types) / sizeof(types[0]));
}

bool oci_is_manifest(const char *media_type)
{
	static const char *const types[] = {OCI_MEDIA_MANIFEST, DOCKER_MEDIA_MANIFEST};

	return is_one_of(media_type, types, sizeof(types) / sizeof(types[0]));
}

bool oci_is_layer(const char *media_type)
{
	static const char *const types[] = {
		OCI_MEDIA_LAYER,
		OCI_MEDIA_LAYER_GZIP,
		OCI_MEDIA_LAYER_ZSTD,
		DOCKER_MEDIA_LAYER,
		DOCKER_MEDIA_LAYER_GZIP,
		"application/vnd.docker.image.rootfs.diff.tar.zstd",
		"application/vnd.docker.image.rootfs.foreign.diff.tar",
		"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
		"application/vnd.oci.image.layer.nondistributable.v1.tar",
		"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
		"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
	};

	return is_one_of(media_type, types, sizeof(types) / sizeof(types[0]));
}

int oci_document_check(const char *text, size_t len, bool want_index, const char *media_type,
		       struct arena *arena, struct err *err)
{
	struct kind kind = {0};

	int rc = json_parse(&kind_shape, text, len, arena, &kind, err);
	if (rc < 0)
		return rc;
	bool as_index = kind.manifests.text != NULL;
	bool as_manifest = kind.layers.text != NULL || kind.config.text != NULL;
	if (kind.fs_layers.text != NULL)
		return err_set(err, ERR_UNSUPPORTED, 0, "a manifest of schema version 1");
	if (as_index && as_manifest)
		return err_set(err, ERR_INVALID, EINVAL, "it is both an index and a manifest");
	if (as_index != want_index || as_manifest == want_index)
		return err_set(err, ERR_INVALID, EINVAL, "it is no %s",
			       want_index ? "index" : "manifest");
	if (kind.media_type != NULL && media_type != NULL &&
	    strcmp(kind.media_type, media_type) != 0)
		return err_set(err, ERR_INVALID, EINVAL,
			       "its mediaType is '%.100s', its descriptor's '%.100s'",
			       kind.media_type, media_type);
	if (kind.media_type != NULL && media_type == NULL && !oci_is_index(kind.media_type))
		return err_set(err, ERR_INVALID, EINVAL, "its mediaType is '%.100s'",
			       kind.media_type);
	return 0;
}
