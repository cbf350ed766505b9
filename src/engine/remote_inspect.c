/* What an image in a registry is, as skopeo's inspect tells it. */
#include <string.h>

#include "engine/remote.h"
#include "engine/spec/list.h"
#include "oci/document.h"

/* A list or map that is empty is written as null, by a second member of the same name. */
static const struct json_text null_text = {"null", 4};

struct layer_view {
	const char *media_type;
	const char *digest;
	int64_t size_bytes;
	json_pairs annotations;
	struct json_text no_annotations;
};
static const struct json_field layer_fields[] = {
	JSON_STRING(struct layer_view, media_type, "MIMEType"),
	JSON_STRING(struct layer_view, digest, "Digest"),
	JSON_PLAIN(struct layer_view, size_bytes, "Size", JSON_TYPE_INT64, JSON_WRITE_ZERO),
	JSON_STRING_MAP(struct layer_view, annotations, "Annotations"),
	JSON_RAW(struct layer_view, no_annotations, "Annotations"),
};
static JSON_SHAPE(layer_shape, struct layer_view, layer_fields);

struct summary_view {
	const char *name;
	const char *digest;
	json_strings tags;
	const char *created;
	struct json_text not_created;
	const char *docker_version;
	json_pairs labels;
	struct json_text no_labels;
	const char *architecture;
	const char *os;
	json_strings layers;
	JSON_LIST_OF(struct layer_view) layers_data;
	json_strings env;
	struct json_text no_env;
};
#define TEXT(m, n)  JSON_PLAIN(struct summary_view, m, n, JSON_TYPE_STRING, JSON_WRITE_ZERO)
#define TEXTS(m, n) JSON_LIST_FLAGS(struct summary_view, m, n, JSON_TYPE_STRING, JSON_WRITE_ZERO)
static const struct json_field summary_fields[] = {
	TEXT(name, "Name"),
	TEXT(digest, "Digest"),
	TEXTS(tags, "RepoTags"),
	JSON_STRING(struct summary_view, created, "Created"),
	JSON_RAW(struct summary_view, not_created, "Created"),
	TEXT(docker_version, "DockerVersion"),
	JSON_STRING_MAP(struct summary_view, labels, "Labels"),
	JSON_RAW(struct summary_view, no_labels, "Labels"),
	TEXT(architecture, "Architecture"),
	TEXT(os, "Os"),
	TEXTS(layers, "Layers"),
	JSON_OBJECTS(struct summary_view, layers_data, "LayersData", layer_shape),
	JSON_LIST(struct summary_view, env, "Env", JSON_TYPE_STRING),
	JSON_RAW(struct summary_view, no_env, "Env"),
};
static JSON_SHAPE(summary_shape, struct summary_view, summary_fields);

/* What Docker writes beside the specification's members. */
struct docker_view {
	const char *version;
};
static const struct json_field docker_fields[] = {
	JSON_STRING(struct docker_view, version, "docker_version"),
};
static JSON_SHAPE(docker_shape, struct docker_view, docker_fields);

struct tags_view {
	json_strings tags;
};
static const struct json_field tags_fields[] = {
	JSON_LIST(struct tags_view, tags, "tags", JSON_TYPE_STRING),
};
static JSON_SHAPE(tags_shape, struct tags_view, tags_fields);

static int fill_layers(const struct oci_manifest *manifest, struct arena *arena,
		       struct summary_view *view, struct err *err)
{
	size_t count = manifest->layers.count;
	struct layer_view *items = arena_alloc(arena, (count + 1) * sizeof(*items));
	const char **digests = arena_alloc(arena, (count + 1) * sizeof(*digests));

	if (items == NULL || digests == NULL)
		return list_no_memory(err);
	for (size_t i = 0; i < count; i++) {
		const struct oci_descriptor *layer = &manifest->layers.items[i];
		digests[i] = layer->digest;
		items[i] = (struct layer_view){.media_type = layer->media_type,
					       .digest = layer->digest,
					       .size_bytes = layer->size_bytes,
					       .annotations = layer->annotations};
		if (layer->annotations.count == 0)
			items[i].no_annotations = null_text;
	}
	view->layers = (json_strings){digests, count};
	view->layers_data.items = items;
	view->layers_data.count = count;
	return 0;
}

static void fill_config(const struct oci_image_config *config, bool docker,
			struct summary_view *view)
{
	view->created = config->created;
	if (view->created == NULL && docker)
		view->created = "0001-01-01T00:00:00Z";
	if (view->created == NULL)
		view->not_created = null_text;
	view->architecture = config->architecture;
	view->os = config->os;
	view->labels = config->config.labels;
	if (view->labels.count == 0)
		view->no_labels = null_text;
	view->env = config->config.env;
	if (view->env.count == 0)
		view->no_env = null_text;
}

/* A registry may keep the list of tags to itself: that is told, and is no failure. */
static int read_tags(const struct remote *remote, struct arena *arena, json_strings *ret_tags,
		     const char **ret_warning, struct err *err)
{
	BUF_AUTO(text, REMOTE_LIST_MAX);
	struct err failed = {.kind = ERR_NONE};
	struct tags_view view = {0};
	char why[512];

	int rc = remote_read(remote, WIRE_ASK_TAGS, NULL, &text, &failed);
	if (rc == 0)
		rc = json_parse(&tags_shape, text.data != NULL ? text.data : "", text.len, arena,
				&view, &failed);
	*ret_tags = view.tags;
	if (rc < 0 && failed.kind == ERR_DENIED) {
		*ret_warning = list_text(arena, "no tags are listed: %s",
					 err_format(&failed, why, sizeof(why)));
		return *ret_warning != NULL ? 0 : list_no_memory(err);
	}
	if (rc < 0)
		*err = failed;
	return rc;
}

static int read_manifest(const struct remote_image *image, struct arena *arena,
			 struct oci_manifest *ret_manifest, struct err *err)
{
	const struct buf *text = remote_image_manifest(image);
	const char *type;

	int rc = json_parse(&oci_manifest_shape, text->data, text->len, arena, ret_manifest, err);
	if (rc == 0)
		rc = oci_manifest_check(ret_manifest, err);
	if (rc < 0)
		return err_wrap(err, rc, "manifest %.19s", image->digest);
	type = ret_manifest->config->media_type;
	if (strcmp(type, OCI_MEDIA_CONFIG) == 0 || strcmp(type, DOCKER_MEDIA_CONFIG) == 0)
		return 0;
	return err_set(err, ERR_UNSUPPORTED, 0,
		       "it is an artifact ('%.100s'), not an image: --raw shows its manifest",
		       type);
}

static int read_config(const struct remote *remote, const struct oci_manifest *manifest,
		       struct buf *out, struct err *err)
{
	const char *digest = manifest->config->digest;

	if (strncmp(digest, "sha256:", strlen("sha256:")) != 0)
		return err_set(err, ERR_UNSUPPORTED, 0, "digest '%.100s': only sha256 is supported",
			       digest);
	int rc = remote_read(remote, WIRE_ASK_BLOB, digest + strlen("sha256:"), out, err);
	if (rc == 0 && (int64_t)out->len != manifest->config->size_bytes)
		rc = err_set(err, ERR_INVALID, 0,
			     "configuration %.19s has %zu bytes, its descriptor says %lld", digest,
			     out->len, (long long)manifest->config->size_bytes);
	return rc;
}

static int write_summary(const struct remote_image *image, const struct oci_manifest *manifest,
			 const struct buf *config_text, struct summary_view *view,
			 struct arena *arena, struct err *err)
{
	struct oci_image_config config = {0};
	struct docker_view docker = {0};
	const char *text = config_text->data != NULL ? config_text->data : "";

	int rc = json_parse(&oci_image_config_shape, text, config_text->len, arena, &config, err);
	if (rc == 0)
		rc = oci_image_config_check(&config, err);
	if (rc == 0)
		rc = json_parse(&docker_shape, text, config_text->len, arena, &docker, err);
	if (rc < 0)
		return err_wrap(err, rc, "image configuration");
	fill_config(&config, strcmp(image->media_type, DOCKER_MEDIA_MANIFEST) == 0, view);
	view->docker_version = docker.version != NULL ? docker.version : "";
	view->digest = image->top;
	return fill_layers(manifest, arena, view, err);
}

static int write_config(const struct buf *text, struct arena *arena, struct buf *out,
			struct err *err)
{
	struct oci_image_config config = {0};

	int rc = json_parse(&oci_image_config_shape, text->data != NULL ? text->data : "",
			    text->len, arena, &config, err);
	if (rc < 0)
		return err_wrap(err, rc, "image configuration");
	json_write(&oci_image_config_shape, &config, JSON_PRETTY, out);
	return 0;
}

struct inspection {
	const struct engine_remote *request;
	enum engine_remote_part part;
	bool tags;
	struct reference reference;
	struct remote remote;
	const char *warning;
};

static int show_image(struct inspection *inspection, struct arena *arena, struct buf *out,
		      struct err *err)
{
	REMOTE_IMAGE_AUTO(image);
	BUF_AUTO(config, REMOTE_DOCUMENT_MAX);
	const struct remote *remote = &inspection->remote;
	const char *platform = inspection->request->platform;
	struct oci_manifest manifest = {0};
	struct summary_view view = {.name = list_text(arena, "%s/%s", inspection->reference.domain,
						      inspection->reference.path)};
	bool raw = inspection->part == ENGINE_REMOTE_MANIFEST;

	int rc = view.name == NULL ? list_no_memory(err)
				   : remote_image_top(remote, arena, &image, err);
	if (rc == 0 && (!raw || platform != NULL))
		rc = remote_image_choose(remote, platform, arena, &image, err);
	if (rc < 0)
		return rc;
	if (raw) {
		const struct buf *text = remote_image_manifest(&image);
		buf_add(out, text->data, text->len);
		return 0;
	}
	rc = read_manifest(&image, arena, &manifest, err);
	if (rc == 0)
		rc = read_config(remote, &manifest, &config, err);
	if (rc == 0 && inspection->part == ENGINE_REMOTE_CONFIG_RAW)
		buf_add(out, config.data, config.len);
	if (rc < 0 || inspection->part == ENGINE_REMOTE_CONFIG_RAW)
		return rc;
	if (inspection->part == ENGINE_REMOTE_CONFIG)
		return write_config(&config, arena, out, err);
	rc = write_summary(&image, &manifest, &config, &view, arena, err);
	if (rc == 0 && inspection->tags)
		rc = read_tags(remote, arena, &view.tags, &inspection->warning, err);
	if (rc == 0)
		json_write(&summary_shape, &view, JSON_PRETTY, out);
	return rc;
}

int engine_remote_inspect(struct engine *engine, const struct engine_remote *request,
			  enum engine_remote_part part, bool tags, struct arena *arena,
			  struct buf *out, const char **ret_warning, struct err *err)
{
	ARENA_AUTO(documents, REMOTE_ARENA_MAX);
	struct inspection inspection = {
		.request = request, .part = part, .tags = tags, .remote = REMOTE_INIT};

	int rc = remote_image_open(engine, request, NULL, arena, &inspection.reference,
				   &inspection.remote, err);
	if (rc == 0)
		rc = show_image(&inspection, &documents, out, err);
	remote_done(&inspection.remote);
	*ret_warning = NULL;
	if (rc == 0 && inspection.warning != NULL)
		*ret_warning = arena_strndup(arena, inspection.warning, strlen(inspection.warning));
	return rc < 0 ? err_wrap(err, rc, "inspect 'docker://%.200s'", request->reference) : 0;
}
