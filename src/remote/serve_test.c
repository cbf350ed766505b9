#include "remote/serve.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"
#include "kern/scm/scm.h"
#include "remote/fetch.h"

struct fixture {
	int socket_fd; /* of who asks */
	int server_fd;
	pthread_t thread;
	struct serve serve;
	atomic_int failed;
	atomic_int written;
	int rc;
};

static bool is_valid(const void *request)
{
	return fetch_request_valid(request);
}

static int write_digest(void *arg, const void *asked, int fd, struct err *err)
{
	const struct wire_request *request = asked;
	struct fixture *fixture = arg;

	atomic_fetch_add(&fixture->written, 1);
	if (request->hex[0] == 'f')
		return err_set(err, ERR_SYSTEM, EIO, "no such luck");
	return fd_write_all(fd, request->hex, strlen(request->hex));
}

static void note_failure(void *arg, const struct err *err)
{
	struct fixture *fixture = arg;

	(void)err;
	atomic_fetch_add(&fixture->failed, 1);
}

static void *run(void *arg)
{
	struct fixture *fixture = arg;
	struct err err;

	fixture->rc = serve_run(&fixture->serve, &err);
	return NULL;
}

static bool begin(struct fixture *fixture)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return false;
	*fixture = (struct fixture){.socket_fd = pair[0], .server_fd = pair[1]};
	fixture->serve = (struct serve){.socket_fd = pair[1],
					.request_size = sizeof(struct wire_request),
					.valid = is_valid,
					.serve = write_digest,
					.arg = fixture,
					.fail = note_failure};
	return pthread_create(&fixture->thread, NULL, run, fixture) == 0;
}

static void end(struct fixture *fixture)
{
	(void)close(fixture->socket_fd);
	(void)pthread_join(fixture->thread, NULL);
	(void)close(fixture->server_fd);
}

static struct wire_request request_of(enum wire_ask ask, char digit)
{
	struct wire_request request;

	memset(&request, 0, sizeof(request));
	request.ask = (uint32_t)ask;
	if (digit != '\0')
		memset(request.hex, digit, 64);
	return request;
}

TEST(what_is_asked_for_comes_through_a_pipe)
{
	struct fixture f;
	struct wire_request echo, request = request_of(WIRE_ASK_BLOB, 'a');
	struct err err;
	char text[128] = "";
	size_t len = 0;

	REQUIRE(begin(&f));
	for (int i = 0; i < 50; i++) {
		CHECK_INT(send(f.socket_fd, &request, sizeof(request), 0), sizeof(request));
		auto_fd fd = scm_receive_fd(f.socket_fd, &echo, sizeof(echo), &len, &err);
		CHECK(fd >= 0 && memcmp(&echo, &request, sizeof(echo)) == 0);
		CHECK_INT(fd_read_full(fd, text, sizeof(text)), 64);
	}
	end(&f);
	CHECK_INT(f.rc, 0);
	CHECK_INT(f.failed, 0);
	CHECK_INT(f.written, 50);
}

TEST(a_failure_is_told_before_the_pipe_ends)
{
	struct fixture f;
	struct wire_request echo, request = request_of(WIRE_ASK_MANIFEST, 'f');
	struct err err;
	char text[8];

	REQUIRE(begin(&f));
	CHECK_INT(send(f.socket_fd, &request, sizeof(request), 0), sizeof(request));
	auto_fd fd = scm_receive_fd(f.socket_fd, &echo, sizeof(echo), NULL, &err);
	CHECK_INT(fd_read_full(fd, text, sizeof(text)), 0);
	CHECK_INT(f.failed, 1);
	end(&f);
}

TEST(wrong_requests_end_it)
{
	struct wire_request wrong[] = {request_of(0, 'a'),
				       request_of(9, 'a'),
				       request_of(WIRE_ASK_INDEX, 'a'),
				       request_of(WIRE_ASK_BLOB, '\0'),
				       request_of(WIRE_ASK_BLOB, 'A'),
				       request_of(WIRE_ASK_BLOB, '/'),
				       request_of(WIRE_ASK_MANIFEST, '.')};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct fixture f;
		REQUIRE(begin(&f));
		CHECK_INT(send(f.socket_fd, &wrong[i], sizeof(wrong[i]), 0), sizeof(wrong[i]));
		(void)pthread_join(f.thread, NULL);
		CHECK(f.rc < 0);
		CHECK_INT(f.failed, 1);
		CHECK_INT(f.written, 0);
		(void)close(f.socket_fd);
		(void)close(f.server_fd);
	}
}

TEST(messages_of_another_size_end_it)
{
	static const size_t sizes[] = {1, sizeof(struct wire_request) - 1,
				       sizeof(struct wire_request) + 1, 4000};
	char message[4096] = {0};
	struct wire_request request = request_of(WIRE_ASK_BLOB, 'a');

	memcpy(message, &request, sizeof(request));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct fixture f;
		REQUIRE(begin(&f));
		CHECK_INT(send(f.socket_fd, message, sizes[i], 0), sizes[i]);
		(void)pthread_join(f.thread, NULL);
		CHECK(f.rc < 0);
		(void)close(f.socket_fd);
		(void)close(f.server_fd);
	}
}

TESTS(T(what_is_asked_for_comes_through_a_pipe), T(a_failure_is_told_before_the_pipe_ends),
      T(wrong_requests_end_it), T(messages_of_another_size_end_it))
