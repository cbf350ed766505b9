#include "remote/fetch.h"

#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "base/str.h"
#include "oci/image.h"
#include "remote/fetch_list.h"
#include "remote/hash.h"
#include "remote/limits.h"

#define ACCEPT "Accept: "

#define ACCEPT_MANIFESTS                                                       \
	ACCEPT OCI_MEDIA_INDEX ", " OCI_MEDIA_MANIFEST ", " DOCKER_MEDIA_INDEX \
			       ", " DOCKER_MEDIA_MANIFEST
#define ACCEPT_ALL ACCEPT "*/*"
#define AS_IT_LIES "Accept-Encoding: identity" /* a digest is of the bytes as they lie there */

void fetch_init(struct fetch *fetch, const struct fetch_source *sources, size_t count)
{
	*fetch = (struct fetch){.sources = sources,
				.source_count = count,
				.document = BUF_INIT(REMOTE_DOCUMENT_BYTES_MAX)};
	(void)pthread_mutex_init(&fetch->mutex, NULL);
}

void fetch_done(struct fetch *fetch)
{
	buf_done(&fetch->document);
	(void)pthread_mutex_destroy(&fetch->mutex);
}

bool fetch_request_valid(const struct wire_request *request)
{
	size_t len = strnlen(request->hex, sizeof(request->hex));

	for (size_t i = len; i < sizeof(request->hex); i++) {
		if (request->hex[i] != '\0')
			return false;
	}
	switch (request->ask) {
	case WIRE_ASK_INDEX:
	case WIRE_ASK_TAGS:
		return len == 0;
	case WIRE_ASK_MANIFEST:
	case WIRE_ASK_BLOB:
	case WIRE_ASK_REFERRERS:
		return len == 64 && reference_is_hex64(request->hex);
	default:
		return false;
	}
}

/* What a document says of itself, where the registry's header says nothing of use. */
struct kind {
	const char *media_type;
	struct json_text manifests;
};
static const struct json_field kind_fields[] = {
	JSON_STRING(struct kind, media_type, "mediaType"),
	JSON_RAW(struct kind, manifests, "manifests"),
};
static JSON_SHAPE(kind_shape, struct kind, kind_fields);

static bool is_known(const char *media_type)
{
	static const char *const types[] = {OCI_MEDIA_INDEX, OCI_MEDIA_MANIFEST, DOCKER_MEDIA_INDEX,
					    DOCKER_MEDIA_MANIFEST};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(media_type, types[i]) == 0)
			return true;
	}
	return false;
}

static int find_media_type(struct fetch *fetch, const char *said, struct err *err)
{
	ARENA_AUTO(arena, REMOTE_ARENA_BYTES_MAX);
	struct kind kind = {0};

	if (said[0] != '\0' && strcmp(said, "application/json") != 0 &&
	    strcmp(said, "text/plain") != 0 && !is_known(said))
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "the registry answers with '%.120s', which is no image's manifest "
			       "(of OCI, or of Docker's schema 2)",
			       said);
	if (is_known(said))
		return str_copy(fetch->media_type, sizeof(fetch->media_type), said);
	int rc = json_parse(&kind_shape, fetch->document.data ? fetch->document.data : "",
			    fetch->document.len, &arena, &kind, err);
	if (rc < 0)
		return err_wrap(err, rc, "manifest");
	if (kind.media_type == NULL)
		kind.media_type = kind.manifests.text ? OCI_MEDIA_INDEX : OCI_MEDIA_MANIFEST;
	if (!is_known(kind.media_type))
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "manifest: its mediaType is '%.120s', no image's", kind.media_type);
	return str_copy(fetch->media_type, sizeof(fetch->media_type), kind.media_type);
}

static int digest_of(const struct buf *document, char ret_hex[65], struct err *err)
{
	char digest[HASH_TEXT_MAX];
	int rc = hash_of(document->data ? document->data : "", document->len, digest, err);

	return rc < 0 ? rc : str_copy(ret_hex, 65, digest + strlen("sha256:"));
}

static int into_document(void *arg, const void *data, size_t size)
{
	struct buf *document = arg;

	buf_add(document, data, size);
	return document->failed ? -EFBIG : 0;
}

static int check_digest(const struct fetch *fetch, const char *said, struct err *err)
{
	const char *wanted = fetch->sources[fetch->source].reference->digest;

	if (wanted[0] == '\0')
		wanted = said;
	if (str_starts_with(wanted, "sha256:") &&
	    strcmp(wanted + strlen("sha256:"), fetch->hex) != 0)
		return err_set(err, ERR_INVALID, 0,
			       "the manifest has the digest sha256:%s, not %.80s", fetch->hex,
			       wanted);
	return 0;
}

static int resolve(struct fetch *fetch, struct err *err)
{
	const struct fetch_source *source = &fetch->sources[fetch->source];
	const struct reference *ref = source->reference;
	struct session_answer answer = {0};
	char path[256];
	const char *accept[] = {ACCEPT_MANIFESTS, AS_IT_LIES};
	const struct session_request request = {.path = path,
						.headers = {.items = accept, .count = 2},
						.whole_s = REMOTE_DOCUMENT_S,
						.sink = into_document,
						.sink_arg = &fetch->document};

	(void)str_format(path, sizeof(path), "manifests/%s",
			 ref->digest[0] != '\0' ? ref->digest : ref->tag);
	int rc = session_get(source->session, &request, &answer, err);
	if (rc == 0 && answer.stopped)
		rc = err_set(err, ERR_INVALID, EFBIG, "the manifest is larger than %zu bytes",
			     REMOTE_DOCUMENT_BYTES_MAX);
	if (rc == 0)
		rc = digest_of(&fetch->document, fetch->hex, err);
	if (rc == 0)
		rc = check_digest(fetch, answer.digest, err);
	if (rc == 0)
		rc = find_media_type(fetch, answer.content_type, err);
	fetch->resolved = rc == 0;
	return rc;
}

/* Once: who asks meanwhile waits. */
static int resolve_once(struct fetch *fetch, struct err *err)
{
	int rc = 0;

	(void)pthread_mutex_lock(&fetch->mutex);
	for (size_t i = 0; i < fetch->source_count && !fetch->resolved; i++) {
		buf_clear(&fetch->document);
		fetch->document.failed = false;
		fetch->source = i;
		rc = resolve(fetch, err);
	}
	(void)pthread_mutex_unlock(&fetch->mutex);
	return rc;
}

/* A reader that closes its end has read enough, or found a fault that it tells itself. */
static int write_all(int fd, const void *data, size_t size, struct err *err)
{
	int rc = fd_write_all(fd, data, size);

	return rc < 0 && rc != -EPIPE ? err_set(err, ERR_SYSTEM, -rc, "pass bytes on") : 0;
}

static int write_index(const struct fetch *fetch, int fd, struct err *err)
{
	struct oci_descriptor descriptor = {.media_type = fetch->media_type,
					    .size_bytes = (int64_t)fetch->document.len};
	struct oci_index index = {.schema_version = 2,
				  .manifests = {.items = &descriptor, .count = 1}};
	char digest[80];
	BUF_AUTO(text, REMOTE_DOCUMENT_BYTES_MAX);

	(void)str_format(digest, sizeof(digest), "sha256:%s", fetch->hex);
	descriptor.digest = digest;
	json_write(&oci_index_shape, &index, JSON_COMPACT, &text);
	int rc = buf_check(&text, "the index", err);
	return rc < 0 ? rc : write_all(fd, text.data, text.len, err);
}

struct pipe_sink {
	int fd;
	int rc;
};

static int into_pipe(void *arg, const void *data, size_t size)
{
	struct pipe_sink *sink = arg;

	sink->rc = fd_write_all(sink->fd, data, size);
	return sink->rc;
}

static int pass(struct fetch *fetch, const struct wire_request *asked, int fd, struct err *err)
{
	struct pipe_sink sink = {.fd = fd};
	const char *accept[] = {ACCEPT_ALL, AS_IT_LIES};
	struct session_answer answer;
	char path[128];
	const struct session_request request = {.path = path,
						.headers = {.items = accept, .count = 2},
						.sink = into_pipe,
						.sink_arg = &sink};

	if (asked->ask == WIRE_ASK_MANIFEST)
		accept[0] = ACCEPT_MANIFESTS;
	(void)str_format(path, sizeof(path), "%s/sha256:%s",
			 asked->ask == WIRE_ASK_MANIFEST ? "manifests" : "blobs", asked->hex);
	int rc = session_get(fetch->sources[fetch->source].session, &request, &answer, err);
	if (rc == 0 && sink.rc < 0 && sink.rc != -EPIPE)
		rc = err_set(err, ERR_SYSTEM, -sink.rc, "pass bytes on");
	return rc;
}

static int write_list(struct fetch *fetch, const struct wire_request *request, int fd,
		      struct err *err)
{
	BUF_AUTO(text, REMOTE_LIST_ARENA_BYTES_MAX);

	int rc = fetch_list(fetch, request, &text, err);
	return rc < 0 ? rc : write_all(fd, text.data, text.len, err);
}

int fetch_write(struct fetch *fetch, const struct wire_request *request, int fd, struct err *err)
{
	/* A list does not hang upon what the name stands for. */
	if (request->ask == WIRE_ASK_TAGS || request->ask == WIRE_ASK_REFERRERS)
		return write_list(fetch, request, fd, err);
	int rc = resolve_once(fetch, err);
	if (rc < 0)
		return rc;
	if (request->ask == WIRE_ASK_INDEX)
		return write_index(fetch, fd, err);
	if (request->ask == WIRE_ASK_MANIFEST && strcmp(request->hex, fetch->hex) == 0)
		return write_all(fd, fetch->document.data ? fetch->document.data : "",
				 fetch->document.len, err);
	return pass(fetch, request, fd, err);
}
