#include "remote/tags.h"

#include <errno.h>
#include <string.h>

#include "oci/image.h"
#include "remote/limits.h"
#include "remote/pages.h"

struct page {
	json_strings tags;
};
static const struct json_field page_fields[] = {
	JSON_LIST(struct page, tags, "tags", JSON_TYPE_STRING),
};
static JSON_SHAPE(page_shape, struct page, page_fields);

static int full(struct err *err)
{
	return err_set(err, ERR_INVALID, ENOMEM,
		       "the repository has more tags than there is room for");
}

/* An array in the arena doubles when its count is a power of two. */
static int push(json_strings *tags, const char *tag, struct arena *arena, struct err *err)
{
	size_t count = tags->count;

	if ((count & (count - 1)) == 0) {
		const char **more =
			arena_alloc(arena, (count == 0 ? 1 : 2 * count) * sizeof(*more));
		if (more == NULL)
			return full(err);
		if (count > 0)
			memcpy(more, tags->items, count * sizeof(*more));
		tags->items = more;
	}
	tags->items[tags->count++] = tag;
	return 0;
}

int tags_parse(const char *text, size_t len, size_t max, struct arena *arena, json_strings *tags,
	       struct err *err)
{
	struct page page = {0};
	struct err ignored;

	int rc = json_parse(&page_shape, text, len, arena, &page, err);
	if (rc < 0)
		return err_wrap(err, rc, "the registry's list of tags");
	for (size_t i = 0; i < page.tags.count; i++) {
		const char *tag = page.tags.items[i];
		/* Some registries list digests too. */
		if (oci_digest_check(tag, "", &ignored) == 0)
			continue;
		if (!reference_is_tag(tag))
			return err_set(err, ERR_INVALID, 0,
				       "the registry lists a tag that is none: '%.128s'", tag);
		if (tags->count == max)
			return 1;
		rc = push(tags, tag, arena, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

struct listing {
	struct arena *arena;
	json_strings *tags;
	size_t limit; /* 0: none */
};

static int take_page(void *arg, const char *text, size_t len, const struct session_answer *answer,
		     struct err *err)
{
	const struct listing *listing = arg;

	(void)answer;
	size_t max = listing->limit > 0 ? listing->limit : REMOTE_TAGS_MAX;
	int rc = tags_parse(text, len, max, listing->arena, listing->tags, err);
	if (rc < 0)
		return rc;
	if (rc > 0 && listing->limit == 0)
		return err_set(err, ERR_INVALID, E2BIG, "the repository has more than %d tags",
			       REMOTE_TAGS_MAX);
	return listing->limit > 0 && listing->tags->count >= listing->limit;
}

int tags_list(struct session *session, size_t limit, struct arena *arena, json_strings *ret_tags,
	      struct err *err)
{
	struct listing listing = {arena, ret_tags, limit};

	*ret_tags = (json_strings){0};
	return pages_get(session, "tags/list", "Accept: application/json", take_page, &listing,
			 err);
}
