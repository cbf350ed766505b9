/*
 * session_internal.h - what the files of session.h share.
 */
#ifndef CORTEN_REMOTE_SESSION_INTERNAL_H
#define CORTEN_REMOTE_SESSION_INTERNAL_H

#include <pthread.h>

#include "remote/limits.h"
#include "remote/session.h"

enum session_scheme {
	SCHEME_UNKNOWN,
	SCHEME_HTTPS,
	SCHEME_HTTP,
};

struct session {
	const struct session_options *options;
	struct arena arena;
	char host[REFERENCE_NAME_MAX + 1];   /* where the registry really is */
	char repository[REFERENCE_TEXT_MAX]; /* "host/path" as in the reference */
	bool loopback;
	struct http_tls tls;
	pthread_mutex_t mutex; /* of what follows */
	enum session_scheme scheme;
	char *authorization;     /* a whole header; NULL: none */
	unsigned int generation; /* of authorization */
	struct http_client *clients[16];
	size_t client_count;
};

/* One try at one request: `done` bytes of the body have been passed on before. */
struct session_try {
	struct session *session;
	struct http_client *client;
	const struct session_request *request;
	char origin[REMOTE_URL_MAX]; /* of the registry itself, "https://host" */
	char base[REMOTE_URL_MAX];   /* where to begin: at the registry, or at the request's URL */
	char at[REMOTE_URL_MAX];     /* where the answer came from */
	int64_t done;
	int64_t skip; /* bytes that come again, as the range was not heeded */
	struct http_response response;
	bool wrong_range;
	bool taken;    /* the body was read: to be sent again it is to be rewound */
	bool answered; /* the registry has been reached */
	bool elsewhere; /* the answer is that of another host, to which the registry had redirected */
};

/* Sends, following redirects; the header of authorization goes to the first origin alone. */
int session_follow(struct session_try *try, const char *authorization, struct err *err);

/* Answers a challenge: gets a token, or makes a header of a name and a password. The mutex is held. */
int session_authorize(struct session_try *try, struct err *err);

/* The registry's refusal, as an error. */
int session_refused(const struct session *session, const struct session_request *request,
		    const struct http_response *response, struct err *err);

/* Before a request is sent once more: its body is at its beginning. False: it is not. */
bool session_rewind(struct session_try *try);

/* TLS settings of another host than the registry's, in the arena. */
int session_tls_of(const struct session *session, const char *url, struct arena *arena,
		   struct http_tls *ret_tls, struct err *err);

/* Whether a URL has TLS, or may do without: with this machine, or where the user said so. */
int session_check_plain(const struct session *session, const char *url, struct err *err);

/* Whether a URL's host is this machine. */
bool session_is_loopback(const char *host);

#endif
