#include "remote/session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/str.h"
#include "remote/certs.h"
#include "remote/session_internal.h"

#define DOCKER_HOST     "docker.io"
#define DOCKER_REGISTRY "registry-1.docker.io"

bool session_is_loopback(const char *host)
{
	char name[REFERENCE_NAME_MAX + 1];
	struct in_addr four;
	struct in6_addr six;
	const char *start = host[0] == '[' ? host + 1 : host;
	size_t len = host[0] == '[' ? strcspn(start, "]") : strcspn(start, ":");

	if (len >= sizeof(name))
		return false;
	memcpy(name, start, len);
	name[len] = '\0';
	if (strcasecmp(name, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, name, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, name, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

int session_new(const struct session_options *options, struct session **ret_session,
		struct err *err)
{
	struct session *session = calloc(1, sizeof(*session));
	const struct reference *ref = &options->reference;

	if (session == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "prepare to ask a registry");
	session->options = options;
	session->arena = ARENA_INIT(REMOTE_ARENA_BYTES_MAX + REMOTE_CERTS_BYTES_MAX);
	(void)pthread_mutex_init(&session->mutex, NULL);
	(void)str_copy(session->host, sizeof(session->host),
		       strcmp(ref->domain, DOCKER_HOST) == 0 ? DOCKER_REGISTRY : ref->domain);
	(void)str_format(session->repository, sizeof(session->repository), "%s/%s", ref->domain,
			 ref->path);
	session->loopback = session_is_loopback(session->host);
	session->tls.insecure = options->verify == SESSION_VERIFY_NOT;
	int rc = certs_find(options->cert_folder, session->host, options->env, &session->arena,
			    &session->tls, err);
	if (rc < 0) {
		session_free(session);
		return rc;
	}
	*ret_session = session;
	return 0;
}

void session_free(struct session *session)
{
	if (session == NULL)
		return;
	for (size_t i = 0; i < session->client_count; i++)
		http_client_free(session->clients[i]);
	if (session->authorization != NULL)
		explicit_bzero(session->authorization, strlen(session->authorization));
	free(session->authorization);
	arena_done(&session->arena);
	(void)pthread_mutex_destroy(&session->mutex);
	free(session);
}

struct http_client *session_client_take(struct session *session, struct err *err)
{
	struct http_client *client = NULL;

	(void)pthread_mutex_lock(&session->mutex);
	if (session->client_count > 0)
		client = session->clients[--session->client_count];
	(void)pthread_mutex_unlock(&session->mutex);
	return client != NULL ? client : http_client_new(err);
}

void session_client_give(struct session *session, struct http_client *client)
{
	(void)pthread_mutex_lock(&session->mutex);
	if (session->client_count < sizeof(session->clients) / sizeof(session->clients[0])) {
		session->clients[session->client_count++] = client;
		client = NULL;
	}
	(void)pthread_mutex_unlock(&session->mutex);
	http_client_free(client);
}

static bool plain_allowed(const struct session *session)
{
	return session->options->verify == SESSION_VERIFY_NOT ||
	       (session->options->verify == SESSION_VERIFY_DEFAULT && session->loopback);
}

/* A copy of the header that holds now, and which one it is. NULL: none yet. */
static char *current_authorization(struct session *session, unsigned int *ret_generation)
{
	(void)pthread_mutex_lock(&session->mutex);
	char *copy = session->authorization != NULL ? strdup(session->authorization) : NULL;
	*ret_generation = session->generation;
	(void)pthread_mutex_unlock(&session->mutex);
	return copy;
}

static void free_secret(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

/* 0: another thread has answered the challenge already, and its token is tried first; 1: answered now. */
static int authorize(struct session_try *try, unsigned int generation, struct err *err)
{
	struct session *session = try->session;
	int rc = 0;

	(void)pthread_mutex_lock(&session->mutex);
	if (session->generation == generation) {
		rc = session_authorize(try, err);
		session->generation++;
		rc = rc < 0 ? rc : 1;
	}
	(void)pthread_mutex_unlock(&session->mutex);
	return rc;
}

/*
 * As it is, and when challenged once more with an answer to that. Only the registry itself may challenge: what a
 * redirect led to could name any token server to send the password to.
 */
static int send_authorized(struct session_try *try, struct err *err)
{
	bool answered = false;

	for (;;) {
		unsigned int generation;
		char *authorization = current_authorization(try->session, &generation);
		int rc = session_follow(try, authorization, err);
		free_secret(authorization);
		if (rc < 0 || try->response.status != 401 || !try->response.challenged ||
		    answered || try->elsewhere || !session_rewind(try))
			return rc;
		rc = authorize(try, generation, err);
		if (rc < 0)
			return rc;
		answered = rc > 0;
	}
}

static int make_url(struct session_try *try, enum session_scheme scheme, struct err *err)
{
	const struct session *session = try->session;

	const char *path = try->request->path;
	const char *url = try->request->url;
	const char *repository = session->options->reference.path;
	bool absolute = path != NULL && path[0] == '/';

	int rc = str_format(try->origin, sizeof(try->origin), "%s://%s",
			    scheme == SCHEME_HTTP ? "http" : "https", session->host);
	if (rc == 0 && url != NULL)
		rc = str_copy(try->base, sizeof(try->base), url);
	else if (rc == 0)
		rc = str_format(try->base, sizeof(try->base), "%s%s%s%s%s", try->origin,
				absolute ? "" : "/v2/", absolute ? "" : repository,
				absolute ? "" : "/", path);
	if (rc < 0)
		return err_set(err, ERR_INVALID, ENAMETOOLONG, "the name is too long");
	return 0;
}

/* TLS first; where it may be done without, that is known only once nobody answers to it. */
static int send_some_scheme(struct session_try *try, struct err *err)
{
	struct session *session = try->session;

	(void)pthread_mutex_lock(&session->mutex);
	enum session_scheme scheme = session->scheme;
	(void)pthread_mutex_unlock(&session->mutex);
	bool known = scheme != SCHEME_UNKNOWN;
	if (!known)
		scheme = SCHEME_HTTPS;
	for (;;) {
		int rc = make_url(try, scheme, err);
		if (rc < 0)
			return rc;
		rc = send_authorized(try, err);
		enum http_failure failure = try->response.failure;
		bool nobody = rc < 0 && (failure == HTTP_TLS || failure == HTTP_CONNECT);
		if (nobody && !known && scheme == SCHEME_HTTPS && plain_allowed(session)) {
			scheme = SCHEME_HTTP;
			continue;
		}
		try->answered = try->answered || known || !nobody;
		if (!known && !nobody) {
			(void)pthread_mutex_lock(&session->mutex);
			session->scheme = scheme;
			(void)pthread_mutex_unlock(&session->mutex);
		}
		return rc;
	}
}

static bool is_worth_another(const struct session_try *try, int rc)
{
	const struct http_response *response = &try->response;

	/* A host that never answered will not be there in a second either. */
	if (rc < 0)
		return response->failure == HTTP_BROKEN ||
		       (response->failure == HTTP_CONNECT && try->answered);
	return response->status == 408 || response->status == 429 || response->status >= 500;
}

void session_wait(int tries, int64_t retry_after_s)
{
	int64_t ms = (int64_t)REMOTE_WAIT_FIRST_MS << (tries - 1);

	if (retry_after_s >= 0)
		ms = retry_after_s * 1000;
	const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	(void)nanosleep(&time, NULL);
}

/* Until an answer holds, or patience ends. Every new byte of the body makes it patient again. */
static int try_often(struct session_try *try, struct err *err)
{
	int tries = 0, resumes = 0;

	for (;;) {
		int64_t before = try->done;
		http_response_done(&try->response);
		int rc = send_some_scheme(try, err);
		bool stopped = try->response.failure == HTTP_STOPPED && !try->wrong_range;
		if (stopped || !is_worth_another(try, rc))
			return stopped ? 0 : rc;
		if (try->done > before) {
			tries = 0;
			resumes++;
		}
		tries++;
		bool too_long = try->response.retry_after_s > REMOTE_RETRY_AFTER_S;
		if (tries >= REMOTE_TRIES_MAX || resumes >= REMOTE_RESUMES_MAX || too_long ||
		    !session_rewind(try))
			return rc;
		session_wait(tries, try->response.retry_after_s);
	}
}

bool session_rewind(struct session_try *try)
{
	const struct session_body *body = try->request->body;

	if (!try->taken)
		return true;
	if (body == NULL || body->rewind == NULL || body->rewind(body->arg) < 0)
		return false;
	try->taken = false;
	return true;
}

static bool is_answer(const struct session_request *request, int status)
{
	return (status >= 200 && status < 300) || (status == request->also && status != 0);
}

static int fill_answer(const struct session_try *try, bool failed, struct session_answer *answer,
		       struct err *err)
{
	const struct http_response *response = &try->response;

	*answer = (struct session_answer){
		.status = response->status,
		.stopped = response->failure == HTTP_STOPPED,
		.body_taken = try->taken,
		.worth_a_try = is_worth_another(try, response->failure != HTTP_OK ? -1 : 0),
		.range_end = response->range_end,
		.chunk_bytes = response->chunk_bytes,
		.retry_after_s = response->retry_after_s,
	};
	(void)str_copy(answer->content_type, sizeof(answer->content_type), response->content_type);
	(void)str_copy(answer->digest, sizeof(answer->digest), response->digest);
	(void)str_copy(answer->subject, sizeof(answer->subject), response->subject);
	(void)str_copy(answer->filters, sizeof(answer->filters), response->filters);
	if (failed || response->location[0] == '\0')
		return 0;
	int rc = http_resolve(try->at, response->location, answer->location, err);
	return rc < 0 ? err_wrap(err, rc, "Location of the answer from '%.200s'", try->at) : 0;
}

/* A link that leads to another server could draw it anything: it is not followed. */
static int find_next(const struct session_try *try, char ret_path[REMOTE_URL_MAX], struct err *err)
{
	char url[REMOTE_URL_MAX];

	ret_path[0] = '\0';
	if (!try->request->listed || try->response.next[0] == '\0')
		return 0;
	int rc = http_resolve(try->base, try->response.next, url, err);
	if (rc < 0)
		return err_wrap(err, rc, "where the list goes on");
	if (!http_same_origin(try->base, url))
		return err_set(err, ERR_DENIED, 0,
			       "refused: the registry's list goes on at '%.200s', another server",
			       url);
	const char *path = strchr(strstr(url, "://") + 3, '/');
	return str_copy(ret_path, REMOTE_URL_MAX, path != NULL ? path : "/");
}

static int wrap_failure(const struct session *session, const struct session_request *request,
			int rc, struct err *err)
{
	bool registry = request->path != NULL && request->path[0] == '/';

	return err_wrap(err, rc, "registry %s%s%s", session->host, registry ? "" : ", repository ",
			registry ? "" : session->options->reference.path);
}

int session_send(struct session *session, const struct session_request *request,
		 struct session_answer *ret_answer, struct err *err)
{
	struct session_try try = {.session = session, .request = request};

	*ret_answer = (struct session_answer){0};
	try.client = session_client_take(session, err);
	if (try.client == NULL)
		return -ENOMEM;
	int rc = try_often(&try, err);
	bool sent = rc >= 0;
	if (sent && !is_answer(request, try.response.status) &&
	    try.response.failure != HTTP_STOPPED)
		rc = session_refused(session, request, &try.response, err);
	struct err location;
	int location_rc = fill_answer(&try, rc < 0, ret_answer, &location);
	if (rc == 0 && location_rc == 0)
		location_rc = find_next(&try, ret_answer->next, &location);
	if (rc == 0 && location_rc < 0) {
		*err = location;
		rc = location_rc;
		sent = false;
	}
	if (!sent)
		rc = wrap_failure(session, request, rc, err);
	http_response_done(&try.response);
	session_client_give(session, try.client);
	return rc;
}

int session_get(struct session *session, const struct session_request *request,
		struct session_answer *ret_answer, struct err *err)
{
	int rc = session_send(session, request, ret_answer, err);

	if (rc == 0 && ret_answer->status != 200 && ret_answer->status != 206)
		rc = wrap_failure(session, request,
				  err_set(err, ERR_INVALID, EPROTO,
					  "%.120s: status %d in place of 200", request->path,
					  ret_answer->status),
				  err);
	return rc;
}
