#include "remote/referrers.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "oci/document.h"
#include "remote/limits.h"
#include "remote/pages.h"

#define ACCEPT_INDEX "Accept: " OCI_MEDIA_INDEX
#define FILTER       "artifactType"

/* An array in the arena doubles when its count is a power of two. */
static int push(referrers_list *list, const struct oci_descriptor *item, struct arena *arena,
		struct err *err)
{
	size_t count = list->count;

	if (count >= REMOTE_REFERRERS_MAX)
		return err_set(err, ERR_INVALID, E2BIG, "more than %d referrers",
			       REMOTE_REFERRERS_MAX);
	if ((count & (count - 1)) == 0) {
		struct oci_descriptor *more =
			arena_alloc(arena, (count == 0 ? 1 : 2 * count) * sizeof(*more));
		if (more == NULL)
			return err_set(err, ERR_INVALID, ENOMEM,
				       "more referrers than there is room for");
		if (count > 0)
			memcpy(more, list->items, count * sizeof(*more));
		list->items = more;
	}
	list->items[list->count++] = *item;
	return 0;
}

int referrers_parse(const char *text, size_t len, const char *artifact_type, bool filtered,
		    struct arena *arena, referrers_list *list, struct err *err)
{
	struct oci_index index = {0};

	int rc = oci_document_check(text, len, true, NULL, arena, err);
	if (rc == 0)
		rc = json_parse(&oci_index_shape, text, len, arena, &index, err);
	if (rc == 0)
		rc = oci_index_check(&index, err);
	for (size_t i = 0; rc == 0 && i < index.manifests.count; i++) {
		const struct oci_descriptor *item = &index.manifests.items[i];
		bool wanted = artifact_type == NULL ||
			      (item->artifact_type == NULL
				       ? filtered
				       : strcmp(item->artifact_type, artifact_type) == 0);
		if (wanted)
			rc = push(list, item, arena, err);
	}
	return rc < 0 ? err_wrap(err, rc, "the registry's list of referrers") : 0;
}

bool referrers_filtered(const char *header)
{
	while (*header != '\0') {
		header += strspn(header, " ,");
		size_t len = strcspn(header, " ,");
		if (len == strlen(FILTER) && strncasecmp(header, FILTER, len) == 0)
			return true;
		header += len;
	}
	return false;
}

struct listing {
	const char *artifact_type;
	struct arena *arena;
	referrers_list *list;
	bool by_tag;
};

static int take_page(void *arg, const char *text, size_t len, const struct session_answer *answer,
		     struct err *err)
{
	const struct listing *listing = arg;
	bool filtered = !listing->by_tag && referrers_filtered(answer->filters);

	return referrers_parse(text, len, listing->artifact_type, filtered, listing->arena,
			       listing->list, err);
}

static int make_path(const char *hex, const char *artifact_type, char path[REMOTE_URL_MAX],
		     struct err *err)
{
	char *escaped = artifact_type != NULL ? curl_easy_escape(NULL, artifact_type, 0) : NULL;

	int rc = str_format(path, REMOTE_URL_MAX, "referrers/sha256:%s%s%s", hex,
			    escaped != NULL ? "?" FILTER "=" : "", escaped != NULL ? escaped : "");
	curl_free(escaped);
	return rc < 0 ? err_set(err, ERR_INVALID, ENAMETOOLONG, "the type is too long") : 0;
}

int referrers_get(struct session *session, const char *hex, const char *artifact_type,
		  struct arena *arena, referrers_list *ret_list, struct err *err)
{
	struct listing listing = {.artifact_type = artifact_type, .arena = arena, .list = ret_list};
	struct err missing = {.kind = ERR_NONE};
	char path[REMOTE_URL_MAX];

	*ret_list = (referrers_list){0};
	int rc = make_path(hex, artifact_type, path, err);
	if (rc < 0)
		return rc;
	rc = pages_get(session, path, ACCEPT_INDEX, take_page, &listing, &missing);
	if (rc < 0 && missing.kind == ERR_NOT_FOUND) {
		/* A registry of before 1.1: the tag, which need not be there either. */
		missing = (struct err){.kind = ERR_NONE};
		listing.by_tag = true;
		*ret_list = (referrers_list){0};
		(void)str_format(path, sizeof(path), "manifests/sha256-%s", hex);
		rc = pages_get(session, path, ACCEPT_INDEX, take_page, &listing, &missing);
		if (rc < 0 && missing.kind == ERR_NOT_FOUND)
			return 0;
	}
	if (rc < 0)
		*err = missing;
	return rc;
}
