#include "engine/remote.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/spec/list.h"
#include "oci/document.h"
#include "oci/platform.h"

int remote_image_open(struct engine *engine, const struct engine_remote *request,
		      const json_strings *options, struct arena *arena,
		      struct reference *ret_reference, struct remote *ret_remote, struct err *err)
{
	char full[REFERENCE_TEXT_MAX];
	struct remote_start start = {.verb = "serve", .reference = full};

	int rc = reference_parse(request->reference, ret_reference, err);
	if (rc < 0)
		return rc;
	if (ret_reference->digest[0] != '\0')
		ret_reference->tag[0] = '\0'; /* the digest says more */
	(void)reference_full(ret_reference, full);
	rc = registry_check_online(engine, full, err);
	if (rc == 0)
		rc = registry_options(&request->access, arena, &start.options, &start.password,
				      err);
	for (size_t i = 0; rc == 0 && options != NULL && i < options->count; i++)
		rc = list_push_text(&start.options, options->items[i], arena, err);
	if (rc == 0)
		rc = paths_find_program(engine, "corten-remote", arena, &start.program, err);
	return rc < 0 ? rc : remote_start(&start, ret_remote, err);
}

void remote_image_done(struct remote_image *image)
{
	buf_done(&image->top_text);
	buf_done(&image->text);
}

const struct buf *remote_image_manifest(const struct remote_image *image)
{
	return image->text.len > 0 ? &image->text : &image->top_text;
}

/* A document by its descriptor, of which nothing is believed. */
static int read_document(const struct remote *remote, const struct oci_descriptor *descriptor,
			 struct arena *arena, struct buf *out, struct err *err)
{
	const char *hex = descriptor->digest + strlen("sha256:");

	if (strncmp(descriptor->digest, "sha256:", strlen("sha256:")) != 0 ||
	    !reference_is_hex64(hex))
		return err_set(err, ERR_UNSUPPORTED, 0, "digest '%.100s': only sha256 is supported",
			       descriptor->digest);
	buf_clear(out);
	int rc = remote_read(remote, WIRE_ASK_MANIFEST, hex, out, err);
	if (rc == 0 && (int64_t)out->len != descriptor->size_bytes)
		rc = err_set(err, ERR_INVALID, 0, "it has %zu bytes, its descriptor says %lld",
			     out->len, (long long)descriptor->size_bytes);
	if (rc == 0)
		rc = oci_document_check(out->data != NULL ? out->data : "", out->len,
					oci_is_index(descriptor->media_type),
					descriptor->media_type, arena, err);
	return rc < 0 ? err_wrap(err, rc, "document %.19s", descriptor->digest) : 0;
}

int remote_image_top(const struct remote *remote, struct arena *arena, struct remote_image *image,
		     struct err *err)
{
	BUF_AUTO(text, REMOTE_DOCUMENT_MAX);
	struct oci_index index = {0};

	int rc = remote_read(remote, WIRE_ASK_INDEX, NULL, &text, err);
	if (rc == 0)
		rc = json_parse(&oci_index_shape, text.data != NULL ? text.data : "", text.len,
				arena, &index, err);
	if (rc == 0)
		rc = oci_index_check(&index, err);
	if (rc < 0)
		return rc;
	const struct oci_descriptor *top = index.manifests.items;
	if (top == NULL || index.manifests.count != 1 || strlen(top->digest) >= sizeof(image->top))
		return err_set(err, ERR_INVALID, EPROTO, "corten-remote named no one document");
	image->top_type = top->media_type;
	image->media_type = top->media_type;
	(void)snprintf(image->top, sizeof(image->top), "%s", top->digest);
	(void)snprintf(image->digest, sizeof(image->digest), "%s", top->digest);
	return read_document(remote, top, arena, &image->top_text, err);
}

int remote_image_choose(const struct remote *remote, const char *platform, struct arena *arena,
			struct remote_image *image, struct err *err)
{
	const struct buf *at = &image->top_text;
	struct platform wanted;

	int rc = platform_parse(platform, &wanted, err);
	for (int depth = 0; rc == 0 && oci_is_index(image->media_type); depth++) {
		struct oci_index index = {0};
		if (depth == REMOTE_DEPTH_MAX)
			return err_set(err, ERR_INVALID, ELOOP, "indexes nested deeper than %d",
				       REMOTE_DEPTH_MAX);
		rc = json_parse(&oci_index_shape, at->data, at->len, arena, &index, err);
		if (rc == 0)
			rc = oci_index_check(&index, err);
		if (rc < 0)
			return err_wrap(err, rc, "index %.19s", image->digest);
		const struct oci_descriptor *best = platform_choose(&wanted, &index);
		if (best == NULL)
			return err_set(err, ERR_NOT_FOUND, 0, "no image for %s/%s%s%s in it",
				       wanted.os, wanted.architecture,
				       wanted.variant[0] != '\0' ? "/" : "", wanted.variant);
		image->media_type = best->media_type;
		(void)snprintf(image->digest, sizeof(image->digest), "%s", best->digest);
		rc = read_document(remote, best, arena, &image->text, err);
		at = &image->text;
	}
	return rc;
}
