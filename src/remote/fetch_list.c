#include "remote/fetch_list.h"

#include "remote/limits.h"
#include "remote/referrers.h"
#include "remote/tags.h"

struct tags_view {
	json_strings tags;
};
static const struct json_field tags_fields[] = {
	JSON_LIST_FLAGS(struct tags_view, tags, "tags", JSON_TYPE_STRING, JSON_WRITE_ZERO),
};
static JSON_SHAPE(tags_shape, struct tags_view, tags_fields);

/*
 * A mirror holds what somebody asked it for: of the tags only the registry itself, which comes last, knows all. What
 * refers to an image lies beside it.
 */
static struct session *session_of(struct fetch *fetch, enum wire_ask ask)
{
	size_t source = fetch->source_count - 1;

	if (ask == WIRE_ASK_REFERRERS) {
		(void)pthread_mutex_lock(&fetch->mutex);
		source = fetch->resolved ? fetch->source : source;
		(void)pthread_mutex_unlock(&fetch->mutex);
	}
	return fetch->sources[source].session;
}

int fetch_list(struct fetch *fetch, const struct wire_request *request, struct buf *out,
	       struct err *err)
{
	ARENA_AUTO(arena, REMOTE_LIST_ARENA_BYTES_MAX);
	struct session *session = session_of(fetch, (enum wire_ask)request->ask);
	struct oci_index index = {.schema_version = 2, .media_type = OCI_MEDIA_INDEX};
	struct tags_view tags = {0};
	referrers_list list = {0};
	int rc;

	if (request->ask == WIRE_ASK_TAGS) {
		rc = tags_list(session, fetch->lists.tags_max, &arena, &tags.tags, err);
		if (rc == 0)
			json_write(&tags_shape, &tags, JSON_COMPACT, out);
	} else {
		rc = referrers_get(session, request->hex, fetch->lists.artifact_type, &arena, &list,
				   err);
		index.manifests.items = list.items;
		index.manifests.count = list.count;
		if (rc == 0)
			json_write(&oci_index_shape, &index, JSON_COMPACT, out);
	}
	return rc < 0 ? rc : buf_check(out, "the list", err);
}
