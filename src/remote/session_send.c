/* One request to wherever it is redirected, and what a refusal means. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "remote/certs.h"
#include "remote/errors.h"
#include "remote/session_internal.h"

int session_check_plain(const struct session *session, const char *url, struct err *err)
{
	char host[REMOTE_URL_MAX];

	if (str_starts_with(url, "https:") || session->options->verify == SESSION_VERIFY_NOT)
		return 0;
	int rc = http_host_of(url, host, sizeof(host), err);
	if (rc < 0)
		return rc;
	if (session->options->verify == SESSION_VERIFY_DEFAULT && session_is_loopback(host))
		return 0;
	return err_set(err, ERR_DENIED, 0,
		       "refused: '%.200s' has no TLS, and is not on this machine", url);
}

int session_tls_of(const struct session *session, const char *url, struct arena *arena,
		   struct http_tls *ret_tls, struct err *err)
{
	char host[REMOTE_URL_MAX];

	*ret_tls = (struct http_tls){.insecure = session->options->verify == SESSION_VERIFY_NOT};
	int rc = http_host_of(url, host, sizeof(host), err);
	return rc < 0 ? rc : certs_find(NULL, host, session->options->env, arena, ret_tls, err);
}

/* Passes a body on from where it broke off. */
static int pass_on(void *arg, const void *data, size_t size)
{
	struct session_try *try = arg;
	const char *at = data;

	if (try->skip >= (int64_t)size) {
		try->skip -= (int64_t)size;
		return 0;
	}
	at += try->skip;
	size -= (size_t)try->skip;
	try->skip = 0;
	int rc = try->request->sink(try->request->sink_arg, at, size);
	if (rc == 0)
		try->done += (int64_t)size;
	return rc;
}

/* Called with the first piece: only then it is known which part of the body comes. */
static int begin_body(void *arg, const void *data, size_t size)
{
	struct session_try *try = arg;

	if (try->skip < 0) {
		try->skip = try->response.status == 206 ? 0 : try->done;
		if (try->response.status == 206 && try->response.range_start != try->done) {
			try->wrong_range = true;
			return -EPROTO;
		}
	}
	return pass_on(arg, data, size);
}

static int send_one(struct session_try *try, const char *url, const struct http_tls *tls,
		    const char *authorization, struct err *err)
{
	const char *headers[SESSION_HEADERS_MAX + 1];
	const struct session_body *body = try->request->body;
	char host[REMOTE_URL_MAX];
	struct http_request request = {.method = try->request->method,
				       .url = url,
				       .tls = tls,
				       .offset = try->done,
				       .whole_s = try->request->whole_s,
				       .stall_s = try->request->stall_s};

	if (try->request->sink != NULL) {
		request.sink = begin_body;
		request.sink_arg = try;
	}
	if (body != NULL) {
		request.source = body->read;
		request.source_arg = body->arg;
		request.source_bytes = body->size_bytes;
	}
	for (size_t i = 0; i < try->request->headers.count && i < SESSION_HEADERS_MAX; i++)
		headers[request.headers.count++] = try->request->headers.items[i];
	if (authorization != NULL)
		headers[request.headers.count++] = authorization;
	request.headers.items = headers;
	int rc = http_host_of(url, host, sizeof(host), err);
	if (rc < 0)
		return rc;
	request.direct = session_is_loopback(host);
	try->skip = -1;
	http_response_done(&try->response);
	rc = http_send(try->client, &request, &try->response, err);
	try->taken = try->taken || try->response.source_taken;
	(void)str_copy(try->at, sizeof(try->at), url);
	if (rc < 0 && try->wrong_range)
		return err_set(err, ERR_INVALID, EPROTO,
			       "asked to go on at byte %lld, the registry went on elsewhere",
			       (long long)try->done);
	return rc;
}

/* What is sent changes nothing where it is answered with a redirect, or is sent again as it is. */
static bool is_redirect(const struct session_try *try)
{
	int status = try->response.status;
	bool reads = try->request->method == HTTP_GET || try->request->method == HTTP_HEAD;

	if (status == 307 || status == 308)
		return true;
	return reads && (status == 301 || status == 302 || status == 303);
}

/* Before anything is sent to `next`: only the registry itself gets credentials, and TLS is never left. */
static int enter(struct session_try *try, const char *from, const char *next, struct arena *arena,
		 struct http_tls *tls, struct err *err)
{
	if (str_starts_with(from, "https:") && !str_starts_with(next, "https:"))
		return err_set(err, ERR_DENIED, 0, "refused: a redirect from TLS to '%.200s'",
			       next);
	int rc = session_check_plain(try->session, next, err);
	if (rc < 0)
		return err_wrap(err, rc, "redirect from '%.200s'", from);
	if (http_same_origin(try->origin, next)) {
		*tls = try->session->tls;
		return 0;
	}
	/* Even when a later redirect should lead back: who redirects there is another. */
	try->elsewhere = true;
	return session_tls_of(try->session, next, arena, tls, err);
}

static int next_of(struct session_try *try, const char *url, char next[REMOTE_URL_MAX],
		   struct err *err)
{
	if (try->response.location[0] == '\0')
		return err_set(err, ERR_INVALID, 0, "redirect from '%.200s' to nowhere", url);
	if (!session_rewind(try))
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "redirect from '%.200s' after the upload had begun", url);
	int rc = http_resolve(url, try->response.location, next, err);
	return rc < 0 ? err_wrap(err, rc, "redirect from '%.200s'", url) : 0;
}

int session_follow(struct session_try *try, const char *authorization, struct err *err)
{
	ARENA_AUTO(arena, REMOTE_CERTS_BYTES_MAX + REMOTE_URL_MAX);
	char url[REMOTE_URL_MAX], next[REMOTE_URL_MAX];
	struct http_tls tls;

	try->elsewhere = false;
	(void)str_copy(url, sizeof(url), try->base);
	int rc = enter(try, try->origin, url, &arena, &tls, err);
	for (int hops = 0; rc == 0 && hops <= REMOTE_REDIRECTS_MAX; hops++) {
		rc = send_one(try, url, &tls, try->elsewhere ? NULL : authorization, err);
		if (rc < 0 || !is_redirect(try))
			return rc;
		rc = next_of(try, url, next, err);
		if (rc < 0)
			return rc;
		rc = enter(try, url, next, &arena, &tls, err);
		(void)str_copy(url, sizeof(url), next);
	}
	if (rc < 0)
		return rc;
	return err_set(err, ERR_INVALID, 0, "more than %d redirects, the last to '%.200s'",
		       REMOTE_REDIRECTS_MAX, url);
}

static int refuse(const struct session *session, enum err_kind kind, const char *what,
		  const char *said, const char *remedy, struct err *err)
{
	bool repository = session->options->reference.path[0] != '\0';

	return err_set(err, kind, 0, "registry %s%s%s: %s%s%s%s%s", session->host,
		       repository ? ", repository " : "", session->options->reference.path, what,
		       said[0] != '\0' ? ": " : "", said, remedy[0] != '\0' ? " - " : "", remedy);
}

/* What a request was for, without the secrets that a Location may hold. */
static void describe(const struct session_request *request, char *buf, size_t size)
{
	const char *verb = request->method == HTTP_GET || request->method == HTTP_HEAD ? ""
			   : request->method == HTTP_DELETE                            ? "delete "
							    : "upload to ";
	const char *path = request->path != NULL ? request->path : request->url;

	(void)snprintf(buf, size, "%s%.*s", verb,
		       (int)(path == request->url ? strcspn(path, "?") : strlen(path)), path);
}

int session_refused(const struct session *session, const struct session_request *request,
		    const struct http_response *response, struct err *err)
{
	char said[ERRORS_TEXT_MAX], what[256], path[161], login[REFERENCE_NAME_MAX + 64];
	int status = response->status;

	describe(request, path, sizeof(path));

	errors_text(response->error.data != NULL ? response->error.data : "", response->error.len,
		    said);
	(void)snprintf(what, sizeof(what), "%.160s: %d %s", path, status,
		       errors_status(status) + 4);
	if (status == 429)
		return refuse(session, ERR_SYSTEM, "the registry refuses: too many requests", said,
			      "log in with corten login, or try again later", err);
	if ((status == 401 || status == 403) && session->options->push) {
		(void)snprintf(login, sizeof(login),
			       "to push takes a login with that right: corten login %s",
			       session->options->reference.domain);
		return refuse(session, ERR_DENIED, what, said, login, err);
	}
	if (status == 401 || status == 403)
		return refuse(session, ERR_DENIED, what, said,
			      "it may not exist, or want a login: corten login REGISTRY", err);
	if (status == 404)
		return refuse(session, ERR_NOT_FOUND, what, said, "", err);
	return refuse(session, ERR_SYSTEM, what, said, "", err);
}
