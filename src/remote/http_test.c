#include "remote/http.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "base/fd.h"
#include "base/test.h"

TEST(urls_are_resolved)
{
	static const char base[] = "https://h:5/v2/a/blobs/x?y=z";
	char url[REMOTE_URL_MAX];
	struct err err;

	CHECK_INT(http_resolve(base, "https://other/p?q=%2F", url, &err), 0);
	CHECK_STR(url, "https://other/p?q=%2F");
	CHECK_INT(http_resolve(base, "/p", url, &err), 0);
	CHECK_STR(url, "https://h:5/p");
	CHECK_INT(http_resolve(base, "//other:7/p", url, &err), 0);
	CHECK_STR(url, "https://other:7/p");
	CHECK_INT(http_resolve(base, "y", url, &err), 0);
	CHECK_STR(url, "https://h:5/v2/a/blobs/y");
}

TEST(names_and_passwords_of_urls_are_left_out)
{
	char url[REMOTE_URL_MAX];
	struct err err;

	CHECK_INT(http_resolve("https://h/", "https://me:secret@other/p#f", url, &err), 0);
	CHECK_STR(url, "https://other/p");
}

TEST(other_schemes_are_refused)
{
	char url[REMOTE_URL_MAX];
	struct err err;

	CHECK(http_resolve("https://h/", "file:///etc/passwd", url, &err) < 0);
	CHECK(http_resolve("https://h/", "ftp://h/", url, &err) < 0);
	CHECK(http_resolve("https://h/", "http://", url, &err) < 0);
}

TEST(origins)
{
	CHECK(http_same_origin("https://h/a", "https://H:443/b"));
	CHECK(http_same_origin("http://h:80", "http://h/x?y"));
	CHECK(!http_same_origin("https://h/a", "http://h/a"));
	CHECK(!http_same_origin("https://h/a", "https://h:444/a"));
	CHECK(!http_same_origin("https://h/a", "https://h.evil/a"));
	CHECK(!http_same_origin("https://h/a", "https://evil@i/a"));
	CHECK(!http_same_origin("https://h/a", "nonsense"));
}

TEST(hosts)
{
	char host[64];
	struct err err;

	CHECK_INT(http_host_of("https://h/x", host, sizeof(host), &err), 0);
	CHECK_STR(host, "h");
	CHECK_INT(http_host_of("https://h:5000/x", host, sizeof(host), &err), 0);
	CHECK_STR(host, "h:5000");
	CHECK_INT(http_host_of("http://[::1]:5/x", host, sizeof(host), &err), 0);
	CHECK_STR(host, "[::1]:5");
	CHECK(http_host_of("::", host, sizeof(host), &err) < 0);
}

/* Answers one request with a byte every tenth of a second, for longer than anybody waits. */
static void *drip(void *arg)
{
	const int *listener = arg;
	char request[1024];
	auto_fd fd = accept(*listener, NULL, NULL);
	const struct timespec pause = {.tv_nsec = 100000000};

	if (fd < 0 || recv(fd, request, sizeof(request), 0) <= 0)
		return NULL;
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
	(void)send(fd, head, sizeof(head) - 1, MSG_NOSIGNAL);
	while (send(fd, "x", 1, MSG_NOSIGNAL) == 1)
		(void)nanosleep(&pause, NULL);
	return NULL;
}

static int discard(void *arg, const void *data, size_t size)
{
	(void)arg;
	(void)data;
	(void)size;
	return 0;
}

TEST(a_document_that_drips_is_given_up)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	struct http_response response;
	struct err err;
	char url[64];
	pthread_t server;

	REQUIRE(http_init(&err) == 0);
	auto_fd listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	REQUIRE(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 1) == 0);
	REQUIRE(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
	REQUIRE(pthread_create(&server, NULL, drip, &listener) == 0);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", ntohs(address.sin_port));
	struct http_client *client = http_client_new(&err);
	REQUIRE(client != NULL);
	const struct http_request request = {
		.url = url, .direct = true, .whole_s = 1, .sink = discard};
	time_t before = time(NULL);
	CHECK(http_send(client, &request, &response, &err) < 0);
	CHECK(response.failure == HTTP_BROKEN && time(NULL) - before < 10);
	http_response_done(&response);
	http_client_free(client);
	(void)pthread_join(server, NULL);
}

TESTS(T(urls_are_resolved), T(names_and_passwords_of_urls_are_left_out),
      T(other_schemes_are_refused), T(origins), T(hosts), T(a_document_that_drips_is_given_up))
