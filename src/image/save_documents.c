#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "image/limits.h"
#include "image/save_internal.h"
#include "store/reference.h"

#define ANNOTATION_NAME "io.containerd.image.name"
#define ANNOTATION_REF  "org.opencontainers.image.ref.name"

static int no_memory(struct err *err)
{
	return err_set(err, ERR_SYSTEM, ENOMEM, "describe images");
}

static int put_document(struct save *save, const char *name, const struct buf *text,
			struct err *err)
{
	int rc = buf_check(text, name, err);

	return rc < 0 ? rc : sink_put(&save->sink, name, text->data, text->len, err);
}

/* One descriptor for each name, and for an image without any. name: NULL without. */
static int describe(struct save *save, const struct save_image *image, const char *name,
		    struct oci_descriptor *descriptor, struct err *err)
{
	struct json_pair *pairs = arena_alloc(&save->arena, 2 * sizeof(*pairs));
	struct reference ref;

	*descriptor = (struct oci_descriptor){.media_type = OCI_MEDIA_MANIFEST,
					      .digest = save_digest(save, image->manifest),
					      .size_bytes = image->manifest_bytes};
	if (descriptor->digest == NULL || pairs == NULL)
		return no_memory(err);
	if (name == NULL)
		return 0;
	int rc = reference_parse(name, &ref, err);
	if (rc < 0)
		return rc;
	pairs[0] = (struct json_pair){ANNOTATION_NAME, name};
	pairs[1] = (struct json_pair){ANNOTATION_REF,
				      arena_strndup(&save->arena, ref.tag, strlen(ref.tag))};
	descriptor->annotations.items = pairs;
	descriptor->annotations.count = 2;
	return pairs[1].value != NULL ? 0 : no_memory(err);
}

static int put_index(struct save *save, struct err *err)
{
	struct oci_index index = {.schema_version = 2, .media_type = OCI_MEDIA_INDEX};
	BUF_AUTO(text, IMAGE_DOCUMENT_BYTES_MAX);
	size_t room = 0;

	for (size_t i = 0; i < save->request.images.count; i++)
		room += save->request.images.items[i].names.count + 1;
	index.manifests.items =
		arena_alloc(&save->arena, (room + 1) * sizeof(*index.manifests.items));
	if (index.manifests.items == NULL)
		return no_memory(err);
	for (size_t i = 0; i < save->request.images.count; i++) {
		const json_strings *names = &save->request.images.items[i].names;
		for (size_t n = 0; n == 0 || n < names->count; n++) {
			int rc = describe(save, &save->images[i],
					  names->count > 0 ? names->items[n] : NULL,
					  &index.manifests.items[index.manifests.count++], err);
			if (rc < 0)
				return rc;
		}
	}
	json_write(&oci_index_shape, &index, JSON_COMPACT, &text);
	return put_document(save, "index.json", &text, err);
}

/* How Docker lists an image: the names as people write them, the files of the archive. */
static int list_image(struct save *save, const struct wire_save_image *image,
		      struct oci_docker_archive_image *item, struct err *err)
{
	char text[REFERENCE_TEXT_MAX];
	struct reference ref;
	const char **names = arena_alloc(&save->arena, (image->names.count + 1) * sizeof(*names));
	const char **layers =
		arena_alloc(&save->arena, (image->layers.count + 1) * sizeof(*layers));

	(void)save_blob_name(save, image->id, text);
	item->config = arena_strndup(&save->arena, text, strlen(text));
	if (names == NULL || layers == NULL || item->config == NULL)
		return no_memory(err);
	for (size_t i = 0; i < image->names.count; i++) {
		int rc = reference_parse(image->names.items[i], &ref, err);
		if (rc < 0)
			return rc;
		(void)reference_familiar(&ref, text);
		names[i] = arena_strndup(&save->arena, text, strlen(text));
		if (names[i] == NULL)
			return no_memory(err);
	}
	for (size_t i = 0; i < image->layers.count; i++) {
		(void)save_blob_name(save, save_packed(save, image->layers.items[i]), text);
		layers[i] = arena_strndup(&save->arena, text, strlen(text));
		if (layers[i] == NULL)
			return no_memory(err);
	}
	item->repo_tags = (json_strings){names, image->names.count};
	item->layers = (json_strings){layers, image->layers.count};
	return 0;
}

static int put_docker_list(struct save *save, struct err *err)
{
	size_t count = save->request.images.count;
	oci_docker_archive list = {
		.items = arena_alloc(&save->arena, (count + 1) * sizeof(*list.items)),
		.count = count};
	BUF_AUTO(text, IMAGE_DOCUMENT_BYTES_MAX);

	if (list.items == NULL)
		return no_memory(err);
	for (size_t i = 0; i < count; i++) {
		int rc = list_image(save, &save->request.images.items[i], &list.items[i], err);
		if (rc < 0)
			return rc;
	}
	json_write_list(&oci_docker_archive_image_shape, &list, JSON_COMPACT, &text);
	return put_document(save, "manifest.json", &text, err);
}

int save_documents(struct save *save, struct err *err)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"" OCI_LAYOUT_VERSION "\"}";
	static const char version[] = "Directory Transport Version: 1.1\n";

	if (save->request.form == STORE_FORM_DOCKER_DIR)
		return sink_put(&save->sink, "version", version, strlen(version), err);
	int rc = put_index(save, err);
	if (rc == 0 && save->request.form == STORE_FORM_DOCKER_ARCHIVE)
		rc = put_docker_list(save, err);
	return rc < 0 ? rc : sink_put(&save->sink, "oci-layout", layout, strlen(layout), err);
}
