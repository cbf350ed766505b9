/* Answers to challenges. */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "remote/auth.h"
#include "remote/base64.h"
#include "remote/errors.h"
#include "remote/session_internal.h"
#include "remote/token.h"

static int basic_header(const struct auth *auth, struct buf *out, struct err *err)
{
	BUF_AUTO(pair, REMOTE_TOKEN_BYTES_MAX);

	buf_fmt(&pair, "%s:%s", auth->user, auth->password);
	buf_str(out, "Authorization: Basic ");
	base64_write(out, pair.data, pair.len);
	if (pair.data != NULL)
		explicit_bzero(pair.data, pair.len);
	return buf_check(out, "the header of a name and a password", err);
}

static void add_escaped(struct buf *out, const char *name, const char *value)
{
	char *escaped = curl_easy_escape(NULL, value, 0);

	if (escaped == NULL) {
		out->failed = true;
		return;
	}
	buf_fmt(out, "%s=%s", name, escaped);
	curl_free(escaped);
}

static int take_body(void *arg, const void *data, size_t size)
{
	struct buf *out = arg;

	buf_add(out, data, size);
	return out->failed ? -EFBIG : 0;
}

/* Where tokens come from: never without TLS when the registry has it. */
static int realm_url(const struct session *session, const char *base, const char *realm,
		     char url[REMOTE_URL_MAX], struct err *err)
{
	int rc = http_resolve(base, realm, url, err);

	if (rc < 0)
		return err_wrap(err, rc, "the registry's token server");
	if (str_starts_with(base, "https:") && !str_starts_with(url, "https:"))
		return err_set(err, ERR_DENIED, 0, "refused: a token server without TLS, '%.200s'",
			       url);
	rc = session_check_plain(session, url, err);
	return rc < 0 ? err_wrap(err, rc, "the registry's token server") : 0;
}

/* `scope` adds to a list of them unless it is there; each is a parameter of its own, or in a form a word. */
static void add_scope(struct buf *out, bool form, const char *scope, size_t len)
{
	char text[CHALLENGE_TEXT_MAX];

	if (len == 0 || str_format(text, sizeof(text), "%.*s", (int)len, scope) < 0)
		return;
	if (form) {
		buf_str(out, out->len > 0 ? " " : "");
		buf_str(out, text);
	} else {
		buf_char(out, '&');
		add_escaped(out, "scope", text);
	}
}

/* "repository:PATH:": whether a scope is of this repository. */
static bool is_own_scope(const char *scope, const char *own)
{
	return str_starts_with(scope, own) && strchr(scope + strlen(own), ':') == NULL;
}

/*
 * What the registry wants shown, and for a push the right to push, whatever it wanted: one token then serves all. A
 * mount from another repository takes one for that, too.
 */
static void add_scopes(const struct session *session, const struct challenge *challenge,
		       struct buf *out, bool form)
{
	const char *path = session->options->reference.path;
	char own[REFERENCE_NAME_MAX + 64] = "";
	char right[REFERENCE_NAME_MAX + 96];
	char scope[CHALLENGE_TEXT_MAX];
	bool push = session->options->push;

	if (path[0] != '\0')
		(void)str_format(own, sizeof(own), "repository:%s:", path);
	if (own[0] != '\0' && (push || challenge->scope[0] == '\0')) {
		(void)str_format(right, sizeof(right), "%s%s", own, push ? "pull,push" : "pull");
		add_scope(out, form, right, strlen(right));
	}
	for (const char *at = challenge->scope; *at != '\0';) {
		size_t len = strcspn(at, " ");
		(void)str_format(scope, sizeof(scope), "%.*s", (int)len, at);
		if (!push || own[0] == '\0' || !is_own_scope(scope, own))
			add_scope(out, form, scope, strlen(scope));
		at += len + strspn(at + len, " ");
	}
}

/* GET with a name and a password or nothing; POST where an identity token stands for both. */
static int make_request(const struct session *session, const struct challenge *challenge,
			const struct auth *auth, const char *realm, struct buf *url,
			struct buf *form, struct err *err)
{
	BUF_AUTO(scopes, REMOTE_URL_MAX);
	bool posts = auth->identity_token != NULL;

	buf_str(url, realm);
	if (posts) {
		buf_str(form, "grant_type=refresh_token&client_id=corten&");
		add_escaped(form, "refresh_token", auth->identity_token);
		buf_char(form, '&');
		add_escaped(form, "service", challenge->service);
		add_scopes(session, challenge, &scopes, true);
		if (scopes.len > 0) {
			buf_char(form, '&');
			add_escaped(form, "scope", scopes.data);
		}
	} else {
		buf_char(url, strchr(realm, '?') != NULL ? '&' : '?');
		add_escaped(url, "service", challenge->service);
		add_scopes(session, challenge, url, false);
	}
	if (auth->user != NULL && auth->user[0] != '\0' && !posts) {
		buf_char(url, '&');
		add_escaped(url, "account", auth->user);
	}
	int rc = buf_check(url, "the token server's URL", err);
	return rc < 0 ? rc : buf_check(form, "the request for a token", err);
}

static int refuse_token(const struct session *session, const struct http_response *response,
			bool named, struct err *err)
{
	char said[ERRORS_TEXT_MAX];
	bool denied = response->status == 401 || response->status == 403;

	errors_text(response->error.data != NULL ? response->error.data : "", response->error.len,
		    said);
	return err_set(err, denied ? ERR_DENIED : ERR_SYSTEM, 0, "it answers %d %s%s%s%s%s",
		       response->status, errors_status(response->status) + 4,
		       said[0] != '\0' ? ": " : "", said,
		       named    ? " - is the password right? corten login "
		       : denied ? " - it may want a login: corten login "
				: "",
		       named || denied ? session->options->reference.domain : "");
}

static int ask(struct session *session, struct http_client *client, const char *url,
	       const char *form, const char *basic, struct buf *body, struct err *err)
{
	ARENA_AUTO(arena, REMOTE_CERTS_BYTES_MAX + REMOTE_URL_MAX);
	char host[REMOTE_URL_MAX];
	struct http_tls tls = session->tls;
	struct http_response response = {0};
	struct http_request request = {.method = form != NULL ? HTTP_POST : HTTP_GET,
				       .url = url,
				       .form = form,
				       .whole_s = REMOTE_DOCUMENT_S,
				       .sink = take_body,
				       .sink_arg = body,
				       .tls = &tls};

	if (basic != NULL)
		request.headers = (json_strings){.items = &basic, .count = 1};
	int rc = http_host_of(url, host, sizeof(host), err);
	if (rc == 0 && strcmp(host, session->host) != 0)
		rc = session_tls_of(session, url, &arena, &tls, err);
	if (rc < 0)
		return rc;
	request.direct = session_is_loopback(host);
	rc = http_send(client, &request, &response, err);
	if (rc == 0 && response.status != 200)
		rc = refuse_token(session, &response, basic != NULL, err);
	http_response_done(&response);
	return rc < 0 ? err_wrap(err, rc, "token server '%.100s'", host) : 0;
}

static int fetch_token(struct session_try *try, const struct auth *auth, struct buf *header,
		       struct err *err)
{
	struct session *session = try->session;
	/* The answer that holds it is overwritten by nothing that happens here. */
	const struct challenge *challenge = &try->response.challenge;
	ARENA_AUTO(arena, REMOTE_ARENA_BYTES_MAX);
	BUF_AUTO(url, REMOTE_URL_MAX);
	BUF_AUTO(form, REMOTE_TOKEN_BYTES_MAX);
	BUF_AUTO(basic, REMOTE_TOKEN_BYTES_MAX);
	BUF_AUTO(body, REMOTE_TOKEN_BYTES_MAX);
	char realm[REMOTE_URL_MAX];
	const char *token = NULL;
	bool named = auth->user != NULL && auth->identity_token == NULL;

	int rc = realm_url(session, try->base, challenge->realm, realm, err);
	if (rc == 0)
		rc = make_request(session, challenge, auth, realm, &url, &form, err);
	if (rc == 0 && named)
		rc = basic_header(auth, &basic, err);
	if (rc == 0)
		rc = ask(session, try->client, url.data,
			 auth->identity_token != NULL ? form.data : NULL, named ? basic.data : NULL,
			 &body, err);
	if (rc == 0)
		rc = token_parse(body.data != NULL ? body.data : "", body.len, &arena, &token, err);
	if (rc < 0)
		return err_wrap(err, rc, "get a token");
	buf_fmt(header, "Authorization: Bearer %s", token);
	return buf_check(header, "a token", err);
}

int session_authorize(struct session_try *try, struct err *err)
{
	struct session *session = try->session;
	const struct challenge *challenge = &try->response.challenge;
	ARENA_AUTO(arena, REMOTE_ARENA_BYTES_MAX);
	BUF_AUTO(header, 2 * REMOTE_TOKEN_BYTES_MAX);
	struct auth auth;

	int rc = 0;
	if (session->options->auth != NULL)
		auth = *session->options->auth;
	else
		rc = auth_find(session->options->auth_file, session->repository,
			       session->options->env, &arena, &auth, err);
	if (rc < 0)
		return rc;
	if (challenge->bearer && challenge->realm[0] != '\0')
		rc = fetch_token(try, &auth, &header, err);
	else if (challenge->basic && auth.user != NULL)
		rc = basic_header(&auth, &header, err);
	else if (challenge->basic)
		return 0; /* the refusal says it */
	else
		rc = err_set(err, ERR_UNSUPPORTED, 0,
			     "the registry wants to be convinced in a way that is neither Basic "
			     "nor Bearer");
	if (rc < 0)
		return rc;
	if (session->authorization != NULL)
		explicit_bzero(session->authorization, strlen(session->authorization));
	free(session->authorization);
	session->authorization = buf_take(&header);
	return 0;
}
