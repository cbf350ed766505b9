#include "image/copy_plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "image/descriptor.h"
#include "image/limits.h"
#include "oci/document.h"
#include "store/reference.h"

#define NAME_KEY            "org.opencontainers.image.ref.name"
#define CONTAINERD_NAME_KEY "io.containerd.image.name"

struct reader {
	const struct archive *archive;
	const struct copy_wish *wish;
	struct copy_plan *plan;
	size_t nodes;
};

int copy_plan_full(struct err *err)
{
	return err_set(err, ERR_INVALID, ENOMEM,
		       "the image's documents are larger than %zu bytes together",
		       IMAGE_ARENA_BYTES_MAX);
}

int copy_plan_add(struct copy_plan *plan, const struct copy_item *item, bool *ret_new,
		  struct err *err)
{
	size_t count = plan->count;

	for (size_t i = 0; i < count; i++) {
		const struct oci_descriptor *have = &plan->items[i].descriptor;
		if (strcmp(have->digest, item->descriptor.digest) != 0)
			continue;
		if (ret_new != NULL)
			*ret_new = false;
		if (have->size_bytes != item->descriptor.size_bytes)
			return err_set(err, ERR_INVALID, 0,
				       "%s is said to have %lld bytes, and %lld", have->digest,
				       (long long)have->size_bytes,
				       (long long)item->descriptor.size_bytes);
		return 0;
	}
	if (count >= IMAGE_COPY_ITEMS_MAX)
		return err_set(err, ERR_INVALID, E2BIG, "more than %d blobs", IMAGE_COPY_ITEMS_MAX);
	/* An array in the arena doubles when its count is a power of two. */
	if ((count & (count - 1)) == 0) {
		struct copy_item *more =
			arena_alloc(&plan->arena, (count == 0 ? 1 : 2 * count) * sizeof(*more));
		if (more == NULL)
			return copy_plan_full(err);
		if (count > 0)
			memcpy(more, plan->items, count * sizeof(*more));
		plan->items = more;
	}
	struct copy_item *added = &plan->items[plan->count++];
	*added = *item;
	if (item->member != NULL) {
		added->member = arena_strndup(&plan->arena, item->member, strlen(item->member));
		if (added->member == NULL)
			return copy_plan_full(err);
	}
	if (ret_new != NULL)
		*ret_new = true;
	return 0;
}

static int add_blob(struct reader *reader, const struct oci_descriptor *descriptor, struct err *err)
{
	char member[ARCHIVE_MEMBER_MAX];
	const struct copy_item item = {.descriptor = *descriptor, .member = member};

	/* As a blob it would be fetched as a document, and be unchecked. */
	if (oci_is_index(descriptor->media_type) || oci_is_manifest(descriptor->media_type))
		return err_set(err, ERR_INVALID, EINVAL, "a blob of media type '%.100s'",
			       descriptor->media_type);
	int rc = descriptor_find(reader->archive, descriptor, member, err);
	return rc < 0 ? rc : copy_plan_add(reader->plan, &item, NULL, err);
}

static int read_manifest(struct reader *reader, const struct oci_descriptor *descriptor,
			 const struct archive_text *text, struct err *err)
{
	struct arena *arena = &reader->plan->arena;
	struct oci_manifest *manifest = arena_alloc(arena, sizeof(*manifest));

	if (manifest == NULL)
		return copy_plan_full(err);
	int rc = json_parse(&oci_manifest_shape, text->data, text->len, arena, manifest, err);
	if (rc == 0)
		rc = oci_manifest_check(manifest, err);
	if (rc == 0)
		rc = add_blob(reader, manifest->config, err);
	for (size_t i = 0; rc == 0 && i < manifest->layers.count; i++) {
		rc = add_blob(reader, &manifest->layers.items[i], err);
		if (rc < 0)
			err_wrap(err, rc, "layer %zu", i);
	}
	reader->plan->manifest = manifest;
	return rc < 0 ? err_wrap(err, rc, "manifest %.19s", descriptor->digest) : 0;
}

static int read_item(struct reader *reader, const struct oci_descriptor *descriptor, int depth,
		     struct err *err);

static int read_all(struct reader *reader, const struct oci_index *index, int depth,
		    struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < index->manifests.count; i++) {
		const struct oci_descriptor *item = &index->manifests.items[i];
		if (!oci_is_index(item->media_type) && !oci_is_manifest(item->media_type))
			rc = err_set(err, ERR_UNSUPPORTED, 0,
				     "media type '%.100s' is neither a manifest's nor an index's",
				     item->media_type);
		else
			rc = read_item(reader, item, depth + 1, err);
	}
	return rc;
}

/* The one for the platform. */
static int read_best(struct reader *reader, const struct oci_index *index, int depth,
		     struct err *err)
{
	const struct platform *platform = &reader->wish->platform;
	const struct oci_descriptor *best = platform_choose(platform, index);

	if (best == NULL)
		return err_set(err, ERR_NOT_FOUND, 0,
			       "no image for %s/%s in it: --platform names another, --all takes "
			       "all",
			       platform->os, platform->architecture);
	return read_item(reader, best, depth + 1, err);
}

static int read_index(struct reader *reader, const struct oci_descriptor *descriptor,
		      const struct archive_text *text, int depth, struct err *err)
{
	struct oci_index index = {0};

	if (depth >= IMAGE_INDEX_DEPTH_MAX)
		return err_set(err, ERR_INVALID, ELOOP, "indexes nested deeper than %d",
			       IMAGE_INDEX_DEPTH_MAX);
	int rc = json_parse(&oci_index_shape, text->data, text->len, &reader->plan->arena, &index,
			    err);
	if (rc == 0)
		rc = oci_index_check(&index, err);
	reader->nodes += index.manifests.count;
	if (rc == 0 && reader->nodes > IMAGE_INDEX_NODES_MAX)
		rc = err_set(err, ERR_INVALID, E2BIG, "more than %d descriptors in indexes",
			     IMAGE_INDEX_NODES_MAX);
	if (rc == 0)
		rc = reader->wish->all ? read_all(reader, &index, depth, err)
				       : read_best(reader, &index, depth, err);
	return rc < 0 ? err_wrap(err, rc, "index %.19s", descriptor->digest) : 0;
}

/* A document with all that it names; of an index without `all` what is chosen stands in its place. */
static int read_item(struct reader *reader, const struct oci_descriptor *descriptor, int depth,
		     struct err *err)
{
	struct arena *arena = &reader->plan->arena;
	bool is_index = oci_is_index(descriptor->media_type);
	struct copy_item item = {.descriptor = *descriptor, .member = ""};

	int rc = descriptor_read(reader->archive, descriptor, arena, &item.text, err);
	if (rc == 0)
		rc = oci_document_check(item.text.data, item.text.len, is_index,
					descriptor->media_type, arena, err);
	if (rc < 0)
		return err_wrap(err, rc, "document %.19s", descriptor->digest);
	rc = is_index ? read_index(reader, descriptor, &item.text, depth, err)
		      : read_manifest(reader, descriptor, &item.text, err);
	if (rc < 0 || (is_index && !reader->wish->all))
		return rc;
	if (is_index)
		reader->plan->manifest = NULL;
	return copy_plan_add(reader->plan, &item, NULL, err);
}

static const char *annotation(const struct oci_descriptor *descriptor, const char *key)
{
	for (size_t i = 0; i < descriptor->annotations.count; i++) {
		if (strcmp(descriptor->annotations.items[i].key, key) == 0)
			return descriptor->annotations.items[i].value;
	}
	return NULL;
}

/* The word beside the layout, or the complete name that containerd and Docker keep. */
static bool is_called(const struct oci_descriptor *descriptor, const char *name)
{
	const char *word = annotation(descriptor, NAME_KEY);
	const char *full = annotation(descriptor, CONTAINERD_NAME_KEY);
	struct reference wanted, have;
	struct err ignored;

	if (word != NULL && strcmp(word, name) == 0)
		return true;
	return full != NULL && reference_parse(full, &have, &ignored) == 0 &&
	       reference_parse(name, &wanted, &ignored) == 0 &&
	       strcmp(have.domain, wanted.domain) == 0 && strcmp(have.path, wanted.path) == 0 &&
	       strcmp(have.tag, wanted.tag) == 0;
}

static int find_top(const struct oci_index *index, const char *name,
		    const struct oci_descriptor **ret_top, struct err *err)
{
	const struct oci_descriptor *found = NULL;
	size_t count = 0;

	for (size_t i = 0; i < index->manifests.count; i++) {
		const struct oci_descriptor *item = &index->manifests.items[i];
		if (name != NULL && !is_called(item, name))
			continue;
		/* One image under several names is one. */
		count += found == NULL || strcmp(found->digest, item->digest) != 0;
		found = item;
	}
	if (count == 0)
		return err_set(err, ERR_NOT_FOUND, 0, "it holds no image%s%.100s%s",
			       name != NULL ? " '" : "", name != NULL ? name : "",
			       name != NULL ? "'" : "");
	if (count > 1)
		return err_set(err, ERR_CONFLICT, 0,
			       "it holds %zu images%s%.100s%s: name one behind a colon", count,
			       name != NULL ? " '" : "", name != NULL ? name : "",
			       name != NULL ? "'" : "");
	if (!oci_is_index(found->media_type) && !oci_is_manifest(found->media_type))
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "media type '%.100s' is neither a manifest's nor an index's",
			       found->media_type);
	*ret_top = found;
	return 0;
}

static int read_oci(const struct archive *archive, const struct copy_wish *wish,
		    struct copy_plan *plan, struct err *err)
{
	struct reader reader = {.archive = archive, .wish = wish, .plan = plan};
	const struct oci_descriptor *top = NULL;
	struct archive_text text;
	struct oci_index index = {0};

	int rc = archive_read(archive, "index.json", &plan->arena, &text, err);
	if (rc == 0)
		rc = oci_document_check(text.data, text.len, true, NULL, &plan->arena, err);
	if (rc == 0)
		rc = json_parse(&oci_index_shape, text.data, text.len, &plan->arena, &index, err);
	if (rc == 0)
		rc = oci_index_check(&index, err);
	if (rc < 0)
		return err_wrap(err, rc, "index.json");
	rc = find_top(&index, archive_is_served(archive) ? NULL : wish->name, &top, err);
	return rc < 0 ? rc : read_item(&reader, top, 0, err);
}

int copy_plan_read(const struct archive *archive, const struct copy_wish *wish,
		   struct copy_plan *ret_plan, struct err *err)
{
	struct copy_plan plan = {.arena = ARENA_INIT(IMAGE_ARENA_BYTES_MAX)};
	int rc;

	if (archive_has(archive, "index.json"))
		rc = read_oci(archive, wish, &plan, err);
	else if (archive_has(archive, "manifest.json"))
		rc = copy_plan_docker(archive, wish, &plan, err);
	else
		rc = err_set(err, ERR_INVALID, EINVAL,
			     "it is no image: neither 'index.json' (OCI) nor 'manifest.json' "
			     "(docker save) is in it");
	if (rc < 0) {
		copy_plan_done(&plan);
		return rc;
	}
	*ret_plan = plan;
	return 0;
}

void copy_plan_done(struct copy_plan *plan)
{
	arena_done(&plan->arena);
	*plan = (struct copy_plan){0};
}
