/*
 * session.h - a registry, as long as one pull or push talks to it.
 *
 * Purpose    Finds out whether it speaks TLS, answers its challenges, follows redirects, tries again what can be
 *            tried again, and goes on with a body where it broke off.
 * Ownership  The options and what they point to must outlive the session.
 * Trust      Credentials go to the registry's own scheme, host and port, and to its token server, which must speak
 *            TLS when the registry does. From TLS nothing is followed to plain HTTP. A Location that the registry
 *            gave may lead elsewhere: without credentials.
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
	bool push;               /* tokens are asked for with the right to push */
};

struct auth;
struct session;

int session_new(const struct session_options *options, struct session **ret_session,
		struct err *err);
void session_free(struct session *session);

/* A connection to send over: one that is kept, or a new one. */
struct http_client *session_client_take(struct session *session, struct err *err);
void session_client_give(struct session *session, struct http_client *client);

/* A body to send. */
struct session_body {
	http_source_fn *read;
	int (*rewind)(
		void *arg); /* to its beginning, 0 or negative; NULL: it can be read once alone */
	void *arg;
	int64_t size_bytes; /* negative: not known */
};

struct session_request {
	enum http_method method;
	const char *
		path; /* of the repository, "manifests/latest"; with a slash before it of the registry, "/v2/" */
	const char *url;      /* in place of a path: a Location that the registry gave */
	json_strings headers; /* "Name: value", SESSION_HEADERS_MAX at most */
	int also;             /* a status that is an answer and no refusal, such as 404; 0: none */
	bool listed;  /* the answer may go on elsewhere: at the registry itself, else ERR_DENIED */
	long whole_s; /* as in struct http_request */
	long stall_s;
	http_sink_fn *sink;
	void *sink_arg;
	const struct session_body *body; /* of POST, PUT and PATCH; NULL: an empty one */
};

#define SESSION_HEADERS_MAX 8

struct session_answer {
	int status;       /* 0: there was none */
	bool stopped;     /* by the sink: that is no failure */
	bool body_taken;  /* the body was read, or a part of it */
	bool worth_a_try; /* after a failure: another time it might do */
	char content_type[256];
	char digest[160];              /* as the registry says it */
	char subject[160];             /* the same of OCI-Subject */
	char filters[128];             /* the same of OCI-Filters-Applied */
	char location[REMOTE_URL_MAX]; /* complete; "": none */
	char next[REMOTE_URL_MAX]; /* where a list goes on: a path to ask for next; "": it ends */
	int64_t range_end;         /* as in struct http_response */
	int64_t chunk_bytes;
	int64_t retry_after_s;
};

/*
 * Sends until there is an answer: a status of 2xx, or request->also. A body that was read in part is sent again only
 * where it can be rewound. ret_answer is filled on failure too.
 */
int session_send(struct session *session, const struct session_request *request,
		 struct session_answer *ret_answer, struct err *err);

/* The same where nothing but the whole (200) or the rest (206) is an answer. */
int session_get(struct session *session, const struct session_request *request,
		struct session_answer *ret_answer, struct err *err);

/* Waits before the next of `tries` tries: longer each time, or as long as the registry wants (negative: it does not). */
void session_wait(int tries, int64_t retry_after_s);

#endif
