#include "image/copy_push.h"

#include <stdio.h>
#include <string.h>

#include "image/deliver.h"
#include "image/digest.h"
#include "image/progress.h"
#include "image/records.h"
#include "image/stream.h"
#include "oci/document.h"

struct sending {
	const struct copy_push *push;
	struct deliver deliver;
	size_t number; /* of the running part */
};

static const struct copy_item *item_of(const struct sending *sending)
{
	return &sending->push->plan->items[sending->number];
}

static const char *hex_of(const struct copy_item *item)
{
	return item->descriptor.digest + strlen("sha256:");
}

static int tell(const struct sending *sending, enum wire_type type, int64_t done_bytes,
		struct err *err)
{
	const struct copy_item *item = item_of(sending);
	const int64_t bytes[2] = {done_bytes, item->descriptor.size_bytes};

	return records_layer(sending->push->records_fd, type, (uint32_t)sending->number,
			     hex_of(item), bytes, err);
}

static int pass_on(struct file_stream *file, struct deliver_body *body, struct err *err)
{
	int rc;

	while ((rc = stream_peek(&file->stream, err)) > 0) {
		rc = deliver_put(body, file->stream.at, file->stream.len, err);
		if (rc < 0)
			return rc;
		stream_take(&file->stream, file->stream.len);
	}
	return rc;
}

/* The end of a body is told by who calls this, and only of one that is what it should be. */
static int write_blob(void *arg, struct deliver_body *body, struct packed *ret_packed,
		      struct err *err)
{
	const struct sending *sending = arg;
	const struct copy_item *item = item_of(sending);
	struct progress progress = {.records_fd = sending->push->records_fd,
				    .layer = (uint32_t)sending->number,
				    .total_bytes = item->descriptor.size_bytes};
	struct archive_span span;
	struct file_stream file = {0};
	struct digest digest = {0};

	int rc = archive_find(sending->push->archive, item->member, &span, err);
	if (rc < 0)
		return rc;
	rc = digest_init(&digest, err);
	if (rc == 0)
		rc = file_stream_init(&file, span.fd, span.offset, item->descriptor.size_bytes,
				      err);
	file.digest = &digest;
	file.watch = progress_watch;
	file.watch_arg = &progress;
	if (rc == 0)
		rc = pass_on(&file, body, err);
	if (rc == 0) {
		digest_hex(&digest, ret_packed->digest);
		ret_packed->size_bytes = item->descriptor.size_bytes;
		if (strcmp(ret_packed->digest, hex_of(item)) != 0)
			rc = err_set(err, ERR_INVALID, 0, "it has the digest sha256:%s",
				     ret_packed->digest);
	}
	file_stream_done(&file);
	digest_done(&digest);
	archive_span_done(&span);
	return rc;
}

/* What a docker archive has no file for. */
static int send_text(struct sending *sending, struct err *err)
{
	const struct copy_item *item = item_of(sending);
	const struct deliver_document document = {
		.hex = hex_of(item), .data = item->text.data, .size = item->text.len};

	return deliver_document(&sending->deliver, &document, err);
}

static int send_blob(struct sending *sending, struct err *err)
{
	const struct copy_item *item = item_of(sending);
	struct packed packed;

	int rc = deliver_have(&sending->deliver, hex_of(item), err);
	if (rc == 0 && sending->push->mount)
		rc = deliver_mount(&sending->deliver, hex_of(item), 0, err);
	if (rc != 0)
		return rc < 0 ? rc : tell(sending, WIRE_KNOWN, item->descriptor.size_bytes, err);
	rc = tell(sending, WIRE_LAYER, 0, err);
	if (rc == 0 && item->text.data != NULL)
		rc = send_text(sending, err);
	else if (rc == 0)
		rc = deliver_blob(&sending->deliver, hex_of(item), write_blob, sending, &packed,
				  err);
	return rc < 0 ? rc : tell(sending, WIRE_DONE, item->descriptor.size_bytes, err);
}

static int send_document(struct sending *sending, struct err *err)
{
	const struct copy_item *item = item_of(sending);
	const struct deliver_document document = {.hex = hex_of(item),
						  .media_type = item->descriptor.media_type,
						  .part = sending->number + 1 <
							  sending->push->plan->count,
						  .data = item->text.data,
						  .size = item->text.len};

	return deliver_document(&sending->deliver, &document, err);
}

int copy_push(const struct copy_push *push, struct err *err)
{
	struct sending sending = {
		.push = push,
		.deliver = {.socket_fd = push->socket_fd, .mutex = PTHREAD_MUTEX_INITIALIZER}};
	int rc = 0;

	for (; rc == 0 && sending.number < push->plan->count; sending.number++) {
		const struct oci_descriptor *descriptor = &item_of(&sending)->descriptor;
		bool document = oci_is_index(descriptor->media_type) ||
				oci_is_manifest(descriptor->media_type);
		rc = document ? send_document(&sending, err) : send_blob(&sending, err);
		if (rc < 0)
			err_wrap(err, rc, "%s %.19s", document ? "document" : "blob",
				 descriptor->digest);
	}
	return rc;
}
