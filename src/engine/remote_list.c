/* The lists that a registry keeps: tags of a repository, what refers to an image. */
#include <stdio.h>
#include <string.h>

#include "engine/remote.h"
#include "engine/spec/list.h"

struct tags_view {
	json_strings tags;
};
static const struct json_field tags_fields[] = {
	JSON_LIST(struct tags_view, tags, "tags", JSON_TYPE_STRING),
};
static JSON_SHAPE(tags_shape, struct tags_view, tags_fields);

static int add_option(json_strings *options, const char *name, const char *value,
		      struct arena *arena, struct err *err)
{
	int rc = list_push_text(options, name, arena, err);

	return rc < 0 ? rc : list_push_text(options, value, arena, err);
}

/* A tag of which the tags are listed is a slip. */
static int check_repository(const char *text, struct err *err)
{
	const char *slash = strrchr(text, '/');

	if (strpbrk(slash != NULL ? slash : text, ":@") == NULL && strchr(text, '@') == NULL)
		return 0;
	return err_set(err, ERR_INVALID, 0,
		       "'%.200s': the tags of a repository are listed, which has no tag itself",
		       text);
}

int engine_remote_tags(struct engine *engine, const struct engine_remote *request, size_t limit,
		       struct arena *arena, struct engine_tags *ret_tags, struct err *err)
{
	BUF_AUTO(text, REMOTE_LIST_MAX);
	struct remote remote = REMOTE_INIT;
	struct reference reference;
	struct tags_view view = {0};
	json_strings options = {0};
	char number[24];
	int rc = check_repository(request->reference, err);

	(void)snprintf(number, sizeof(number), "%zu", limit);
	if (rc == 0 && limit > 0)
		rc = add_option(&options, "--limit", number, arena, err);
	if (rc == 0)
		rc = remote_image_open(engine, request, &options, arena, &reference, &remote, err);
	if (rc == 0)
		rc = remote_read(&remote, WIRE_ASK_TAGS, NULL, &text, err);
	if (rc == 0)
		rc = json_parse(&tags_shape, text.data != NULL ? text.data : "", text.len, arena,
				&view, err);
	remote_done(&remote);
	for (size_t i = 0; rc == 0 && i < view.tags.count; i++) {
		if (!reference_is_tag(view.tags.items[i]))
			rc = err_set(err, ERR_INVALID, 0, "'%.128s' is no tag", view.tags.items[i]);
	}
	if (rc < 0)
		return err_wrap(err, rc, "list the tags of '%.200s'", request->reference);
	ret_tags->tags = view.tags;
	ret_tags->repository = list_text(arena, "%s/%s", reference.domain, reference.path);
	return ret_tags->repository != NULL ? 0 : list_no_memory(err);
}

static int take_referrers(const struct buf *text, struct arena *arena, engine_referrers *ret_list,
			  struct err *err)
{
	struct oci_index index = {0};
	engine_referrers list = {0};

	int rc = json_parse(&oci_index_shape, text->data != NULL ? text->data : "", text->len,
			    arena, &index, err);
	if (rc == 0)
		rc = oci_index_check(&index, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < index.manifests.count; i++) {
		const struct oci_descriptor *from = &index.manifests.items[i];
		struct engine_referrer *to = list_push(&list, sizeof(*to), arena);
		if (to == NULL)
			return list_no_memory(err);
		*to = (struct engine_referrer){
			.digest = from->digest,
			.media_type = from->media_type,
			.artifact_type = from->artifact_type != NULL ? from->artifact_type : "",
			.size_bytes = from->size_bytes,
			.annotations = from->annotations};
	}
	*ret_list = list;
	return 0;
}

/* The digest that is referred to: of the name, or of the image for a platform in its index. */
static int find_subject(const struct remote *remote, const struct engine_remote *request,
			const struct reference *reference, struct arena *arena, char ret_digest[72],
			struct err *err)
{
	REMOTE_IMAGE_AUTO(image);

	if (reference->digest[0] != '\0' && request->platform == NULL) {
		(void)snprintf(ret_digest, 72, "%s", reference->digest);
		return 0;
	}
	int rc = remote_image_top(remote, arena, &image, err);
	if (rc == 0 && request->platform != NULL)
		rc = remote_image_choose(remote, request->platform, arena, &image, err);
	if (rc == 0)
		(void)snprintf(ret_digest, 72, "%s", image.digest);
	return rc;
}

int engine_remote_referrers(struct engine *engine, const struct engine_remote *request,
			    const char *type, struct arena *arena, engine_referrers *ret_list,
			    struct buf *out, struct err *err)
{
	BUF_AUTO(text, REMOTE_LIST_MAX);
	struct remote remote = REMOTE_INIT;
	struct reference reference;
	json_strings options = {0};
	char digest[72] = "";
	int rc = 0;

	if (type != NULL)
		rc = add_option(&options, "--artifact-type", type, arena, err);
	if (rc == 0)
		rc = remote_image_open(engine, request, &options, arena, &reference, &remote, err);
	if (rc == 0)
		rc = find_subject(&remote, request, &reference, arena, digest, err);
	if (rc == 0)
		rc = remote_read(&remote, WIRE_ASK_REFERRERS, digest + strlen("sha256:"), &text,
				 err);
	remote_done(&remote);
	if (rc == 0)
		rc = take_referrers(&text, arena, ret_list, err);
	if (rc < 0)
		return err_wrap(err, rc, "list what refers to '%.200s'", request->reference);
	buf_add(out, text.data, text.len);
	return 0;
}
