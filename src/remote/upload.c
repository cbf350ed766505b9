#include "remote/upload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define OCTETS "Content-Type: application/octet-stream"

struct upload {
	struct session *session;
	const struct upload_source *source;
	char location[REMOTE_URL_MAX]; /* "": to be begun */
	struct session_answer answer;  /* the last */
	struct hash *hash;
	int64_t read_bytes; /* of the source, and hashed */
	bool ended;         /* the source */
	int rc;             /* of the source: why it failed */
	struct err err;
	/* In pieces: what is read and not known to be there. */
	char *chunk;
	size_t chunk_room;
	size_t chunk_len;
	int64_t chunk_bytes; /* what the registry wants at least */
	bool denied;         /* once, after it had begun: a token may have expired meanwhile */
};

static ssize_t read_source(struct upload *upload, void *data, size_t size)
{
	const struct upload_source *source = upload->source;
	int64_t wanted = source->size_bytes;

	if (upload->rc < 0)
		return upload->rc;
	if (upload->ended)
		return 0;
	ssize_t got = source->read(source->arg, data, size, &upload->err);
	if (got < 0) {
		upload->rc = (int)got;
		return got;
	}
	upload->ended = got == 0;
	hash_add(upload->hash, data, (size_t)got);
	upload->read_bytes += got;
	if (wanted >= 0 &&
	    (upload->read_bytes > wanted || (got == 0 && upload->read_bytes < wanted)))
		upload->rc =
			err_set(&upload->err, ERR_INVALID, 0,
				"it has %lld bytes%s, not the %lld that it should have",
				(long long)upload->read_bytes,
				upload->read_bytes > wanted ? " or more" : "", (long long)wanted);
	return upload->rc < 0 ? upload->rc : got;
}

static ssize_t read_stream(void *arg, void *data, size_t size)
{
	return read_source(arg, data, size);
}

/* The source's failure is the cause, whatever the registry thinks of a body that was cut. */
static int prefer_source(const struct upload *upload, int rc, struct err *err)
{
	if (upload->rc == 0)
		return rc;
	*err = upload->err;
	return upload->rc;
}

/* Reads the source again up to where the registry is. */
static int read_again(struct upload *upload, int64_t offset, struct err *err)
{
	char ignored[HASH_TEXT_MAX];

	if (upload->source->restart == NULL)
		return err_set(err, ERR_UNSUPPORTED, 0, "its bytes cannot be had again");
	upload->rc = upload->source->restart(upload->source->arg, &upload->err);
	if (upload->rc < 0)
		return prefer_source(upload, upload->rc, err);
	hash_end(upload->hash, ignored);
	upload->read_bytes = 0;
	upload->chunk_len = 0;
	upload->ended = false;
	while (upload->read_bytes < offset) {
		int64_t left = offset - upload->read_bytes;
		size_t size =
			left < (int64_t)upload->chunk_room ? (size_t)left : upload->chunk_room;
		ssize_t got = read_source(upload, upload->chunk, size);
		if (got < 0)
			return prefer_source(upload, (int)got, err);
		if (got == 0)
			return err_set(err, ERR_INVALID, EPROTO,
				       "the registry has more of it than there is");
	}
	return 0;
}

static int begin(struct upload *upload, struct err *err)
{
	const struct session_request request = {
		.method = HTTP_POST, .path = "blobs/uploads/", .whole_s = REMOTE_DOCUMENT_S};

	int rc = session_send(upload->session, &request, &upload->answer, err);
	if (rc < 0)
		return rc;
	if (upload->answer.location[0] == '\0')
		return err_set(err, ERR_INVALID, EPROTO,
			       "the registry began an upload and did not say where");
	(void)str_copy(upload->location, sizeof(upload->location), upload->answer.location);
	upload->chunk_bytes = upload->answer.chunk_bytes;
	return 0;
}

/* Where to go on; a registry that does not say means the same place. */
static void take_location(struct upload *upload)
{
	if (upload->answer.location[0] != '\0')
		(void)str_copy(upload->location, sizeof(upload->location), upload->answer.location);
}

static int add_digest(const struct upload *upload, const char *digest, char url[REMOTE_URL_MAX],
		      struct err *err)
{
	const char *location = upload->location;
	int rc = str_format(url, REMOTE_URL_MAX, "%s%cdigest=%s", location,
			    strchr(location, '?') != NULL ? '&' : '?', digest);

	return rc < 0 ? err_set(err, ERR_INVALID, ENAMETOOLONG, "the upload's URL is too long") : 0;
}

static int check_said(const char *said, const char *digest, struct err *err)
{
	if (str_starts_with(said, "sha256:") && strcmp(said, digest) != 0)
		return err_set(err, ERR_INVALID, 0,
			       "the registry says that what was sent as %s has the digest %.80s",
			       digest, said);
	return 0;
}

/* Digest and size are known: the upload is one request. */
static bool is_whole(const struct upload *upload)
{
	return upload->source->digest != NULL && upload->source->size_bytes >= 0;
}

static int send_stream(struct upload *upload, struct err *err)
{
	static const char *const headers[] = {OCTETS};
	char url[REMOTE_URL_MAX];
	const struct session_body body = {
		.read = read_stream, .arg = upload, .size_bytes = upload->source->size_bytes};
	struct session_request request = {
		.method = HTTP_PATCH, .url = url, .stall_s = REMOTE_COMMIT_S, .body = &body};
	/* The list's type has no const for its items. */
	const char *items[] = {headers[0]};

	request.headers = (json_strings){.items = items, .count = 1};
	if (is_whole(upload)) {
		request.method = HTTP_PUT;
		int rc = add_digest(upload, upload->source->digest, url, err);
		if (rc < 0)
			return rc;
	} else {
		(void)str_copy(url, sizeof(url), upload->location);
	}
	int rc = session_send(upload->session, &request, &upload->answer, err);
	rc = prefer_source(upload, rc, err);
	if (rc == 0)
		take_location(upload);
	return rc;
}

struct chunk_body {
	const char *data;
	size_t size;
	size_t at;
};

static ssize_t read_chunk(void *arg, void *data, size_t size)
{
	struct chunk_body *body = arg;
	size_t left = body->size - body->at;

	if (size > left)
		size = left;
	memcpy(data, body->data + body->at, size);
	body->at += size;
	return (ssize_t)size;
}

static int fill_chunk(struct upload *upload, struct err *err)
{
	while (upload->chunk_len < upload->chunk_room) {
		ssize_t got = read_source(upload, upload->chunk + upload->chunk_len,
					  upload->chunk_room - upload->chunk_len);
		if (got < 0)
			return prefer_source(upload, (int)got, err);
		if (got == 0)
			break;
		upload->chunk_len += (size_t)got;
	}
	return 0;
}

/* Sends what is in memory; the registry is at its first byte. */
static int send_chunk(struct upload *upload, struct err *err)
{
	struct chunk_body chunk = {.data = upload->chunk, .size = upload->chunk_len};
	const struct session_body body = {
		.read = read_chunk, .arg = &chunk, .size_bytes = (int64_t)upload->chunk_len};
	int64_t start = upload->read_bytes - (int64_t)upload->chunk_len;
	char range[64];
	const char *headers[] = {OCTETS, range};
	const struct session_request request = {.method = HTTP_PATCH,
						.url = upload->location,
						.headers = {.items = headers, .count = 2},
						.stall_s = REMOTE_COMMIT_S,
						.body = &body};

	(void)str_format(range, sizeof(range), "Content-Range: %lld-%lld", (long long)start,
			 (long long)(upload->read_bytes - 1));
	int rc = session_send(upload->session, &request, &upload->answer, err);
	if (rc < 0)
		return rc;
	take_location(upload);
	upload->chunk_len = 0;
	return 0;
}

static int make_room(struct upload *upload, struct err *err)
{
	size_t room = REMOTE_CHUNK_BYTES;

	if (upload->chunk_bytes > (int64_t)REMOTE_CHUNK_BYTES_MAX)
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "the registry wants pieces of %lld bytes or more, more than %zu",
			       (long long)upload->chunk_bytes, REMOTE_CHUNK_BYTES_MAX);
	if (upload->chunk_bytes > (int64_t)room)
		room = (size_t)upload->chunk_bytes;
	if (room <= upload->chunk_room)
		return 0;
	/* Only when nothing is in it: an upload that is begun anew reads its source anew. */
	free(upload->chunk);
	upload->chunk_room = 0;
	upload->chunk = malloc(room);
	if (upload->chunk == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "keep a piece of a blob");
	upload->chunk_room = room;
	return 0;
}

static int send_chunks(struct upload *upload, struct err *err)
{
	int rc = 0;

	while (rc == 0) {
		rc = fill_chunk(upload, err);
		if (rc < 0 || upload->chunk_len == 0)
			break;
		rc = send_chunk(upload, err);
	}
	return rc;
}

/* How much of it the registry has; negative: it does not know the upload any more, or does not say. */
static int64_t ask_offset(struct upload *upload)
{
	const struct session_request request = {.url = upload->location,
						.whole_s = REMOTE_DOCUMENT_S};
	struct err ignored;

	if (session_send(upload->session, &request, &upload->answer, &ignored) < 0)
		return -1;
	take_location(upload);
	/* docker-registry says 0-0 of nothing as well as of one byte. */
	return upload->answer.range_end > 0 ? upload->answer.range_end + 1 : -1;
}

/* After a failure: an upload, and the source where it stands. ret_more: the registry has more than before. */
static int go_on(struct upload *upload, int64_t *had, bool *ret_more, struct err *err)
{
	int64_t chunk_start = upload->read_bytes - (int64_t)upload->chunk_len;
	int64_t offset = upload->location[0] != '\0' ? ask_offset(upload) : -1;

	*ret_more = offset > *had;
	*had = offset > 0 ? offset : 0;
	if (offset >= chunk_start && offset <= upload->read_bytes && upload->chunk_len > 0) {
		size_t there = (size_t)(offset - chunk_start);
		memmove(upload->chunk, upload->chunk + there, upload->chunk_len - there);
		upload->chunk_len -= there;
		return 0;
	}
	int rc = 0;
	if (offset < 0 || offset > upload->read_bytes) {
		offset = 0;
		rc = begin(upload, err);
	}
	if (rc == 0)
		rc = make_room(upload, err);
	return rc < 0 ? rc : read_again(upload, offset, err);
}

static int finish(struct upload *upload, const char *digest, struct err *err)
{
	char url[REMOTE_URL_MAX];
	struct err ignored;
	const struct session_request request = {
		.method = HTTP_PUT, .url = url, .stall_s = REMOTE_COMMIT_S};

	int rc = add_digest(upload, digest, url, err);
	if (rc < 0)
		return rc;
	rc = session_send(upload->session, &request, &upload->answer, err);
	/* The answer to an earlier try may have been lost: then the upload is over. */
	if (rc < 0 && upload->answer.status == 404 &&
	    upload_exists(upload->session, digest, &ignored) > 0)
		return 0;
	return rc;
}

/* Whether the failure could be of this moment, or of the way in which it was sent. */
static bool may_go_on(struct upload *upload, bool chunked)
{
	const struct session_answer *answer = &upload->answer;
	int status = answer->status;

	if (upload->rc < 0 || upload->source->restart == NULL)
		return false;
	if (answer->worth_a_try || status == 416 || status == 404)
		return true;
	if (status == 401 && answer->body_taken && !upload->denied) {
		upload->denied = true;
		return true;
	}
	return !chunked && (status == 411 || status == 413);
}

static int send_all(struct upload *upload, struct err *err)
{
	int tries = 0, resumes = 0;
	int64_t had = 0;
	bool more;

	int rc = upload->location[0] != '\0' ? 0 : begin(upload, err);
	if (rc < 0)
		return rc;
	rc = send_stream(upload, err);
	bool chunked = false;
	while (rc < 0 && may_go_on(upload, chunked) && tries < REMOTE_TRIES_MAX &&
	       resumes < REMOTE_RESUMES_MAX &&
	       upload->answer.retry_after_s <= REMOTE_RETRY_AFTER_S) {
		session_wait(++tries, upload->answer.retry_after_s);
		chunked = true;
		rc = go_on(upload, &had, &more, err);
		if (more)
			tries = 0;
		resumes++;
		if (rc == 0)
			rc = send_chunks(upload, err);
	}
	/* A PUT of the whole is over when it holds; all else is to be ended. */
	return rc < 0 ? rc : (chunked || !is_whole(upload)) ? 1 : 0;
}

/* A registry may be content before it has seen everything. */
static int check_end(struct upload *upload, struct err *err)
{
	char byte;

	if (upload->read_bytes == upload->source->size_bytes)
		return 0;
	ssize_t got = read_source(upload, &byte, 1);
	if (got < 0)
		return prefer_source(upload, (int)got, err);
	return got == 0 ? 0
			: err_set(err, ERR_INVALID, EPROTO,
				  "the registry said that it has the blob after %lld bytes of it",
				  (long long)upload->read_bytes - 1);
}

static int run(struct upload *upload, struct upload_blob *ret_blob, struct err *err)
{
	int rc = send_all(upload, err);
	int end_rc = rc < 0 ? rc : check_end(upload, err);
	if (end_rc < 0)
		return end_rc;
	hash_end(upload->hash, ret_blob->digest);
	ret_blob->size_bytes = upload->read_bytes;
	if (upload->source->digest != NULL && strcmp(upload->source->digest, ret_blob->digest) != 0)
		return err_set(err, ERR_INVALID, 0, "it has the digest %s, not %.80s",
			       ret_blob->digest, upload->source->digest);
	if (rc > 0)
		rc = finish(upload, ret_blob->digest, err);
	return rc < 0 ? rc : check_said(upload->answer.digest, ret_blob->digest, err);
}

int upload_blob(struct session *session, const struct upload_source *source, const char *location,
		struct upload_blob *ret_blob, struct err *err)
{
	/* Twice a URL of 8 KiB: not on the stack of a thread. */
	struct upload *upload = calloc(1, sizeof(*upload));

	if (upload == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "upload a blob");
	upload->session = session;
	upload->source = source;
	(void)str_copy(upload->location, sizeof(upload->location),
		       location != NULL ? location : "");
	upload->hash = hash_new(err);
	int rc = upload->hash != NULL ? run(upload, ret_blob, err) : -ENOMEM;
	hash_free(upload->hash);
	free(upload->chunk);
	free(upload);
	return rc;
}

int upload_exists(struct session *session, const char *digest, struct err *err)
{
	struct session_answer answer = {0};
	char path[128];
	const struct session_request request = {
		.method = HTTP_HEAD, .path = path, .also = 404, .whole_s = REMOTE_DOCUMENT_S};

	(void)str_format(path, sizeof(path), "blobs/%s", digest);
	int rc = session_send(session, &request, &answer, err);
	if (rc < 0)
		return answer.status == 405 ? 0 : rc;
	return answer.status != 404;
}

bool upload_mount(struct session *session, const char *digest, const char *from,
		  char ret_location[REMOTE_URL_MAX])
{
	struct session_answer answer = {0};
	struct err ignored;
	char path[512];
	const struct session_request request = {
		.method = HTTP_POST, .path = path, .whole_s = REMOTE_DOCUMENT_S};

	ret_location[0] = '\0';
	/* A repository's name has no character that a query would have to escape but '/', which may stand there. */
	if (str_format(path, sizeof(path), "blobs/uploads/?mount=%s&from=%s", digest, from) < 0 ||
	    session_send(session, &request, &answer, &ignored) < 0)
		return false;
	if (answer.status == 201)
		return true;
	if (answer.status == 202)
		(void)str_copy(ret_location, REMOTE_URL_MAX, answer.location);
	return false;
}
