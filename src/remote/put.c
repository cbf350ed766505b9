#include "remote/put.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/str.h"
#include "remote/upload.h"

/* On the stack of the thread whose upload waits. */
struct put_parked {
	struct put_parked *next;
	uint32_t number;
	int fd; /* FD_NONE: nothing has come */
};

struct put_body {
	struct put *put;
	const struct wire_put_request *request;
	int fd;
	int own_fd; /* the same, of a further request */
	uint32_t left;
	bool ended;
	struct wire_put_end end;
};

void put_init(struct put *put, struct session *session, const struct reference *reference,
	      const json_strings *from)
{
	*put = (struct put){.session = session, .reference = reference, .from = from};
	(void)pthread_mutex_init(&put->mutex, NULL);
	(void)pthread_cond_init(&put->changed, NULL);
}

void put_done(struct put *put)
{
	(void)pthread_mutex_destroy(&put->mutex);
	(void)pthread_cond_destroy(&put->changed);
}

/* The length of a text that zeros follow up to the end of its room; negative: they do not. */
static int padded_length(const char *text, size_t room)
{
	size_t len = strnlen(text, room);

	for (size_t i = len; i < room; i++) {
		if (text[i] != '\0')
			return -1;
	}
	return len < room ? (int)len : -1;
}

static bool is_media_type(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789!#$&-^_.+/";

	return text[0] != '\0' && strspn(text, allowed) == strlen(text);
}

bool put_request_valid(const void *request)
{
	const struct wire_put_request *put = request;
	int hex = padded_length(put->hex, sizeof(put->hex));
	int media = padded_length(put->media_type, sizeof(put->media_type));

	if (hex < 0 || media < 0 || put->put < WIRE_PUT_HAVE || put->put > WIRE_PUT_PART ||
	    put->size_bytes < -1)
		return false;
	if ((media > 0) != (put->put == WIRE_PUT_MANIFEST || put->put == WIRE_PUT_PART) ||
	    (media > 0 && !is_media_type(put->media_type)))
		return false;
	if (hex == 0)
		return put->put == WIRE_PUT_BLOB;
	return hex == 64 && reference_is_hex64(put->hex);
}

static int image_gone(struct err *err)
{
	return err_set(err, ERR_SYSTEM, EPIPE, "corten-image has gone");
}

static int read_all(const struct put_body *body, void *data, size_t size, struct err *err)
{
	return fd_read_full(body->fd, data, size) == (ssize_t)size ? 0 : image_gone(err);
}

/* The next frame's size, and what follows the last. */
static int begin_frame(struct put_body *body, struct err *err)
{
	int rc = read_all(body, &body->left, sizeof(body->left), err);

	if (rc == 0 && body->left > WIRE_FRAME_BYTES)
		rc = err_set(err, ERR_INVALID, EPROTO, "corten-image sent a frame of %u bytes",
			     body->left);
	if (rc < 0 || body->left > 0)
		return rc;
	rc = read_all(body, &body->end, sizeof(body->end), err);
	body->end.hex[sizeof(body->end.hex) - 1] = '\0';
	body->ended = rc == 0;
	return rc;
}

static ssize_t read_body(void *arg, void *data, size_t size, struct err *err)
{
	struct put_body *body = arg;

	int rc = body->left == 0 && !body->ended ? begin_frame(body, err) : 0;
	if (rc < 0 || body->ended)
		return rc;
	if (size > body->left)
		size = body->left;
	rc = read_all(body, data, size, err);
	body->left -= (uint32_t)size;
	return rc < 0 ? rc : (ssize_t)size;
}

static int say(int fd, enum wire_result result, const struct upload_blob *blob, struct err *err)
{
	struct wire_outcome outcome;

	memset(&outcome, 0, sizeof(outcome));
	outcome.result = (uint32_t)result;
	if (blob != NULL) {
		(void)str_copy(outcome.hex, sizeof(outcome.hex), blob->digest + strlen("sha256:"));
		outcome.size_bytes = blob->size_bytes;
	}
	return fd_write_all(fd, &outcome, sizeof(outcome)) < 0 ? image_gone(err) : 0;
}

/* Until the request comes again; returns its descriptor. The mutex is held. */
static int wait_parked(struct put *put, struct put_parked *parked)
{
	struct put_parked **at = &put->parked;

	while (parked->fd < 0 && !put->closed)
		(void)pthread_cond_wait(&put->changed, &put->mutex);
	while (*at != parked)
		at = &(*at)->next;
	*at = parked->next;
	return parked->fd;
}

static int restart_body(void *arg, struct err *err)
{
	struct put_body *body = arg;
	struct put *put = body->put;
	struct put_parked parked = {.number = body->request->number, .fd = FD_NONE};

	(void)pthread_mutex_lock(&put->mutex);
	parked.next = put->parked;
	put->parked = &parked;
	/* What it may still be writing is wanted no more. */
	int rc = say(body->fd, WIRE_PUT_AGAIN, NULL, err);
	(void)shutdown(body->fd, SHUT_RDWR);
	if (rc < 0)
		put->closed = true;
	int fd = wait_parked(put, &parked);
	(void)pthread_mutex_unlock(&put->mutex);
	fd_closep(&body->own_fd);
	if (fd < 0)
		return image_gone(err);
	body->fd = body->own_fd = fd;
	body->left = 0;
	body->ended = false;
	return 0;
}

bool put_adopt(void *arg, const void *request, int *fd)
{
	struct put *put = arg;
	const struct wire_put_request *asked = request;
	bool found = false;

	(void)pthread_mutex_lock(&put->mutex);
	for (struct put_parked *parked = put->parked; parked != NULL; parked = parked->next) {
		if (asked->put == WIRE_PUT_BLOB && parked->number == asked->number &&
		    parked->fd < 0) {
			parked->fd = fd_take(fd);
			found = true;
			break;
		}
	}
	(void)pthread_cond_broadcast(&put->changed);
	(void)pthread_mutex_unlock(&put->mutex);
	return found;
}

void put_closed(void *arg)
{
	struct put *put = arg;

	(void)pthread_mutex_lock(&put->mutex);
	put->closed = true;
	(void)pthread_cond_broadcast(&put->changed);
	(void)pthread_mutex_unlock(&put->mutex);
}

static int serve_have(struct put *put, const char *digest, int fd, struct err *err)
{
	int rc = upload_exists(put->session, digest, err);

	return rc < 0 ? rc : say(fd, rc > 0 ? WIRE_PUT_DONE : WIRE_PUT_NOT, NULL, err);
}

static int serve_mount(struct put *put, const struct wire_put_request *request, const char *digest,
		       int fd, struct err *err)
{
	char location[REMOTE_URL_MAX];

	if (request->from >= put->from->count)
		return err_set(err, ERR_INVALID, EPROTO,
			       "corten-image asked for what there is not");
	bool mounted =
		upload_mount(put->session, digest, put->from->items[request->from], location);
	if (location[0] != '\0') {
		(void)pthread_mutex_lock(&put->mutex);
		(void)str_copy(put->spare, sizeof(put->spare), location);
		(void)pthread_mutex_unlock(&put->mutex);
	}
	return say(fd, mounted ? WIRE_PUT_DONE : WIRE_PUT_NOT, NULL, err);
}

/* A body that was read by its size is not at its end yet. */
static int end_body(struct put_body *body, struct err *err)
{
	char byte;

	if (body->ended)
		return 0;
	ssize_t got = read_body(body, &byte, 1, err);
	if (got < 0)
		return (int)got;
	return body->ended ? 0
			   : err_set(err, ERR_INVALID, EPROTO,
				     "corten-image sent more than it had said");
}

static int serve_blob(struct put *put, struct put_body *body, const char *digest, struct err *err)
{
	const struct upload_source source = {.read = read_body,
					     .restart = restart_body,
					     .arg = body,
					     .size_bytes = body->request->size_bytes,
					     .digest = digest};
	struct upload_blob blob;
	char location[REMOTE_URL_MAX];

	(void)pthread_mutex_lock(&put->mutex);
	(void)str_copy(location, sizeof(location), put->spare);
	put->spare[0] = '\0';
	(void)pthread_mutex_unlock(&put->mutex);
	int rc = upload_blob(put->session, &source, location, &blob, err);
	if (rc == 0)
		rc = end_body(body, err);
	if (rc == 0 && (body->end.size_bytes != blob.size_bytes ||
			strcmp(body->end.hex, blob.digest + strlen("sha256:")) != 0))
		rc = err_set(err, ERR_INVALID, EPROTO,
			     "corten-image sent something else than it says");
	return rc < 0 ? rc : say(body->fd, WIRE_PUT_DONE, &blob, err);
}

static int read_manifest(struct put_body *body, struct buf *text, struct err *err)
{
	char piece[4096];
	ssize_t got;

	while ((got = read_body(body, piece, sizeof(piece), err)) > 0) {
		buf_add(text, piece, (size_t)got);
		int rc = buf_check(text, "the manifest", err);
		if (rc < 0)
			return rc;
	}
	return (int)got;
}

static int serve_manifest(struct put *put, struct put_body *body, const char *digest,
			  struct err *err)
{
	BUF_AUTO(text, REMOTE_DOCUMENT_BYTES_MAX);
	struct upload_blob blob;
	struct upload_put answer;

	int rc = read_manifest(body, &text, err);
	if (rc < 0)
		return rc;
	bool part = body->request->put == WIRE_PUT_PART;
	const struct upload_manifest manifest = {.name = part ? digest : put->reference->tag,
						 .media_type = body->request->media_type,
						 .data = text.data != NULL ? text.data : "",
						 .size = text.len};
	rc = upload_manifest(put->session, &manifest, &answer, err);
	if (rc == 0 && strcmp(answer.digest, digest) != 0)
		rc = err_set(err, ERR_INVALID, EPROTO,
			     "corten-image sent something else than it says");
	if (rc < 0)
		return rc;
	blob.size_bytes = (int64_t)text.len;
	(void)str_copy(blob.digest, sizeof(blob.digest), answer.digest);
	return say(body->fd, WIRE_PUT_DONE, &blob, err);
}

int put_serve(void *arg, const void *request, int fd, struct err *err)
{
	struct put *put = arg;
	const struct wire_put_request *asked = request;
	struct put_body body = {.put = put, .request = asked, .fd = fd, .own_fd = FD_NONE};
	char digest[HASH_TEXT_MAX];
	int rc = -EINVAL;

	(void)str_format(digest, sizeof(digest), "sha256:%.64s", asked->hex);
	switch ((enum wire_put)asked->put) {
	case WIRE_PUT_HAVE:
		return serve_have(put, digest, fd, err);
	case WIRE_PUT_MOUNT:
		return serve_mount(put, asked, digest, fd, err);
	case WIRE_PUT_BLOB:
		rc = serve_blob(put, &body, asked->hex[0] != '\0' ? digest : NULL, err);
		break;
	case WIRE_PUT_MANIFEST:
	case WIRE_PUT_PART:
		rc = serve_manifest(put, &body, digest, err);
		break;
	}
	fd_closep(&body.own_fd);
	return rc;
}
