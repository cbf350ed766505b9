#include "image/deliver.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "kern/scm/scm.h"

#define TRIES_MAX 128 /* more than corten-remote ever makes of one upload */

static int gone(struct err *err)
{
	return err_set(err, ERR_SYSTEM, EPIPE, "corten-remote has gone");
}

/* The answer comes at once: nobody waits here for a transfer. */
static int ask(struct deliver *deliver, const struct wire_put_request *request, struct err *err)
{
	struct wire_put_request echo;
	size_t len = 0;
	ssize_t sent;

	memset(&echo, 0, sizeof(echo));
	(void)pthread_mutex_lock(&deliver->mutex);
	do
		sent = send(deliver->socket_fd, request, sizeof(*request), MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	int fd = sent < 0 ? err_errno(err, "ask corten-remote")
			  : scm_receive_fd(deliver->socket_fd, &echo, sizeof(echo), &len, err);
	(void)pthread_mutex_unlock(&deliver->mutex);
	if (fd < 0 || (len == sizeof(echo) && memcmp(&echo, request, sizeof(echo)) == 0))
		return fd;
	fd_closep(&fd);
	return err_set(err, ERR_SYSTEM, EPROTO, "corten-remote answered something else");
}

static int read_outcome(int fd, struct wire_outcome *outcome, struct err *err)
{
	if (fd_read_full(fd, outcome, sizeof(*outcome)) != sizeof(*outcome))
		return gone(err);
	outcome->hex[sizeof(outcome->hex) - 1] = '\0';
	return 0;
}

static void begin(struct deliver *deliver, enum wire_put put, const char *hex,
		  struct wire_put_request *request)
{
	memset(request, 0, sizeof(*request));
	request->put = (uint32_t)put;
	request->size_bytes = -1;
	request->number = atomic_fetch_add(&deliver->next, 1);
	if (hex != NULL)
		(void)snprintf(request->hex, sizeof(request->hex), "%s", hex);
}

static int question(struct deliver *deliver, const struct wire_put_request *request,
		    struct err *err)
{
	struct wire_outcome outcome;
	auto_fd fd = ask(deliver, request, err);
	int rc = fd < 0 ? fd : read_outcome(fd, &outcome, err);

	return rc < 0 ? rc : outcome.result == WIRE_PUT_DONE;
}

int deliver_have(struct deliver *deliver, const char *hex, struct err *err)
{
	struct wire_put_request request;

	begin(deliver, WIRE_PUT_HAVE, hex, &request);
	return question(deliver, &request, err);
}

int deliver_mount(struct deliver *deliver, const char *hex, uint32_t from, struct err *err)
{
	struct wire_put_request request;

	begin(deliver, WIRE_PUT_MOUNT, hex, &request);
	request.from = from;
	return question(deliver, &request, err);
}

static int put_all(struct deliver_body *body, const void *data, size_t size, struct err *err)
{
	int rc = fd_write_all(body->fd, data, size);

	if (rc == -EPIPE || rc == -ECONNRESET)
		body->refused = true;
	return rc < 0 ? err_set(err, ERR_SYSTEM, -rc, "pass a layer on") : 0;
}

int deliver_put(void *arg, const void *data, size_t size, struct err *err)
{
	struct deliver_body *body = arg;
	const char *at = data;
	int rc = 0;

	while (size > 0 && rc == 0) {
		uint32_t piece = (uint32_t)(size < WIRE_FRAME_BYTES ? size : WIRE_FRAME_BYTES);
		rc = put_all(body, &piece, sizeof(piece), err);
		if (rc == 0)
			rc = put_all(body, at, piece, err);
		at += piece;
		size -= piece;
	}
	return rc;
}

static int put_end(struct deliver_body *body, const struct packed *packed, struct err *err)
{
	const uint32_t none = 0;
	struct wire_put_end end;

	memset(&end, 0, sizeof(end));
	end.size_bytes = packed->size_bytes;
	(void)snprintf(end.hex, sizeof(end.hex), "%s", packed->digest);
	int rc = put_all(body, &none, sizeof(none), err);
	return rc < 0 ? rc : put_all(body, &end, sizeof(end), err);
}

/* One try. 0: it is there; 1: once more. */
static int try_body(struct deliver *deliver, const struct wire_put_request *request,
		    deliver_fn *write, void *arg, struct packed *packed, struct err *err)
{
	struct wire_outcome outcome;
	struct deliver_body body = {.fd = ask(deliver, request, err)};
	auto_fd fd = body.fd;

	if (fd < 0)
		return fd;
	int rc = write(arg, &body, packed, err);
	if (rc == 0)
		rc = put_end(&body, packed, err);
	if (rc < 0 && !body.refused)
		return rc;
	/* When the other side did not want all of it, it says why here, or has gone. */
	rc = read_outcome(fd, &outcome, err);
	if (rc < 0 || outcome.result == WIRE_PUT_AGAIN)
		return rc < 0 ? rc : 1;
	if (body.refused || outcome.result != WIRE_PUT_DONE ||
	    strcmp(outcome.hex, packed->digest) != 0)
		return err_set(err, ERR_SYSTEM, EPROTO, "corten-remote sent something else");
	return 0;
}

static int deliver_body(struct deliver *deliver, const struct wire_put_request *request,
			deliver_fn *write, void *arg, struct packed *ret_packed, struct err *err)
{
	int rc = 1;

	for (int tries = 0; rc > 0 && tries < TRIES_MAX; tries++)
		rc = try_body(deliver, request, write, arg, ret_packed, err);
	return rc > 0 ? gone(err) : rc;
}

int deliver_blob(struct deliver *deliver, const char *hex, deliver_fn *write, void *arg,
		 struct packed *ret_packed, struct err *err)
{
	struct wire_put_request request;

	begin(deliver, WIRE_PUT_BLOB, hex, &request);
	return deliver_body(deliver, &request, write, arg, ret_packed, err);
}

static int write_document(void *arg, struct deliver_body *body, struct packed *ret_packed,
			  struct err *err)
{
	const struct deliver_document *document = arg;

	(void)snprintf(ret_packed->digest, sizeof(ret_packed->digest), "%s", document->hex);
	ret_packed->size_bytes = (int64_t)document->size;
	return deliver_put(body, document->data, document->size, err);
}

int deliver_document(struct deliver *deliver, const struct deliver_document *document,
		     struct err *err)
{
	struct deliver_document copy = *document;
	struct wire_put_request request;
	struct packed packed;
	bool manifest = document->media_type != NULL;

	enum wire_put put = document->part ? WIRE_PUT_PART : WIRE_PUT_MANIFEST;
	begin(deliver, manifest ? put : WIRE_PUT_BLOB, document->hex, &request);
	request.size_bytes = (int64_t)document->size;
	if (manifest)
		(void)snprintf(request.media_type, sizeof(request.media_type), "%s",
			       document->media_type);
	return deliver_body(deliver, &request, write_document, &copy, &packed, err);
}
