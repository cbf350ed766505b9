#include "monitor/wire/journal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"

static const struct journal_record started = {.type = JOURNAL_STARTED,
					      .time_ns = 1700000000000000001,
					      .pid = 4711,
					      .pid_start_ticks = 123456789012,
					      .boot_id = "11111111-2222-3333-4444-555555555555"};
static const struct journal_record exited = {.type = JOURNAL_EXITED,
					     .time_ns = 1700000000000000002,
					     .exit_code = 137,
					     .signal = 9,
					     .oom = true,
					     .log_lost_bytes = 77};

struct folder {
	char path[64];
	int fd;
};

static bool folder_open(struct folder *folder)
{
	(void)snprintf(folder->path, sizeof(folder->path), "/tmp/journal_test.XXXXXX");
	folder->fd = FD_NONE;
	if (mkdtemp(folder->path) == NULL)
		return false;
	folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return folder->fd >= 0;
}

static void folder_close(struct folder *folder)
{
	(void)unlinkat(folder->fd, "journal", 0);
	(void)unlinkat(folder->fd, "other", 0);
	fd_closep(&folder->fd);
	CHECK_INT(rmdir(folder->path), 0);
}

/* Counts the readable records of the file; the last one is in *ret_last. */
static int count_records(int dirfd, struct arena *arena, struct journal_record *ret_last,
			 size_t *ret_skipped)
{
	BUF_AUTO(text, JOURNAL_FILE_MAX);
	struct err err;
	int count = 0;

	if (fd_read_file_at(dirfd, "journal", &text, &err) < 0)
		return -1;
	struct journal_reader reader = {.text = text.data, .len = text.len};
	while (journal_next(&reader, arena, ret_last) == 1)
		count++;
	*ret_skipped = reader.skipped;
	return count;
}

TEST(what_is_appended_is_read)
{
	struct journal_record got;
	struct err err = {0};
	struct folder folder;
	size_t skipped = 0;
	ARENA_AUTO(arena, 65536);

	REQUIRE(folder_open(&folder));
	CHECK_INT(journal_append_at(folder.fd, "journal", &started, false, &err), 0);
	CHECK_INT(count_records(folder.fd, &arena, &got, &skipped), 1);
	CHECK_INT(got.type, JOURNAL_STARTED);
	CHECK_INT(got.time_ns, started.time_ns);
	CHECK_INT(got.pid, 4711);
	CHECK_INT(got.pid_start_ticks, 123456789012);
	CHECK_STR(got.boot_id, started.boot_id);
	CHECK_INT(journal_append_at(folder.fd, "journal", &exited, true, &err), 0);
	CHECK_INT(count_records(folder.fd, &arena, &got, &skipped), 2);
	CHECK_INT(got.type, JOURNAL_EXITED);
	CHECK_INT(got.exit_code, 137);
	CHECK_INT(got.signal, 9);
	CHECK_INT(got.log_lost_bytes, 77);
	CHECK(got.oom);
	CHECK_INT(skipped, 0);
	folder_close(&folder);
}

/* Whatever part of the last record reached the disk, the ones before and after are read. */
TEST(torn_anywhere)
{
	struct journal_record got;
	struct err err = {0};
	struct folder folder;
	struct stat one = {0}, two = {0};
	size_t skipped = 0;

	REQUIRE(folder_open(&folder));
	CHECK_INT(journal_append_at(folder.fd, "journal", &started, false, &err), 0);
	CHECK_INT(fstatat(folder.fd, "journal", &one, 0), 0);
	CHECK_INT(journal_append_at(folder.fd, "journal", &exited, false, &err), 0);
	CHECK_INT(fstatat(folder.fd, "journal", &two, 0), 0);
	for (off_t size = two.st_size - 1; size > one.st_size; size--) {
		ARENA_AUTO(arena, 65536);
		auto_fd fd = openat(folder.fd, "journal", O_RDWR | O_CLOEXEC);
		CHECK_INT(ftruncate(fd, size), 0);
		CHECK_INT(count_records(folder.fd, &arena, &got, &skipped), 1);
		CHECK_INT(skipped, 1);
	}
	for (int i = 0; i < 2; i++) {
		ARENA_AUTO(arena, 65536);
		CHECK_INT(journal_append_at(folder.fd, "journal", &exited, false, &err), 0);
		CHECK_INT(count_records(folder.fd, &arena, &got, &skipped), 2 + i);
		CHECK_INT(got.type, JOURNAL_EXITED);
		CHECK_INT(skipped, 1);
	}
	folder_close(&folder);
}

TEST(any_changed_byte_is_noticed)
{
	struct journal_record got;
	BUF_AUTO(line, JOURNAL_RECORD_MAX);

	journal_encode(&exited, &line);
	REQUIRE(line.len > 40);
	for (size_t i = 0; i < line.len; i++) {
		ARENA_AUTO(arena, 65536);
		struct journal_reader reader = {.text = line.data, .len = line.len};
		line.data[i] ^= 1;
		CHECK_INT(journal_next(&reader, &arena, &got), 0);
		line.data[i] ^= 1;
	}
}

TEST(unknown_types_are_skipped)
{
	ARENA_AUTO(arena, 65536);
	struct journal_record got;
	/* "hibernated" with its right checksum, then one with a wrong one */
	static const char text[] = "2f59c5aa {\"type\":\"hibernated\"}\n"
				   "00000000 {\"type\":\"exited\"}\n";
	struct journal_reader reader = {.text = text, .len = sizeof(text) - 1};

	CHECK_INT(journal_next(&reader, &arena, &got), 0);
	CHECK_INT(reader.skipped, 2);
}

TEST(long_messages_are_cut)
{
	char message[8192];
	struct journal_record record = {.type = JOURNAL_FAILED, .message = message}, got;
	const char fill[] = {'x', '\x01'};

	for (size_t i = 0; i < 2; i++) {
		ARENA_AUTO(arena, 65536);
		BUF_AUTO(line, JOURNAL_RECORD_MAX);
		memset(message, fill[i], sizeof(message) - 1);
		message[sizeof(message) - 1] = '\0';
		journal_encode(&record, &line);
		CHECK(!line.failed);
		struct journal_reader reader = {.text = line.data, .len = line.len};
		CHECK_INT(journal_next(&reader, &arena, &got), 1);
		CHECK_INT(got.type, JOURNAL_FAILED);
		CHECK(got.message != NULL && strlen(got.message) > 10);
	}
}

TEST(no_symbolic_link_is_followed)
{
	struct err err = {0};
	struct folder folder;
	struct stat st;

	REQUIRE(folder_open(&folder));
	CHECK_INT(symlinkat("other", folder.fd, "journal"), 0);
	CHECK_INT(journal_append_at(folder.fd, "journal", &exited, false, &err), -ELOOP);
	CHECK_INT(fstatat(folder.fd, "other", &st, 0), -1);
	folder_close(&folder);
}

TESTS(T(what_is_appended_is_read), T(torn_anywhere), T(any_changed_byte_is_noticed),
      T(unknown_types_are_skipped), T(long_messages_are_cut), T(no_symbolic_link_is_followed))
