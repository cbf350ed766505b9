/*
 * session.h - a registry, as long as one pull talks to it.
 *
 * Purpose    Finds out whether it speaks TLS, answers its challenges, follows redirects, tries again what can be
 *            tried again, and goes on with a body where it broke off.
 * Ownership  The options and what they point to must outlive the session.
 * Trust      Credentials go to the registry's own scheme, host and port, and to its token server, which must speak
 *            TLS when the registry does. From TLS nothing is followed to plain HTTP.
 * Errors     Name the registry, the repository, the status and the registry's own words.
 * Threads    Any number may send at once, each with a client of its own.
 */
#ifndef CORTEN_REMOTE_SESSION_H
#define CORTEN_REMOTE_SESSION_H

#include "base/arena.h"
#include "remote/http.h"
#include "store/reference.h"

enum session_verify {
	SESSION_VERIFY_DEFAULT, /* certificates are verified; plain HTTP with this host alone */
	SESSION_VERIFY,         /* and no plain HTTP */
	SESSION_VERIFY_NOT,     /* certificates of anybody, or plain HTTP */
};

struct session_options {
	struct reference reference;
	enum session_verify verify;
	const char *auth_file;   /* NULL: where Podman and Docker keep theirs */
	const char *cert_folder; /* NULL: certs.d/HOST */
	char *const *env;
	const struct auth *auth; /* instead of what files say; NULL: those */
};

struct auth;
struct session;

int session_new(const struct session_options *options, struct session **ret_session,
		struct err *err);
void session_free(struct session *session);

/* A connection to send over: one that is kept, or a new one. */
struct http_client *session_client_take(struct session *session, struct err *err);
void session_client_give(struct session *session, struct http_client *client);

/* Of the repository, "manifests/latest"; with a slash before it of the registry, "/v2/". */
struct session_request {
	const char *path;
	json_strings accept;
	long whole_s; /* as in struct http_request */
	http_sink_fn *sink;
	void *sink_arg;
};

struct session_answer {
	char content_type[256];
	char digest[160]; /* as the registry says it */
	bool stopped;     /* by the sink: that is no failure */
};

int session_get(struct session *session, const struct session_request *request,
		struct session_answer *ret_answer, struct err *err);

#endif
