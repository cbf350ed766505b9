#include "remote/put.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/test.h"
#include "remote/limits.h"

#define HEX "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static struct wire_put_request request_of(enum wire_put put, const char *hex, const char *media)
{
	struct wire_put_request request;

	memset(&request, 0, sizeof(request));
	request.put = (uint32_t)put;
	request.size_bytes = -1;
	memcpy(request.hex, hex, strlen(hex));
	memcpy(request.media_type, media, strlen(media));
	return request;
}

static bool is_valid(enum wire_put put, const char *hex, const char *media)
{
	const struct wire_put_request request = request_of(put, hex, media);

	return put_request_valid(&request);
}

TEST(requests)
{
	CHECK(is_valid(WIRE_PUT_HAVE, HEX, ""));
	CHECK(is_valid(WIRE_PUT_MOUNT, HEX, ""));
	CHECK(is_valid(WIRE_PUT_BLOB, HEX, ""));
	CHECK(is_valid(WIRE_PUT_BLOB, "", ""));
	CHECK(is_valid(WIRE_PUT_MANIFEST, HEX, "application/vnd.oci.image.manifest.v1+json"));
}

TEST(what_is_no_request)
{
	CHECK(!is_valid((enum wire_put)0, HEX, ""));
	CHECK(!is_valid((enum wire_put)(WIRE_PUT_PART + 1), HEX, ""));
	CHECK(is_valid(WIRE_PUT_PART, HEX, "application/vnd.oci.image.manifest.v1+json"));
	CHECK(!is_valid(WIRE_PUT_PART, HEX, ""));
	CHECK(!is_valid(WIRE_PUT_PART, "", "application/vnd.oci.image.manifest.v1+json"));
	CHECK(!is_valid(WIRE_PUT_HAVE, "", ""));
	CHECK(!is_valid(WIRE_PUT_HAVE, "BA" HEX, ""));
	CHECK(!is_valid(WIRE_PUT_HAVE, "ba/../x", ""));
	CHECK(!is_valid(WIRE_PUT_BLOB, HEX, "text/plain"));
	CHECK(!is_valid(WIRE_PUT_MANIFEST, HEX, ""));
	CHECK(!is_valid(WIRE_PUT_MANIFEST, HEX, "text/plain\r\nX: y"));
	CHECK(!is_valid(WIRE_PUT_MANIFEST, HEX, "text/plain; x"));
	struct wire_put_request request = request_of(WIRE_PUT_BLOB, "", "");
	request.size_bytes = -2;
	CHECK(!put_request_valid(&request));
	request = request_of(WIRE_PUT_BLOB, "", "");
	request.hex[40] = 'x';
	CHECK(!put_request_valid(&request));
	request = request_of(WIRE_PUT_MANIFEST, HEX, "x");
	memset(request.media_type, 'x', sizeof(request.media_type));
	CHECK(!put_request_valid(&request));
}

struct writer {
	int fd;
	const void *data;
	size_t size;
};

static void *write_all(void *arg)
{
	const struct writer *writer = arg;

	(void)!send(writer->fd, writer->data, writer->size, MSG_NOSIGNAL);
	(void)shutdown(writer->fd, SHUT_RDWR);
	return NULL;
}

/* What comes of a request and a body, neither of which reaches a registry. */
static bool refused(const struct wire_put_request *request, const void *data, size_t size,
		    const char *why)
{
	static const json_strings nowhere;
	const struct reference reference = {.path = "a"};
	struct put put;
	struct err err = {0};
	char text[1024];
	pthread_t thread;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return false;
	put_init(&put, NULL, &reference, &nowhere);
	struct writer writer = {pair[0], data, size};
	if (pthread_create(&thread, NULL, write_all, &writer) != 0)
		return false;
	int rc = put_serve(&put, request, pair[1], &err);
	(void)close(pair[1]);
	(void)pthread_join(thread, NULL);
	(void)close(pair[0]);
	put_done(&put);
	return rc < 0 && strstr(err_format(&err, text, sizeof(text)), why) != NULL;
}

TEST(bodies_that_are_none)
{
	const struct wire_put_request manifest = request_of(WIRE_PUT_MANIFEST, HEX, "x");
	const uint32_t large[] = {(uint32_t)WIRE_FRAME_BYTES + 1, 0};
	const uint32_t cut[] = {8, 0};
	const uint32_t no_end[] = {0};

	CHECK(refused(&manifest, large, sizeof(large), "a frame of 131073 bytes"));
	CHECK(refused(&manifest, cut, sizeof(cut), "has gone"));
	CHECK(refused(&manifest, no_end, sizeof(no_end), "has gone"));
	CHECK(refused(&manifest, "", 0, "has gone"));
}

TEST(a_manifest_that_does_not_end)
{
	const struct wire_put_request manifest = request_of(WIRE_PUT_MANIFEST, HEX, "x");
	size_t frame = sizeof(uint32_t) + WIRE_FRAME_BYTES;
	size_t count = REMOTE_DOCUMENT_BYTES_MAX / WIRE_FRAME_BYTES + 2;
	const uint32_t size = (uint32_t)WIRE_FRAME_BYTES;
	char *data = calloc(count, frame);

	REQUIRE(data != NULL);
	for (size_t i = 0; i < count; i++)
		memcpy(data + i * frame, &size, sizeof(size));
	CHECK(refused(&manifest, data, count * frame, "manifest"));
	free(data);
}

TEST(mounts_from_elsewhere)
{
	const struct wire_put_request mount = request_of(WIRE_PUT_MOUNT, HEX, "");

	CHECK(refused(&mount, "", 0, "what there is not"));
}

/* An upload that waits for its bytes must not wait for ever. */
TEST(nobody_waits_when_all_is_over)
{
	const struct wire_put_request again = request_of(WIRE_PUT_BLOB, "", "");
	const struct reference reference = {.path = "a"};
	static const json_strings nowhere;
	struct put put;
	auto_fd fd = dup(STDIN_FILENO);

	put_init(&put, NULL, &reference, &nowhere);
	CHECK(!put_adopt(&put, &again, &fd));
	CHECK(fd >= 0);
	put_closed(&put);
	CHECK(put.closed);
	put_done(&put);
}

TESTS(T(requests), T(what_is_no_request), T(bodies_that_are_none), T(a_manifest_that_does_not_end),
      T(mounts_from_elsewhere), T(nobody_waits_when_all_is_over))
