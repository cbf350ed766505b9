#include "base/buf.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"

TEST(buf_grows_and_stays_terminated)
{
	BUF_AUTO(buf, 4096);

	for (int i = 0; i < 100; i++)
		buf_fmt(&buf, "%d,", i);
	CHECK_INT(buf.len, 290);
	CHECK_INT(buf.data[buf.len], 0);
}

TEST(buf_stops_at_its_maximum)
{
	BUF_AUTO(buf, 4);
	struct err err;

	buf_str(&buf, "abcd");
	CHECK_INT(buf_check(&buf, "x", &err), 0);
	buf_char(&buf, 'e');
	CHECK(buf_check(&buf, "x", &err) < 0);
	CHECK_INT(err.kind, ERR_INVALID);
	CHECK_STR(buf.data, "abcd");
}

TEST(buf_take_hands_out)
{
	BUF_AUTO(buf, 16);

	buf_str(&buf, "abc");
	char *text = buf_take(&buf);
	CHECK_STR(text, "abc");
	free(text);
	CHECK(buf.data == NULL);
}

static void read_pipe(size_t written, size_t max, int want_failed)
{
	int pipes[2];
	struct err err;
	BUF_AUTO(buf, max);

	REQUIRE(pipe2(pipes, O_CLOEXEC) == 0);
	for (size_t i = 0; i < written; i++)
		CHECK_INT(write(pipes[1], "x", 1), 1);
	(void)close(pipes[1]);
	CHECK_INT(fd_read_all(pipes[0], "pipe", &buf, &err) < 0, want_failed);
	if (!want_failed)
		CHECK_INT(buf.len, written);
	(void)close(pipes[0]);
}

TEST(fd_read_all_tells_full_from_too_large)
{
	read_pipe(0, 10, 0);
	read_pipe(9, 10, 0);
	read_pipe(10, 10, 0);
	read_pipe(11, 10, 1);
}

TEST(fd_replace_file_is_whole)
{
	char folder[] = "/tmp/corten-buf-test-XXXXXX";
	struct err err;
	BUF_AUTO(buf, 16);

	REQUIRE(mkdtemp(folder) != NULL);
	auto_fd dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK_INT(fd_replace_file_at(dir, "f", "one", 3, 0600, &err), 0);
	CHECK_INT(fd_replace_file_at(dir, "f", "two", 3, 0600, &err), 0);
	CHECK_INT(fd_read_file_at(dir, "f", &buf, &err), 0);
	CHECK_STR(buf.data, "two");
	(void)unlinkat(dir, "f", 0);
	CHECK_INT(rmdir(folder), 0);
}

TESTS(T(buf_grows_and_stays_terminated), T(buf_stops_at_its_maximum), T(buf_take_hands_out),
      T(fd_read_all_tells_full_from_too_large), T(fd_replace_file_is_whole))
