#include "image/save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/assemble.h"
#include "image/digest.h"
#include "image/limits.h"
#include "image/pack.h"
#include "image/save_internal.h"
#include "store/wire.h"

#define SPOOL_NAME "spool"

static bool is_docker_dir(const struct save *save)
{
	return save->request.form == STORE_FORM_DOCKER_DIR;
}

const char *save_blob_name(const struct save *save, const char *digest, char name[SAVE_NAME_MAX])
{
	(void)snprintf(name, SAVE_NAME_MAX, "%s%.64s", is_docker_dir(save) ? "" : "blobs/sha256/",
		       digest);
	return name;
}

int save_blob(struct save *save, const char *digest, const char *data, size_t size, struct err *err)
{
	char name[SAVE_NAME_MAX];

	return sink_put(&save->sink, save_blob_name(save, digest, name), data, size, err);
}

static struct save_layer *find_layer(const struct save *save, const char *diff_id)
{
	for (size_t i = 0; i < save->layer_count; i++) {
		if (strcmp(save->layers[i].diff_id, diff_id) == 0)
			return &save->layers[i];
	}
	return NULL;
}

const char *save_packed(const struct save *save, const char *diff_id)
{
	return find_layer(save, diff_id)->packed.digest;
}

/* A packed layer's name and size are known once it is packed: it is written aside first. */
static int put_packed(struct save *save, struct stream *from, struct packed *ret_packed,
		      struct err *err)
{
	char name[SAVE_NAME_MAX];
	struct file_stream file;
	auto_fd fd = openat(save->root_fd, SPOOL_NAME,
			    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_errno(err, "make room for a packed layer");
	(void)unlinkat(save->root_fd, SPOOL_NAME, 0);
	const struct pack pack = {
		.packing = save->request.packing, .put = pack_into_file, .arg = &fd};
	int rc = pack_stream(from, &pack, ret_packed, err);
	if (rc == 0)
		rc = file_stream_init(&file, fd, 0, ret_packed->size_bytes, err);
	if (rc < 0)
		return rc;
	rc = sink_copy(&save->sink, save_blob_name(save, ret_packed->digest, name),
		       ret_packed->size_bytes, &file.stream, err);
	file_stream_done(&file);
	return rc;
}

static int put_layer(struct save *save, const char *diff_id, struct err *err)
{
	struct save_layer layer = {.diff_id = diff_id};
	struct assemble *assemble;
	char name[SAVE_NAME_MAX];

	int rc = assemble_open(save->input_fd, diff_id, &assemble, err);
	if (rc < 0)
		return rc;
	struct stream *from = assemble_stream(assemble);
	if (save->request.packing != STORE_PACKING_NONE) {
		rc = put_packed(save, from, &layer.packed, err);
	} else {
		layer.packed.size_bytes = assemble_size(assemble);
		memcpy(layer.packed.digest, diff_id, sizeof(layer.packed.digest));
		rc = sink_copy(&save->sink, save_blob_name(save, diff_id, name),
			       layer.packed.size_bytes, from, err);
	}
	assemble_close(assemble);
	save->layers[save->layer_count++] = layer;
	return rc;
}

/* Every layer once, whichever images share it. */
static int put_layers(struct save *save, struct err *err)
{
	size_t total = 0;

	for (size_t i = 0; i < save->request.images.count; i++)
		total += save->request.images.items[i].layers.count;
	if (total > IMAGE_TOTAL_LAYERS_MAX)
		return err_set(err, ERR_INVALID, E2BIG, "%zu layers at once, more than %d", total,
			       IMAGE_TOTAL_LAYERS_MAX);
	save->layers = arena_alloc(&save->arena, (total + 1) * sizeof(*save->layers));
	if (save->layers == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "list layers");
	int rc = 0;
	for (size_t i = 0; i < save->request.images.count && rc == 0; i++) {
		const json_strings *layers = &save->request.images.items[i].layers;
		for (size_t j = 0; j < layers->count && rc == 0; j++) {
			if (find_layer(save, layers->items[j]) == NULL)
				rc = put_layer(save, layers->items[j], err);
		}
	}
	return rc;
}

/* A staged document, which must have its digest as it has in the store. */
static int read_blob(const struct save *save, const char *hex, struct buf *text, const char *what,
		     struct err *err)
{
	char path[96], found[65];

	(void)snprintf(path, sizeof(path), WIRE_BLOBS "/%.64s", hex);
	int rc = fd_read_regular_at(save->root_fd, path, text, err);
	if (rc == 0)
		rc = digest_of(text->data, text->len, found, err);
	if (rc == 0 && strcmp(found, hex) != 0)
		rc = err_set(err, ERR_INVALID, EUCLEAN,
			     "its %s is damaged: remove the image and load or pull it again", what);
	return rc;
}

static int put_config(struct save *save, const struct wire_save_image *image, int64_t *ret_size,
		      struct err *err)
{
	BUF_AUTO(text, IMAGE_DOCUMENT_BYTES_MAX);

	int rc = read_blob(save, image->id, &text, "configuration", err);
	if (rc < 0)
		return rc;
	*ret_size = (int64_t)text.len;
	return save_blob(save, image->id, text.data, text.len, err);
}

/* The layers' descriptors, in the arena. */
static int describe_layers(struct save *save, const struct wire_save_image *image,
			   struct oci_manifest *manifest, struct err *err)
{
	static const char *const oci[] = {OCI_MEDIA_LAYER, OCI_MEDIA_LAYER_GZIP,
					  OCI_MEDIA_LAYER_ZSTD};
	static const char *const docker[] = {DOCKER_MEDIA_LAYER, DOCKER_MEDIA_LAYER_GZIP,
					     OCI_MEDIA_LAYER_ZSTD};
	size_t count = image->layers.count;
	struct oci_descriptor *items = arena_alloc(&save->arena, (count + 1) * sizeof(*items));

	if (items == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "describe layers");
	for (size_t i = 0; i < count; i++) {
		const struct save_layer *layer = find_layer(save, image->layers.items[i]);
		items[i].media_type = (is_docker_dir(save) ? docker : oci)[save->request.packing];
		items[i].digest = save_digest(save, layer->packed.digest);
		items[i].size_bytes = layer->packed.size_bytes;
		if (items[i].digest == NULL)
			return err_set(err, ERR_SYSTEM, ENOMEM, "describe layers");
	}
	manifest->layers.items = items;
	manifest->layers.count = count;
	return 0;
}

const char *save_digest(struct save *save, const char *hex)
{
	char text[80];

	(void)snprintf(text, sizeof(text), "sha256:%.64s", hex);
	return arena_strndup(&save->arena, text, strlen(text));
}

static bool same_blob(const struct oci_descriptor *one, const struct oci_descriptor *other)
{
	return one->size_bytes == other->size_bytes && strcmp(one->digest, other->digest) == 0 &&
	       strcmp(one->media_type, other->media_type) == 0;
}

/* Whether the manifest that the image came with says the same of the same blobs. */
static bool manifest_fits(struct save *save, const struct buf *text,
			  const struct oci_manifest *made)
{
	struct oci_manifest had;
	struct err ignored;

	if (json_parse(&oci_manifest_shape, text->data, text->len, &save->arena, &had, &ignored) <
		    0 ||
	    had.layers.count != made->layers.count || !same_blob(had.config, made->config) ||
	    (had.media_type != NULL && strcmp(had.media_type, made->media_type) != 0))
		return false;
	for (size_t i = 0; i < made->layers.count; i++) {
		if (!same_blob(&had.layers.items[i], &made->layers.items[i]))
			return false;
	}
	return true;
}

/* The image's own manifest where it fits, so that its digest and annotations stay; else a new one. */
static int choose_manifest(struct save *save, const struct wire_save_image *image,
			   const struct oci_manifest *made, struct buf *text, struct err *err)
{
	if (image->manifest != NULL) {
		int rc = read_blob(save, image->manifest, text, "manifest", err);
		if (rc < 0 || manifest_fits(save, text, made))
			return rc;
		buf_clear(text);
	}
	json_write(&oci_manifest_shape, made, JSON_COMPACT, text);
	return buf_check(text, "the manifest", err);
}

static int put_image(struct save *save, const struct wire_save_image *image,
		     struct save_image *ret_image, struct err *err)
{
	struct oci_descriptor config = {.media_type = is_docker_dir(save) ? DOCKER_MEDIA_CONFIG
									  : OCI_MEDIA_CONFIG,
					.digest = save_digest(save, image->id)};
	struct oci_manifest manifest = {.schema_version = 2,
					.media_type = is_docker_dir(save) ? DOCKER_MEDIA_MANIFEST
									  : OCI_MEDIA_MANIFEST,
					.config = &config};
	BUF_AUTO(text, IMAGE_DOCUMENT_BYTES_MAX);

	if (config.digest == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "describe the image");
	int rc = put_config(save, image, &config.size_bytes, err);
	if (rc == 0)
		rc = describe_layers(save, image, &manifest, err);
	if (rc == 0)
		rc = choose_manifest(save, image, &manifest, &text, err);
	if (rc == 0)
		rc = digest_of(text.data, text.len, ret_image->manifest, err);
	if (rc < 0)
		return rc;
	ret_image->manifest_bytes = (int64_t)text.len;
	if (is_docker_dir(save))
		return sink_put(&save->sink, "manifest.json", text.data, text.len, err);
	return save_blob(save, ret_image->manifest, text.data, text.len, err);
}

static int put_all(struct save *save, struct err *err)
{
	size_t count = save->request.images.count;
	int rc = 0;

	save->images = arena_alloc(&save->arena, (count + 1) * sizeof(*save->images));
	if (save->images == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "save images");
	if (!is_docker_dir(save)) {
		rc = sink_folder(&save->sink, "blobs", err);
		if (rc == 0)
			rc = sink_folder(&save->sink, "blobs/sha256", err);
	}
	if (rc == 0)
		rc = put_layers(save, err);
	for (size_t i = 0; i < count && rc == 0; i++) {
		const struct wire_save_image *image = &save->request.images.items[i];
		rc = put_image(save, image, &save->images[i], err);
		if (rc < 0)
			err_wrap(err, rc, "image %.12s", image->id);
	}
	if (rc == 0)
		rc = save_documents(save, err);
	return rc < 0 ? rc : sink_end(&save->sink, err);
}

static int read_request(struct save *save, struct err *err)
{
	BUF_AUTO(text, WIRE_SAVE_BYTES_MAX);

	int rc = fd_read_regular_at(save->root_fd, WIRE_SAVE_REQUEST, &text, err);
	if (rc == 0)
		rc = json_parse(&wire_save_shape, text.data, text.len, &save->arena, &save->request,
				err);
	return rc;
}

int image_save(const struct save_options *options, struct err *err)
{
	auto_fd root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct save save = {.root_fd = root,
			    .input_fd = options->input_fd,
			    .arena = ARENA_INIT(IMAGE_ARENA_BYTES_MAX)};

	if (root < 0)
		return err_errno(err, "open the staging folder");
	int rc = sink_init(&save.sink, options->output_fd, err);
	if (rc < 0)
		return rc;
	rc = read_request(&save, err);
	if (rc == 0)
		rc = put_all(&save, err);
	sink_done(&save.sink);
	arena_done(&save.arena);
	return rc;
}
