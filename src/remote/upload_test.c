#include "remote/upload.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/str.h"
#include "base/test.h"

/* One exchange that the registry of a test expects, and what it answers. */
struct step {
	const char *request; /* how its line begins */
	const char *answer;  /* status line's rest and headers; NULL: the connection breaks */
	size_t cut;          /* with answer NULL: after so many bytes of the body */
	const char *header;  /* one that must be there; NULL: none; "!NAME": must not be there */
};

struct registry {
	int listener;
	char host[32];
	const struct step *steps;
	size_t count;
	size_t at;
	atomic_int wrong;
	char body[65536]; /* of all requests together, without what was cut off */
	size_t body_len;
	pthread_t thread;
};

static bool read_line(int fd, char *line, size_t size)
{
	size_t len = 0;

	for (;;) {
		char c;
		if (recv(fd, &c, 1, 0) != 1 || c == 0x16)
			return false;
		if (c == '\n')
			break;
		if (c != '\r' && len + 1 < size)
			line[len++] = c;
	}
	line[len] = '\0';
	return true;
}

static bool take_bytes(struct registry *registry, int fd, size_t count, size_t *left)
{
	for (; count > 0 && *left > 0; count--, (*left)--) {
		if (registry->body_len == sizeof(registry->body) ||
		    recv(fd, registry->body + registry->body_len, 1, 0) != 1)
			return false;
		registry->body_len++;
	}
	return count == 0;
}

static bool take_body(struct registry *registry, int fd, long length, bool chunked, size_t max)
{
	char line[256];
	size_t left = max;

	if (!chunked)
		return length <= 0 || take_bytes(registry, fd, (size_t)length, &left);
	for (;;) {
		if (!read_line(fd, line, sizeof(line)))
			return false;
		size_t size = strtoul(line, NULL, 16);
		if (!take_bytes(registry, fd, size, &left))
			return false;
		if (!read_line(fd, line, sizeof(line)))
			return false;
		if (size == 0)
			return true;
	}
}

static bool say(int fd, const char *text)
{
	return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

static bool header_fits(const char *wanted, const char *headers)
{
	if (wanted == NULL)
		return true;
	return wanted[0] == '!' ? strcasestr(headers, wanted + 1) == NULL
				: strcasestr(headers, wanted) != NULL;
}

/* One request; false: the connection is over. */
static bool exchange(struct registry *registry, int fd)
{
	char line[1024], headers[8192] = "\n", request[1024], answer[2048];
	size_t used = 1;
	long length = 0;
	bool chunked = false, expects = false;

	if (!read_line(fd, request, sizeof(request)))
		return false;
	while (read_line(fd, line, sizeof(line)) && line[0] != '\0') {
		if (strncasecmp(line, "content-length:", 15) == 0)
			length = strtol(line + 15, NULL, 10);
		chunked = chunked || strcasestr(line, "transfer-encoding: chunked") != NULL;
		expects = expects || strncasecmp(line, "expect:", 7) == 0;
		if (str_format(headers + used, sizeof(headers) - used, "%s\n", line) == 0)
			used += strlen(headers + used);
	}
	if (registry->at == registry->count ||
	    !str_starts_with(request, registry->steps[registry->at].request) ||
	    !header_fits(registry->steps[registry->at].header, headers)) {
		(void)fprintf(stderr, "step %zu: not '%s'%s\n", registry->at, request, headers);
		(void)atomic_fetch_add(&registry->wrong, 1);
		return false;
	}
	const struct step *step = &registry->steps[registry->at++];
	bool early = step->answer != NULL && step->cut > 0; /* answers without wanting the body */
	if (expects && !early)
		(void)say(fd, "HTTP/1.1 100 Continue\r\n\r\n");
	if (!early &&
	    !take_body(registry, fd, length, chunked, step->answer != NULL ? SIZE_MAX : step->cut))
		return false;
	if (step->answer == NULL)
		return false;
	(void)snprintf(answer, sizeof(answer), "HTTP/1.1 %s%sContent-Length: 0\r\n\r\n",
		       step->answer, strchr(step->answer, '\n') != NULL ? "" : "\r\n");
	return say(fd, answer) && !early;
}

static void *run_registry(void *arg)
{
	struct registry *registry = arg;

	for (;;) {
		auto_fd fd = accept(registry->listener, NULL, NULL);
		if (fd < 0)
			return NULL;
		while (exchange(registry, fd))
			;
	}
}

static struct session *start(struct registry *registry, const struct step *steps, size_t count,
			     struct session_options *options)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	static char *const no_env[] = {NULL};
	socklen_t size = sizeof(address);
	struct session *session = NULL;
	struct err err;

	memset(registry, 0, sizeof(*registry));
	registry->steps = steps;
	registry->count = count;
	registry->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (http_init(&err) < 0 ||
	    bind(registry->listener, (struct sockaddr *)&address, size) < 0 ||
	    listen(registry->listener, 8) < 0 ||
	    getsockname(registry->listener, (struct sockaddr *)&address, &size) < 0 ||
	    pthread_create(&registry->thread, NULL, run_registry, registry) != 0)
		return NULL;
	*options = (struct session_options){.env = no_env, .push = true};
	(void)snprintf(registry->host, sizeof(registry->host), "127.0.0.1:%u",
		       ntohs(address.sin_port));
	(void)str_copy(options->reference.domain, sizeof(options->reference.domain),
		       registry->host);
	(void)str_copy(options->reference.path, sizeof(options->reference.path), "a/b");
	return session_new(options, &session, &err) == 0 ? session : NULL;
}

static void stop(struct registry *registry, struct session *session)
{
	session_free(session);
	(void)shutdown(registry->listener, SHUT_RDWR);
	(void)pthread_join(registry->thread, NULL);
	(void)close(registry->listener);
	CHECK_INT(atomic_load(&registry->wrong), 0);
	CHECK_INT((int)registry->at, (int)registry->count);
}

#define ABC "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

#define STEPS(name, ...) static const struct step name[] = {__VA_ARGS__}
#define START(registry, steps, options) \
	start(registry, steps, sizeof(steps) / sizeof((steps)[0]), options)

static bool sent(const struct registry *registry, const char *text)
{
	return registry->body_len == strlen(text) &&
	       memcmp(registry->body, text, registry->body_len) == 0;
}

struct fixture {
	struct registry registry;
	struct session_options options;
	struct upload_memory memory;
	struct upload_blob blob;
	struct err err;
};

TEST(a_known_blob_takes_two_requests)
{
	STEPS(steps, {"POST /v2/a/b/blobs/uploads/ ", "202 x\r\nLocation: /u?s=1\r\n"},
	      {"PUT /u?s=1&digest=" ABC " ", "201 x\r\nDocker-Content-Digest: " ABC "\r\n",
	       .header = "\ncontent-length: 3\n"});
	static struct fixture f;
	f.memory = (struct upload_memory){.data = "abc", .size = 3};
	struct session *session = START(&f.registry, steps, &f.options);
	REQUIRE(session != NULL);
	struct upload_source source = upload_from_memory(&f.memory, ABC);
	CHECK_INT(upload_blob(session, &source, NULL, &f.blob, &f.err), 0);
	CHECK_STR(f.blob.digest, ABC);
	CHECK(f.blob.size_bytes == 3 && sent(&f.registry, "abc"));
	stop(&f.registry, session);
}

TEST(an_unknown_blob_is_streamed_and_then_named)
{
	STEPS(steps, {"POST /v2/a/b/blobs/uploads/ ", "202 x\r\nLocation: u1\r\n"},
	      {"PATCH /v2/a/b/blobs/uploads/u1 ", "202 x\r\nLocation: u2\r\n",
	       .header = "\ntransfer-encoding: chunked\n"},
	      {"PUT /v2/a/b/blobs/uploads/u2?digest=" ABC " ", "201 x\r\n"});
	static struct fixture f;
	f.memory = (struct upload_memory){.data = "abc", .size = 3};
	struct session *session = START(&f.registry, steps, &f.options);
	REQUIRE(session != NULL);
	struct upload_source source = upload_from_memory(&f.memory, NULL);
	source.size_bytes = -1;
	CHECK_INT(upload_blob(session, &source, NULL, &f.blob, &f.err), 0);
	CHECK_STR(f.blob.digest, ABC);
	CHECK(sent(&f.registry, "abc"));
	stop(&f.registry, session);
}

TEST(a_broken_upload_goes_on_where_the_registry_is)
{
	STEPS(steps, {"POST ", "202 x\r\nLocation: /u\r\n"}, {"PATCH /u ", NULL, 2},
	      {"GET /u ", "204 x\r\nLocation: /v\r\nRange: 0-1\r\n"},
	      {"PATCH /v ", "202 x\r\n", .header = "\ncontent-range: 2-2\n"},
	      {"PUT /v?digest=" ABC " ", "201 x\r\n"});
	static struct fixture f;
	f.memory = (struct upload_memory){.data = "abc", .size = 3};
	struct session *session = START(&f.registry, steps, &f.options);
	REQUIRE(session != NULL);
	struct upload_source source = upload_from_memory(&f.memory, NULL);
	CHECK_INT(upload_blob(session, &source, NULL, &f.blob, &f.err), 0);
	CHECK_STR(f.blob.digest, ABC);
	CHECK(sent(&f.registry, "abc"));
	stop(&f.registry, session);
}

TEST(an_upload_that_the_registry_forgot_begins_anew)
{
	STEPS(steps, {"POST ", "202 x\r\nLocation: /u\r\n"}, {"PUT /u?", NULL, 2},
	      {"GET /u ", "404 x\r\n"}, {"POST ", "202 x\r\nLocation: /v\r\n"},
	      {"PATCH /v ", "202 x\r\n", .header = "\ncontent-range: 0-2\n"},
	      {"PUT /v?digest=" ABC " ", "201 x\r\n"});
	static struct fixture f;
	f.memory = (struct upload_memory){.data = "abc", .size = 3};
	struct session *session = START(&f.registry, steps, &f.options);
	REQUIRE(session != NULL);
	struct upload_source source = upload_from_memory(&f.memory, ABC);
	CHECK_INT(upload_blob(session, &source, NULL, &f.blob, &f.err), 0);
	CHECK(sent(&f.registry, "ababc"));
	stop(&f.registry, session);
}

TEST(too_large_for_one_request_goes_in_pieces)
{
	STEPS(steps, {"POST ", "202 x\r\nLocation: /u\r\nOCI-Chunk-Min-Length: 2\r\n"},
	      {"PATCH /u ", "413 x\r\nConnection: close\r\n", .cut = 1},
	      {"GET /u ", "204 x\r\nRange: 0-0\r\n"}, {"POST ", "202 x\r\nLocation: /v\r\n"},
	      {"PATCH /v ", "202 x\r\n", .header = "\ncontent-range: 0-2\n"},
	      {"PUT /v?digest=" ABC " ", "201 x\r\n"});
	static struct fixture f;
	f.memory = (struct upload_memory){.data = "abc", .size = 3};
	struct session *session = START(&f.registry, steps, &f.options);
	REQUIRE(session != NULL);
	struct upload_source source = upload_from_memory(&f.memory, NULL);
	source.size_bytes = -1;
	CHECK_INT(upload_blob(session, &source, NULL, &f.blob, &f.err), 0);
	CHECK(sent(&f.registry, "abc"));
	stop(&f.registry, session);
}

TEST(a_pipe_that_breaks_off_has_failed)
{
	STEPS(steps, {"POST ", "202 x\r\nLocation: /u\r\n"}, {"PATCH /u ", NULL, 1});
	static struct fixture f;
	int ends[2];
	struct session *session = START(&f.registry, steps, &f.options);
	REQUIRE(session != NULL && pipe(ends) == 0);
	REQUIRE(write(ends[1], "abc", 3) == 3);
	(void)close(ends[1]);
	struct upload_file file = {.fd = ends[0], .offset = -1, .size_bytes = -1};
	struct upload_source source = upload_from_file(&file, NULL);
	CHECK(upload_blob(session, &source, NULL, &f.blob, &f.err) < 0);
	(void)close(ends[0]);
	stop(&f.registry, session);
}

TEST(another_digest_than_was_sent)
{
	STEPS(steps, {"POST ", "202 x\r\nLocation: /u\r\n"},
	      {"PUT /u?", "201 x\r\nDocker-Content-Digest: sha256:"
			  "0000000000000000000000000000000000000000000000000000000000000000\r\n"});
	static struct fixture f;
	char text[1024];
	f.memory = (struct upload_memory){.data = "abc", .size = 3};
	struct session *session = START(&f.registry, steps, &f.options);
	REQUIRE(session != NULL);
	struct upload_source source = upload_from_memory(&f.memory, ABC);
	CHECK(upload_blob(session, &source, NULL, &f.blob, &f.err) < 0);
	CHECK(strstr(err_format(&f.err, text, sizeof(text)), "has the digest sha256:000") != NULL);
	stop(&f.registry, session);
}

TEST(a_registry_that_is_content_too_early)
{
	STEPS(steps, {"POST ", "202 x\r\nLocation: /u\r\n"},
	      {"PATCH /u ", "202 x\r\nConnection: close\r\n", .cut = 1});
	static struct fixture f;
	char text[1024];
	f.memory = (struct upload_memory){.data = "abc", .size = 3};
	struct session *session = START(&f.registry, steps, &f.options);
	REQUIRE(session != NULL);
	struct upload_source source = upload_from_memory(&f.memory, NULL);
	source.size_bytes = -1;
	CHECK(upload_blob(session, &source, NULL, &f.blob, &f.err) < 0);
	CHECK(strstr(err_format(&f.err, text, sizeof(text)), "after 0 bytes") != NULL);
	stop(&f.registry, session);
}

TEST(locations_of_other_schemes_are_refused)
{
	STEPS(steps, {"POST ", "202 x\r\nLocation: file:///etc/passwd\r\n"});
	static struct fixture f;
	char text[1024];
	f.memory = (struct upload_memory){.data = "abc", .size = 3};
	struct session *session = START(&f.registry, steps, &f.options);
	REQUIRE(session != NULL);
	struct upload_source source = upload_from_memory(&f.memory, NULL);
	CHECK(upload_blob(session, &source, NULL, &f.blob, &f.err) < 0);
	CHECK(strstr(err_format(&f.err, text, sizeof(text)), "is no http or https URL") != NULL);
	stop(&f.registry, session);
}

TEST(what_is_there_and_what_can_be_mounted)
{
	STEPS(steps, {"HEAD /v2/a/b/blobs/" ABC " ", "200 x\r\n"}, {"HEAD ", "404 x\r\n"},
	      {"POST /v2/a/b/blobs/uploads/?mount=" ABC "&from=c/d ", "201 x\r\n"},
	      {"POST ", "202 x\r\nLocation: /u\r\n"}, {"POST ", "403 x\r\n"});
	static struct fixture f;
	char location[REMOTE_URL_MAX];
	struct session *session = START(&f.registry, steps, &f.options);
	REQUIRE(session != NULL);
	CHECK_INT(upload_exists(session, ABC, &f.err), 1);
	CHECK_INT(upload_exists(session, ABC, &f.err), 0);
	CHECK(upload_mount(session, ABC, "c/d", location));
	CHECK(!upload_mount(session, ABC, "c/d", location));
	CHECK(str_starts_with(location, "http://127.0.0.1:") && str_ends_with(location, "/u"));
	CHECK(!upload_mount(session, ABC, "c/d", location));
	CHECK_STR(location, "");
	stop(&f.registry, session);
}

TEST(manifests)
{
	STEPS(steps,
	      {"PUT /v2/a/b/manifests/latest ", "201 x\r\nOCI-Subject: " ABC "\r\n",
	       .header = "\ncontent-type: application/x\n"},
	      {"PUT /v2/a/b/manifests/" ABC " ", NULL, 1},
	      {"PUT /v2/a/b/manifests/" ABC " ", "201 x\r\n"});
	static struct fixture f;
	struct upload_put put;
	struct upload_manifest manifest = {
		.name = "latest", .media_type = "application/x", .data = "abc", .size = 3};
	struct session *session = START(&f.registry, steps, &f.options);
	REQUIRE(session != NULL);
	CHECK_INT(upload_manifest(session, &manifest, &put, &f.err), 0);
	CHECK_STR(put.digest, ABC);
	CHECK(put.subject);
	manifest.name = ABC;
	CHECK_INT(upload_manifest(session, &manifest, &put, &f.err), 0);
	CHECK(!put.subject && sent(&f.registry, "abcaabc"));
	stop(&f.registry, session);
}

TESTS(T(a_known_blob_takes_two_requests), T(an_unknown_blob_is_streamed_and_then_named),
      T(a_broken_upload_goes_on_where_the_registry_is),
      T(an_upload_that_the_registry_forgot_begins_anew),
      T(too_large_for_one_request_goes_in_pieces), T(a_pipe_that_breaks_off_has_failed),
      T(another_digest_than_was_sent), T(a_registry_that_is_content_too_early),
      T(locations_of_other_schemes_are_refused), T(what_is_there_and_what_can_be_mounted),
      T(manifests))
