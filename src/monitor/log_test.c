#include "monitor/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"

struct folder {
	char path[64];
	int fd;
};

static bool folder_open(struct folder *folder)
{
	(void)snprintf(folder->path, sizeof(folder->path), "/tmp/log_test.XXXXXX");
	folder->fd = FD_NONE;
	if (mkdtemp(folder->path) == NULL)
		return false;
	folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return folder->fd >= 0;
}

static void folder_close(struct folder *folder)
{
	static const char *const names[] = {"log", "log.1", "log.2", "log.3", "other"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlinkat(folder->fd, names[i], 0);
	fd_closep(&folder->fd);
	CHECK_INT(rmdir(folder->path), 0);
}

/* Adds the output of one stream in a log file to out; returns the count of records, -1 when one is damaged. */
static int read_log(struct folder *folder, const char *name, enum logline_stream stream,
		    struct buf *out)
{
	struct err err;
	int count = 0;
	BUF_AUTO(text, 16 << 20);

	if (fd_read_file_at(folder->fd, name, &text, &err) < 0)
		return -1;
	for (size_t at = 0; at < text.len;) {
		struct logline line;
		BUF_AUTO(piece, LOGLINE_MAX * 3);
		const char *newline = memchr(text.data + at, '\n', text.len - at);
		if (newline == NULL)
			return -1;
		size_t end = (size_t)(newline - text.data);
		if (logline_decode(text.data + at, end - at, &line, &piece, &err) < 0)
			return -1;
		if (line.stream == stream) {
			buf_add(out, piece.data, piece.len);
			count++;
		}
		at = end + 1;
	}
	return count;
}

static off_t file_size(struct folder *folder, const char *name)
{
	struct stat st;

	return fstatat(folder->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -1 : st.st_size;
}

TEST(streams_are_kept_apart_and_lines_whole)
{
	struct folder folder;
	struct log log;
	struct err err = {0};
	BUF_AUTO(out, 4096);
	BUF_AUTO(errors, 4096);

	REQUIRE(folder_open(&folder));
	REQUIRE(log_open(&log, folder.fd, 1000000, 3, &err) == 0);
	log_write(&log, LOGLINE_STDOUT, "one\ntw", 6, 1);
	log_write(&log, LOGLINE_STDERR, "error", 5, 2);
	log_write(&log, LOGLINE_STDOUT, "o\n\nthree", 8, 3);
	log_write(&log, LOGLINE_STDERR, " text\n", 6, 4);
	log_close(&log, 5);
	CHECK_INT(log.lost_bytes, 0);
	CHECK_INT(read_log(&folder, "log", LOGLINE_STDOUT, &out), 4);
	CHECK_STR(out.data, "one\ntwo\n\nthree");
	CHECK_INT(read_log(&folder, "log", LOGLINE_STDERR, &errors), 1);
	CHECK_STR(errors.data, "error text\n");
	folder_close(&folder);
}

/* A line longer than the maximum comes as several records, split between characters, none lost. */
TEST(endless_lines_are_bounded)
{
	enum { TOTAL = 3 * LOGLINE_MAX + 3 * 1001 };
	struct folder folder;
	struct log log;
	struct err err = {0};
	BUF_AUTO(out, TOTAL + 16);

	REQUIRE(folder_open(&folder));
	REQUIRE(log_open(&log, folder.fd, 100000000, 3, &err) == 0);
	for (int i = 0; i < TOTAL; i += 3)
		log_write(&log, LOGLINE_STDOUT, "\xe2\x82\xac", 3, 1);
	CHECK(log.partial[0].cap <= 2 * LOGLINE_MAX + 2);
	log_write(&log, LOGLINE_STDOUT, "\nend\n", 5, 1);
	CHECK(log.partial[0].cap <= 65536);
	log_close(&log, 1);
	CHECK_INT(read_log(&folder, "log", LOGLINE_STDOUT, &out), 5);
	CHECK_INT(out.len, TOTAL + 5);
	for (size_t i = 0; i + 3 <= TOTAL && i + 3 <= out.len; i += 3)
		if (memcmp(out.data + i, "\xe2\x82\xac", 3) != 0) {
			TEST_FAIL("damaged at byte %zu", i);
			break;
		}
	folder_close(&folder);
}

TEST(continuation_bytes_alone_are_split_too)
{
	struct folder folder;
	struct log log;
	struct err err = {0};
	char bytes[4096];

	memset(bytes, 0x80, sizeof(bytes));
	REQUIRE(folder_open(&folder));
	REQUIRE(log_open(&log, folder.fd, 100000000, 3, &err) == 0);
	for (int i = 0; i < 2 * LOGLINE_MAX / 4096 + 1; i++)
		log_write(&log, LOGLINE_STDOUT, bytes, sizeof(bytes), 1);
	log_close(&log, 1);
	BUF_AUTO(out, 16 << 20);
	CHECK_INT(read_log(&folder, "log", LOGLINE_STDOUT, &out), 3);
	CHECK_INT(out.len, 3 * (2 * LOGLINE_MAX + 4096));
	folder_close(&folder);
}

TEST(rotation_bounds_the_disk)
{
	struct folder folder;
	struct log log;
	struct err err = {0};
	char text[16];

	REQUIRE(folder_open(&folder));
	REQUIRE(log_open(&log, folder.fd, 5000, 3, &err) == 0);
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(text, sizeof(text), "%04d\n", i);
		log_write(&log, LOGLINE_STDOUT, text, 5, 1);
	}
	log_close(&log, 1);
	CHECK(file_size(&folder, "log") > 0 && file_size(&folder, "log") <= 5000);
	CHECK(file_size(&folder, "log.1") > 4000 && file_size(&folder, "log.1") <= 5000);
	CHECK(file_size(&folder, "log.2") > 4000 && file_size(&folder, "log.2") <= 5000);
	CHECK_INT(file_size(&folder, "log.3"), -1);
	/* The kept records are the last ones, without a gap. */
	BUF_AUTO(out, 65536);
	int count = read_log(&folder, "log.2", LOGLINE_STDOUT, &out);
	count += read_log(&folder, "log.1", LOGLINE_STDOUT, &out);
	count += read_log(&folder, "log", LOGLINE_STDOUT, &out);
	CHECK_INT(out.len, 5 * count);
	for (int i = 0; i < count; i++) {
		(void)snprintf(text, sizeof(text), "%04d\n", 1000 - count + i);
		CHECK(memcmp(out.data + (size_t)i * 5, text, 5) == 0);
	}
	folder_close(&folder);
}

TEST(one_file_is_enough)
{
	struct folder folder;
	struct log log;
	struct err err = {0};

	REQUIRE(folder_open(&folder));
	REQUIRE(log_open(&log, folder.fd, 5000, 1, &err) == 0);
	for (int i = 0; i < 500; i++)
		log_write(&log, LOGLINE_STDOUT, "text\n", 5, 1);
	log_close(&log, 1);
	CHECK(file_size(&folder, "log") > 0 && file_size(&folder, "log") <= 5000);
	CHECK_INT(file_size(&folder, "log.1"), -1);
	folder_close(&folder);
}

TEST(links_and_odd_files_are_refused)
{
	struct folder folder;
	struct log log;
	struct err err = {0};

	REQUIRE(folder_open(&folder));
	CHECK_INT(symlinkat("other", folder.fd, "log"), 0);
	CHECK_INT(log_open(&log, folder.fd, 5000, 3, &err), -ELOOP);
	CHECK_INT(file_size(&folder, "other"), -1);
	CHECK_INT(unlinkat(folder.fd, "log", 0), 0);
	CHECK_INT(mkfifoat(folder.fd, "log", 0600), 0);
	CHECK(log_open(&log, folder.fd, 5000, 3, &err) < 0);
	CHECK_INT(unlinkat(folder.fd, "log", 0), 0);
	auto_fd other = openat(folder.fd, "other", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK_INT(linkat(folder.fd, "other", folder.fd, "log", 0), 0);
	CHECK(log_open(&log, folder.fd, 5000, 3, &err) < 0);
	CHECK_INT(err.kind, ERR_DENIED);
	folder_close(&folder);
}

/* A full disk, played by the limit on a file's size. */
TEST(losses_are_counted_and_told)
{
	struct folder folder;
	struct log log;
	struct err err = {0};
	struct rlimit saved, small;
	BUF_AUTO(out, 65536);
	BUF_AUTO(remarks, 4096);

	REQUIRE(folder_open(&folder));
	REQUIRE(log_open(&log, folder.fd, 1000000, 3, &err) == 0);
	log_write(&log, LOGLINE_STDOUT, "first\n", 6, 1);
	(void)signal(SIGXFSZ, SIG_IGN);
	REQUIRE(getrlimit(RLIMIT_FSIZE, &saved) == 0);
	small = saved;
	small.rlim_cur = (rlim_t)file_size(&folder, "log") + 10;
	REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
	for (int i = 0; i < 3; i++)
		log_write(&log, LOGLINE_STDOUT, "gone\n", 5, 2);
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &saved), 0);
	CHECK_INT(log.lost_bytes, 15);
	log_write(&log, LOGLINE_STDOUT, "last\n", 5, 3);
	log_close(&log, 4);
	CHECK_INT(log.lost_bytes, 15);
	CHECK_INT(read_log(&folder, "log", LOGLINE_STDOUT, &out), 2);
	CHECK_STR(out.data, "first\nlast\n");
	CHECK_INT(read_log(&folder, "log", LOGLINE_CORTEN, &remarks), 1);
	CHECK_STR(remarks.data, "15 bytes of output could not be logged\n");
	folder_close(&folder);
}

TESTS(T(streams_are_kept_apart_and_lines_whole), T(endless_lines_are_bounded),
      T(continuation_bytes_alone_are_split_too), T(rotation_bounds_the_disk), T(one_file_is_enough),
      T(links_and_odd_files_are_refused), T(losses_are_counted_and_told))
