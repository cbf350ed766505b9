/* How one layer comes into the registry. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "image/assemble.h"
#include "image/progress.h"
#include "image/push_internal.h"
#include "image/records.h"

enum store_packing push_packing_of(const char *media_type)
{
	if (strstr(media_type, "zstd") != NULL)
		return STORE_PACKING_ZSTD;
	return strstr(media_type, "gzip") != NULL ? STORE_PACKING_GZIP : STORE_PACKING_NONE;
}

const char *push_media_type(const struct push *push, enum store_packing packing)
{
	static const char *const oci[] = {OCI_MEDIA_LAYER, OCI_MEDIA_LAYER_GZIP,
					  OCI_MEDIA_LAYER_ZSTD};
	static const char *const docker[] = {DOCKER_MEDIA_LAYER, DOCKER_MEDIA_LAYER_GZIP,
					     OCI_MEDIA_LAYER_ZSTD};

	return (push->docker ? docker : oci)[packing];
}

static int tell(const struct push *push, const struct push_layer *layer, enum wire_type type,
		uint32_t from, struct err *err)
{
	struct wire_record record = {.type = type,
				     .layer = (uint32_t)layer->first,
				     .done_bytes = layer->packed.size_bytes,
				     .total_bytes = layer->packed.size_bytes};

	(void)snprintf(record.hex, sizeof(record.hex), "%s", layer->asked->diff_id);
	record.from = from;
	return records_send(push->options->records_fd, &record, err);
}

/* Where a repository stands among those to mount from; negative: it does not. */
static int number_of(const struct push *push, const char *repository)
{
	const json_strings *all = &push->request.repositories;

	for (size_t i = 0; i < all->count; i++) {
		if (strcmp(all->items[i], repository) == 0)
			return (int)i;
	}
	return -1;
}

/* 1: from one of them. */
static int mount_any(struct push *push, const char *hex, const json_strings *from,
		     uint32_t *ret_number, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < from->count && rc == 0; i++) {
		int number = number_of(push, from->items[i]);
		if (number < 0)
			continue;
		*ret_number = (uint32_t)number;
		rc = deliver_mount(&push->deliver, hex, (uint32_t)number, err);
	}
	return rc;
}

/* The layer's known form of that digest; NULL: it is not known. */
static const struct wire_push_blob *known_blob(const struct push_layer *layer, const char *hex)
{
	for (size_t i = 0; i < layer->asked->blobs.count; i++) {
		if (strcmp(layer->asked->blobs.items[i].digest, hex) == 0)
			return &layer->asked->blobs.items[i];
	}
	return NULL;
}

/* 1: the registry has the blob, and the layer is settled. */
static int find_blob(struct push *push, struct push_layer *layer, const struct packed *blob,
		     const json_strings *from, struct err *err)
{
	const struct wire_push_blob *known = known_blob(layer, blob->digest);
	enum wire_type type = WIRE_KNOWN;
	uint32_t number = 0;

	int rc = deliver_have(&push->deliver, blob->digest, err);
	if (rc == 0) {
		type = WIRE_MOUNTED;
		rc = mount_any(push, blob->digest, from, &number, err);
	}
	if (rc == 0 && known != NULL)
		rc = mount_any(push, blob->digest, &known->repositories, &number, err);
	if (rc <= 0)
		return rc;
	layer->packed = *blob;
	layer->proved = known != NULL;
	layer->settled = true;
	rc = tell(push, layer, type, number, err);
	return rc < 0 ? rc : 1;
}

int push_find_own(struct push *push, struct push_layer *layer, struct err *err)
{
	struct packed blob = {.size_bytes = layer->own->size_bytes};

	(void)str_copy(blob.digest, sizeof(blob.digest), layer->own->digest + strlen("sha256:"));
	layer->packing = push_packing_of(layer->own->media_type);
	int rc = find_blob(push, layer, &blob, &push->request.origins, err);
	return rc < 0 ? rc : 0;
}

/* Whether a known form may stand in the manifest that is made. */
static bool is_usable(const struct push *push, const struct push_layer *layer,
		      enum store_packing packing)
{
	if (push->docker && packing == STORE_PACKING_ZSTD)
		return false;
	return packing == layer->packing || !push->request.repack;
}

static int find_any(struct push *push, struct push_layer *layer, struct err *err)
{
	const json_strings nowhere = {0};
	int rc = 0;

	for (size_t i = 0; i < layer->asked->blobs.count && rc == 0; i++) {
		const struct wire_push_blob *known = &layer->asked->blobs.items[i];
		enum store_packing packing = push_packing_of(known->media_type);
		struct packed blob = {.size_bytes = known->size_bytes};
		if (!is_usable(push, layer, packing))
			continue;
		(void)str_copy(blob.digest, sizeof(blob.digest), known->digest);
		rc = find_blob(push, layer, &blob, &nowhere, err);
		if (rc > 0)
			layer->packing = packing;
	}
	return rc;
}

struct sending {
	struct push *push;
	struct push_layer *layer;
	struct stream *from;
	struct progress progress;
	struct deliver_body *body;
};

static int put(void *arg, const void *data, size_t size, struct err *err)
{
	struct sending *sending = arg;
	int rc = deliver_put(sending->body, data, size, err);

	return rc < 0 ? rc : progress_watch(&sending->progress, sending->from->taken, err);
}

/* From the layer's tree and headers, each time that it is wanted. */
static int write_layer(void *arg, struct deliver_body *body, struct packed *ret_packed,
		       struct err *err)
{
	struct sending *sending = arg;
	struct push *push = sending->push;
	struct assemble *assemble;
	const struct pack pack = {.packing = sending->layer->packing,
				  .level = push->request.level,
				  .put = put,
				  .arg = sending};

	int rc = assemble_open(push->options->input_fd, sending->layer->asked->diff_id, &assemble,
			       err);
	if (rc < 0)
		return rc;
	sending->body = body;
	sending->from = assemble_stream(assemble);
	sending->progress.told_bytes = 0;
	sending->progress.total_bytes = assemble_size(assemble);
	const int64_t bytes[2] = {0, sending->progress.total_bytes};
	rc = records_layer(push->options->records_fd, WIRE_LAYER, sending->progress.layer,
			   sending->layer->asked->diff_id, bytes, err);
	if (rc == 0)
		rc = pack_stream(sending->from, &pack, ret_packed, err);
	assemble_close(assemble);
	return rc;
}

int push_send(struct push *push, struct push_layer *layer, struct err *err)
{
	struct sending sending = {
		.push = push,
		.layer = layer,
		.progress = {.records_fd = push->options->records_fd,
			     .layer = (uint32_t)layer->first,
			     .stop = &push->failed},
	};

	/* Packed as it was before, it may become the same blob again. */
	layer->packing = push->request.packing;
	if (layer->own != NULL && !push->request.repack &&
	    push_packing_of(layer->own->media_type) != STORE_PACKING_NONE)
		layer->packing = push_packing_of(layer->own->media_type);
	int rc = find_any(push, layer, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = deliver_blob(&push->deliver, NULL, write_layer, &sending, &layer->packed, err);
	if (rc < 0)
		return err_wrap(err, rc, "layer sha256:%s", layer->asked->diff_id);
	layer->settled = true;
	layer->proved = true;
	return tell(push, layer, WIRE_DONE, 0, err);
}
