/*
 * http.h - one exchange with a server: a thin layer over libcurl.
 *
 * Purpose    Sends one request and gives back what registries say in status and headers; nothing is followed,
 *            tried again or authorised here (session.h does).
 * Ownership  A client keeps a connection alive between exchanges; http_client_free() closes it.
 * Errors     Those of the way there: the kind of failure is in the answer. A status of 4xx or 5xx is none.
 * Threads    One client belongs to one thread at a time. http_init() comes once, before any.
 */
#ifndef CORTEN_REMOTE_HTTP_H
#define CORTEN_REMOTE_HTTP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/json.h"
#include "remote/challenge.h"
#include "remote/limits.h"

struct http_client;

/* How to meet a host over TLS. */
struct http_tls {
	bool insecure;      /* certificates are not verified */
	const char *ca_pem; /* beside the system's; NULL: none */
	size_t ca_len;
	const char *cert_file; /* the client's; NULL: none */
	const char *key_file;
};

/* Takes a piece of the body of an answer 200 or 206. 0, or negative to stop the exchange. */
typedef int http_sink_fn(void *arg, const void *data, size_t size);

/* Gives up to size bytes of a body to send; 0 at its end, negative to stop the exchange. */
typedef ssize_t http_source_fn(void *arg, void *data, size_t size);

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_PATCH,
	HTTP_DELETE,
};

struct http_request {
	enum http_method method;
	const char *url;
	const struct http_tls *tls;
	json_strings headers; /* "Name: value" */
	const char *form;     /* to send with HTTP_POST; NULL: none */
	bool direct;          /* no proxy */
	int64_t offset;       /* where to begin; 0: no Range */
	long whole_s;         /* how long all of it may take; 0: as long as bytes come */
	long stall_s;         /* how long no bytes may come or go; 0: REMOTE_STALL_S */
	http_sink_fn *sink; /* NULL: a body is not wanted; its beginning is read, as of an error */
	void *sink_arg;
	http_source_fn *source; /* what POST, PUT and PATCH send; NULL: nothing */
	void *source_arg;
	int64_t source_bytes; /* negative: not known before its end */
};

enum http_failure {
	HTTP_OK,
	HTTP_CONNECT, /* nobody there */
	HTTP_TLS,     /* somebody who does not speak TLS */
	HTTP_VERIFY,  /* somebody else */
	HTTP_BROKEN,  /* the connection broke, or stalled */
	HTTP_STOPPED, /* by the sink or the source */
	HTTP_WRONG,   /* no HTTP, or too much of it */
};

struct http_response {
	enum http_failure failure;
	int status;
	bool source_taken;     /* the server wanted of the body, all or a part */
	int64_t range_start;   /* of Content-Range; negative: not said */
	int64_t range_end;     /* of Range, as an upload has it: the last byte that is there */
	int64_t chunk_bytes;   /* OCI-Chunk-Min-Length; 0: not said */
	int64_t retry_after_s; /* negative: not said */
	bool challenged;
	struct challenge challenge;
	char content_type[256]; /* without parameters; "" when not said */
	char digest[160];       /* Docker-Content-Digest */
	char subject[160];      /* OCI-Subject */
	char location[REMOTE_URL_MAX];
	char next[REMOTE_URL_MAX]; /* where Link says that a list goes on */
	char filters[128];         /* OCI-Filters-Applied */
	struct buf error;          /* the body, of any other status than 200 and 206 */
};

int http_init(struct err *err);

struct http_client *http_client_new(struct err *err);
void http_client_free(struct http_client *client);

/* ret_response is to be ended by http_response_done(), also on failure. */
int http_send(struct http_client *client, const struct http_request *request,
	      struct http_response *ret_response, struct err *err);
void http_response_done(struct http_response *response);

/* Resolves a Location against the URL that gave it: http and https alone. */
int http_resolve(const char *base, const char *location, char ret_url[REMOTE_URL_MAX],
		 struct err *err);

/* Whether scheme, host and port are the same. */
bool http_same_origin(const char *one, const char *two);

/* "host:port" of a URL, without its default port. */
int http_host_of(const char *url, char *buf, size_t size, struct err *err);

#endif
