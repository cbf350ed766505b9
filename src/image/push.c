#include "image/push.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/digest.h"
#include "image/limits.h"
#include "image/push_internal.h"
#include "image/records.h"
#include "store/wire.h"

#define STACK_BYTES ((size_t)1 << 20)

static int read_document(const struct push *push, const char *hex, struct buf *text,
			 const char *what, struct err *err)
{
	char path[96], found[65];

	(void)snprintf(path, sizeof(path), WIRE_BLOBS "/%.64s", hex);
	int rc = fd_read_regular_at(push->root_fd, path, text, err);
	if (rc == 0)
		rc = digest_of(text->data != NULL ? text->data : "", text->len, found, err);
	if (rc == 0 && strcmp(found, hex) != 0)
		rc = err_set(err, ERR_INVALID, EUCLEAN,
			     "its %s is damaged: remove the image and load or pull it again", what);
	return rc;
}

/* Whether the image's own manifest could be put as it is, were all that it names there. */
static bool own_fits(const struct push *push)
{
	const struct oci_manifest *own = &push->own;
	const char *type = own->media_type != NULL ? own->media_type : OCI_MEDIA_MANIFEST;
	bool docker = strcmp(type, DOCKER_MEDIA_MANIFEST) == 0;

	if (own->config == NULL || own->config->digest == NULL ||
	    own->layers.count != push->request.layers.count || strlen(type) >= WIRE_MEDIA_MAX ||
	    (!docker && strcmp(type, OCI_MEDIA_MANIFEST) != 0))
		return false;
	if (push->request.form != STORE_MANIFEST_KEPT &&
	    docker != (push->request.form == STORE_MANIFEST_V2S2))
		return false;
	for (size_t i = 0; i < own->layers.count; i++) {
		const struct oci_descriptor *layer = &own->layers.items[i];
		if (layer->media_type == NULL || layer->digest == NULL ||
		    !str_starts_with(layer->digest, "sha256:") || strlen(layer->digest) != 7 + 64)
			return false;
	}
	return true;
}

static int read_own(struct push *push, bool *ret_fits, struct err *err)
{
	*ret_fits = false;
	push->docker = push->request.form == STORE_MANIFEST_V2S2;
	if (push->request.manifest == NULL)
		return 0;
	int rc = read_document(push, push->request.manifest, &push->own_text, "manifest", err);
	if (rc == 0)
		rc = json_parse(&oci_manifest_shape,
				push->own_text.data != NULL ? push->own_text.data : "",
				push->own_text.len, &push->arena, &push->own, err);
	if (rc < 0)
		return rc;
	if (push->request.form == STORE_MANIFEST_KEPT && push->own.media_type != NULL)
		push->docker = strcmp(push->own.media_type, DOCKER_MEDIA_MANIFEST) == 0;
	*ret_fits = own_fits(push);
	return 0;
}

static bool is_same(const struct push_layer *one, const struct push_layer *other)
{
	return strcmp(one->asked->diff_id, other->asked->diff_id) == 0 &&
	       (one->own == NULL || strcmp(one->own->digest, other->own->digest) == 0);
}

static int list_layers(struct push *push, bool own, struct err *err)
{
	size_t count = push->request.layers.count;

	if (count > IMAGE_LAYERS_MAX)
		return err_set(err, ERR_INVALID, E2BIG, "%zu layers, more than %d", count,
			       IMAGE_LAYERS_MAX);
	push->layers = arena_alloc(&push->arena, (count + 1) * sizeof(*push->layers));
	if (push->layers == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "list layers");
	for (size_t i = 0; i < count; i++) {
		struct push_layer *layer = &push->layers[i];
		layer->asked = &push->request.layers.items[i];
		layer->own = own ? &push->own.layers.items[i] : NULL;
		layer->first = i;
		for (size_t j = i; j-- > 0;) {
			if (is_same(layer, &push->layers[j]))
				layer->first = push->layers[j].first;
		}
	}
	return 0;
}

static void *work(void *arg)
{
	struct push *push = arg;
	struct err err;

	while (!atomic_load(&push->failed)) {
		size_t number = atomic_fetch_add(&push->next, 1);
		if (number >= push->request.layers.count)
			break;
		struct push_layer *layer = &push->layers[number];
		if (layer->settled || layer->first != number || push->step(push, layer, &err) == 0)
			continue;
		(void)pthread_mutex_lock(&push->mutex);
		if (!atomic_exchange(&push->failed, true))
			push->err = err;
		(void)pthread_mutex_unlock(&push->mutex);
	}
	return NULL;
}

/* One step of all layers, on a few threads: most of the time they wait for the registry. */
static int each(struct push *push,
		int (*step)(struct push *push, struct push_layer *layer, struct err *err),
		struct err *err)
{
	pthread_t threads[IMAGE_THREADS_MAX];
	pthread_attr_t attr;
	size_t started = 0;

	push->step = step;
	atomic_store(&push->next, 0);
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	while (started + 1 < IMAGE_THREADS_MAX && started + 1 < push->request.layers.count &&
	       pthread_create(&threads[started], &attr, work, push) == 0)
		started++;
	(void)pthread_attr_destroy(&attr);
	(void)work(push);
	for (size_t i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	if (atomic_load(&push->failed)) {
		*err = push->err;
		return err->sys > 0 ? -err->sys : -EIO;
	}
	for (size_t i = 0; i < push->request.layers.count; i++) {
		size_t first = push->layers[i].first;
		const struct oci_descriptor *own = push->layers[i].own;
		push->layers[i] = push->layers[first];
		push->layers[i].own = own;
	}
	return 0;
}

/* Whether all layers are what the image's own manifest says. */
static bool is_own(const struct push *push)
{
	for (size_t i = 0; i < push->request.layers.count; i++) {
		const struct push_layer *layer = &push->layers[i];
		if (layer->own == NULL || !layer->settled ||
		    strcmp(layer->own->digest + strlen("sha256:"), layer->packed.digest) != 0 ||
		    layer->own->size_bytes != layer->packed.size_bytes)
			return false;
	}
	return true;
}

/*
 * First what the image's own manifest names. A layer that the registry lacks is packed, and may become the same again.
 * When another manifest is to be made, it names no blob by the word of that one alone.
 */
static int put_layers(struct push *push, bool own, struct err *err)
{
	int rc = own && !push->request.repack ? each(push, push_find_own, err) : 0;
	if (rc == 0)
		rc = each(push, push_send, err);
	if (rc < 0 || (own && is_own(push)))
		return rc;
	for (size_t i = 0; i < push->request.layers.count; i++)
		push->layers[i].settled = push->layers[i].proved;
	return each(push, push_send, err);
}

static int put_config(struct push *push, int64_t *ret_size, struct err *err)
{
	BUF_AUTO(text, IMAGE_DOCUMENT_BYTES_MAX);

	int rc = read_document(push, push->request.id, &text, "configuration", err);
	if (rc < 0)
		return rc;
	*ret_size = (int64_t)text.len;
	rc = deliver_have(&push->deliver, push->request.id, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	const struct deliver_document document = {
		.hex = push->request.id, .data = text.data, .size = text.len};
	return deliver_document(&push->deliver, &document, err);
}

static const char *digest_text(struct push *push, const char *hex)
{
	char text[80];

	(void)snprintf(text, sizeof(text), "sha256:%.64s", hex);
	return arena_strndup(&push->arena, text, strlen(text));
}

static int make_manifest(struct push *push, int64_t config_bytes, struct buf *text, struct err *err)
{
	size_t count = push->request.layers.count;
	struct oci_descriptor *layers = arena_alloc(&push->arena, (count + 1) * sizeof(*layers));
	struct oci_descriptor config = {.media_type = push->docker ? DOCKER_MEDIA_CONFIG
								   : OCI_MEDIA_CONFIG,
					.digest = digest_text(push, push->request.id),
					.size_bytes = config_bytes};
	struct oci_manifest manifest = {.schema_version = 2,
					.media_type = push->docker ? DOCKER_MEDIA_MANIFEST
								   : OCI_MEDIA_MANIFEST,
					.config = &config};

	if (layers == NULL || config.digest == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "describe the image");
	for (size_t i = 0; i < count; i++) {
		const struct push_layer *layer = &push->layers[i];
		layers[i].media_type = push_media_type(push, layer->packing);
		layers[i].digest = digest_text(push, layer->packed.digest);
		layers[i].size_bytes = layer->packed.size_bytes;
		if (layers[i].digest == NULL)
			return err_set(err, ERR_SYSTEM, ENOMEM, "describe the image");
	}
	manifest.layers.items = layers;
	manifest.layers.count = count;
	json_write(&oci_manifest_shape, &manifest, JSON_COMPACT, text);
	return buf_check(text, "the manifest", err);
}

static int put_manifest(struct push *push, bool own, int64_t config_bytes, struct err *err)
{
	const char *type = push->docker ? DOCKER_MEDIA_MANIFEST : OCI_MEDIA_MANIFEST;
	struct wire_record record = {.type = WIRE_IMAGE};
	BUF_AUTO(made, IMAGE_DOCUMENT_BYTES_MAX);
	const struct buf *text = own ? &push->own_text : &made;
	char hex[65];

	int rc = own ? 0 : make_manifest(push, config_bytes, &made, err);
	if (rc == 0)
		rc = digest_of(text->data, text->len, hex, err);
	if (rc < 0)
		return rc;
	const struct deliver_document document = {
		.hex = hex, .media_type = type, .data = text->data, .size = text->len};
	rc = deliver_document(&push->deliver, &document, err);
	(void)snprintf(record.hex, sizeof(record.hex), "%s", push->request.id);
	(void)snprintf(record.manifest, sizeof(record.manifest), "%s", hex);
	record.done_bytes = (int64_t)text->len;
	return rc < 0 ? rc : records_send(push->options->records_fd, &record, err);
}

static int tell_packed(const struct push *push, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < push->request.layers.count && rc == 0; i++) {
		const struct push_layer *layer = &push->layers[i];
		struct wire_record record = {.type = WIRE_PACKED,
					     .done_bytes = layer->packed.size_bytes};
		if (layer->first != i)
			continue;
		(void)snprintf(record.hex, sizeof(record.hex), "%s", layer->asked->diff_id);
		(void)snprintf(record.packed, sizeof(record.packed), "%s", layer->packed.digest);
		(void)snprintf(record.media_type, sizeof(record.media_type), "%s",
			       push_media_type(push, layer->packing));
		record.proved = layer->proved;
		rc = records_send(push->options->records_fd, &record, err);
	}
	return rc;
}

static int run(struct push *push, struct err *err)
{
	BUF_AUTO(text, WIRE_PUSH_BYTES_MAX);
	int64_t config_bytes = 0;
	bool own = false;

	int rc = fd_read_regular_at(push->root_fd, WIRE_PUSH_REQUEST, &text, err);
	if (rc == 0)
		rc = json_parse(&wire_push_shape, text.data, text.len, &push->arena, &push->request,
				err);
	if (rc == 0)
		rc = read_own(push, &own, err);
	if (rc == 0)
		rc = list_layers(push, own, err);
	if (rc == 0)
		rc = put_layers(push, own, err);
	if (rc == 0)
		rc = put_config(push, &config_bytes, err);
	if (rc == 0)
		rc = tell_packed(push, err);
	return rc < 0 ? rc : put_manifest(push, own && is_own(push), config_bytes, err);
}

int image_push(const struct push_options *options, struct err *err)
{
	auto_fd root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct push push = {
		.options = options,
		.root_fd = root,
		.arena = ARENA_INIT(IMAGE_ARENA_BYTES_MAX),
		.deliver = {.socket_fd = options->socket_fd, .mutex = PTHREAD_MUTEX_INITIALIZER},
		.own_text = BUF_INIT(IMAGE_DOCUMENT_BYTES_MAX),
		.mutex = PTHREAD_MUTEX_INITIALIZER};

	if (root < 0)
		return err_errno(err, "open the staging folder");
	int rc = run(&push, err);
	buf_done(&push.own_text);
	arena_done(&push.arena);
	return rc;
}
