#include "image/tar.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/test.h"
#include "image/tar_internal.h"
#include "image/tar_write.h"
#include "image/testing.h"

#define BLOCK 512

static uint8_t archive[64 * BLOCK];

/* Parses `blocks` blocks of `archive`; returns the first entry's result, left in tar. */
static int first(struct tar *tar, struct memory_stream *memory, size_t blocks, struct err *err)
{
	*memory = memory_stream(archive, blocks * BLOCK, 100);
	tar_init(tar, &memory->stream);
	return tar_next(tar, err);
}

static bool says(const struct err *err, const char *text)
{
	char all[1024];

	return strstr(err_format(err, all, sizeof(all)), text) != NULL;
}

TEST(numbers)
{
	bool valid = true;
	int64_t value;

	CHECK_INT(tar_number((const uint8_t *)"0000644\0", 8, false, &valid), 0644);
	CHECK_INT(tar_number((const uint8_t *)"   644 \0", 8, false, &valid), 0644);
	CHECK_INT(tar_number((const uint8_t *)"77777777", 8, false, &valid), 077777777);
	CHECK_INT(tar_number((const uint8_t *)"\0\0\0\0\0\0\0\0", 8, false, &valid), 0);
	CHECK_INT(tar_number((const uint8_t *)"\x80\0\0\0\0\0\1\0", 8, false, &valid), 256);
	CHECK_INT(tar_number((const uint8_t *)"\xff\xff\xff\xff\xff\xff\xff\xfe", 8, true, &valid),
		  -2);
	CHECK(valid);
	(void)tar_number((const uint8_t *)"\xff\xff\xff\xff\xff\xff\xff\xfe", 8, false, &valid);
	CHECK(!valid);
	valid = true;
	(void)tar_number((const uint8_t *)"00x0644\0", 8, false, &valid);
	CHECK(!valid);
	valid = true;
	value = tar_number((const uint8_t *)"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12, false,
			   &valid);
	CHECK(valid && value == INT64_MAX);
	(void)tar_number((const uint8_t *)"\x80\0\0\0\x80\0\0\0\0\0\0\0", 12, false, &valid);
	CHECK(!valid);
	CHECK_INT(tar_decimal("9223372036854775799"), 9223372036854775799);
	CHECK_INT(tar_decimal("9223372036854775808"), -1);
	CHECK_INT(tar_decimal(""), -1);
	CHECK_INT(tar_decimal("1 "), -1);
}

TEST(an_entry_and_its_data)
{
	struct memory_stream memory;
	struct tar tar;
	struct err err = {0};
	const uint8_t *at;
	size_t size, total = 0;

	memset(archive, 0, sizeof(archive));
	testing_header(archive, "dir/file", '0', 700, NULL);
	memset(archive + BLOCK, 'x', 700);
	testing_header(archive + 3 * BLOCK, "dir/link", '2', 0, "file");
	CHECK_INT(first(&tar, &memory, 6, &err), 1);
	CHECK_STR(tar.entry.name, "dir/file");
	CHECK_INT(tar.entry.type, TAR_FILE);
	CHECK_INT(tar.entry.uid, 10);
	CHECK_INT(tar.entry.gid, 11);
	CHECK_INT(tar.entry.mode, 0644);
	CHECK_INT(tar.entry.mtime.tv_sec, 1000000000);
	CHECK_INT(tar.entry.size_bytes, 700);
	while (tar_peek(&tar, &at, &size, &err) > 0) {
		for (size_t i = 0; i < size; i++)
			CHECK_INT(at[i], 'x');
		total += size;
		tar_take(&tar, size);
	}
	CHECK_INT(total, 700);
	CHECK_INT(tar_next(&tar, &err), 1);
	CHECK_INT(tar.entry.type, TAR_SYMLINK);
	CHECK_STR(tar.entry.link, "file");
	CHECK_INT(tar_next(&tar, &err), 0);
	tar_done(&tar);
}

TEST(data_that_is_not_read_is_passed_over)
{
	struct memory_stream memory;
	struct tar tar;
	struct err err = {0};

	memset(archive, 0, sizeof(archive));
	testing_header(archive, "a", '0', 1025, NULL);
	testing_header(archive + 4 * BLOCK, "b", '0', 0, NULL);
	CHECK_INT(first(&tar, &memory, 7, &err), 1);
	CHECK_INT(tar_next(&tar, &err), 1);
	CHECK_STR(tar.entry.name, "b");
	CHECK_INT(tar_next(&tar, &err), 0);
	tar_done(&tar);
	CHECK_INT(first(&tar, &memory, 3, &err), 1);
	CHECK(tar_next(&tar, &err) < 0);
	CHECK(says(&err, "entry 'a'"));
	tar_done(&tar);
}

TEST(long_names_of_gnu_and_pax)
{
	struct memory_stream memory;
	struct tar tar;
	struct err err = {0};
	static const char records[] = "18 path=by/a/rule\n17 uid=123456789\n18 mtime=-1.25 xx\n";

	memset(archive, 0, sizeof(archive));
	testing_header(archive, "@LongLink", 'L', 200, NULL);
	memset(archive + BLOCK, 'n', 199);
	testing_header(archive + 2 * BLOCK, "@LongLink", 'K', 5, NULL);
	memcpy(archive + 3 * BLOCK, "long", 5);
	testing_header(archive + 4 * BLOCK, "short", '2', 0, "short");
	CHECK_INT(first(&tar, &memory, 7, &err), 1);
	CHECK_INT(strlen(tar.entry.name), 199);
	CHECK_STR(tar.entry.link, "long");
	tar_done(&tar);

	memset(archive, 0, sizeof(archive));
	testing_header(archive, "pax", 'x', sizeof(records) - 1, NULL);
	memcpy(archive + BLOCK, records, sizeof(records) - 1);
	testing_header(archive + 2 * BLOCK, "short", '0', 0, NULL);
	CHECK(first(&tar, &memory, 5, &err) < 0);
	CHECK(says(&err, "mtime"));
	tar_done(&tar);
	testing_header(archive, "pax", 'x', 35 + 17, NULL);
	memcpy(archive + BLOCK + 35, "17 mtime=-1.2500\n", 18);
	CHECK_INT(first(&tar, &memory, 5, &err), 1);
	CHECK_STR(tar.entry.name, "by/a/rule");
	CHECK_INT(tar.entry.uid, 123456789);
	CHECK_INT(tar.entry.mtime.tv_sec, -2);
	CHECK_INT(tar.entry.mtime.tv_nsec, 750000000);
	tar_done(&tar);
}

TEST(a_prefix_counts_in_ustar_alone)
{
	struct memory_stream memory;
	struct tar tar;
	struct err err = {0};

	memset(archive, 0, sizeof(archive));
	testing_header(archive, "name", '0', 0, NULL);
	memcpy(archive + 345, "some/prefix", 12);
	/* The sum of the letters goes into the checksum. */
	unsigned int sum = 0;
	memset(archive + 148, ' ', 8);
	for (size_t i = 0; i < BLOCK; i++)
		sum += archive[i];
	(void)snprintf((char *)archive + 148, 8, "%06o", sum);
	CHECK_INT(first(&tar, &memory, 3, &err), 1);
	CHECK_STR(tar.entry.name, "some/prefix/name");
	tar_done(&tar);
	archive[149] ^= 1;
	CHECK(first(&tar, &memory, 3, &err) < 0);
	CHECK(says(&err, "checksum"));
	tar_done(&tar);
}

TEST(what_is_written_reads_back)
{
	char path[] = "/tmp/corten-tar-XXXXXX";
	int fd = mkstemp(path);
	struct tar_writer writer;
	struct file_stream file;
	struct tar tar;
	struct err err = {0};
	char name[301];
	struct stat st = {.st_mode = S_IFREG | 04711,
			  .st_uid = 3000000,
			  .st_gid = 5,
			  .st_size = 3,
			  .st_mtim = {1234567890, 987654321}};

	REQUIRE(fd >= 0);
	(void)unlink(path);
	memset(name, 'n', sizeof(name) - 1);
	name[150] = '/';
	name[300] = '\0';
	tar_writer_init(&writer, fd);
	tar_writer_record(&writer, "SCHILY.xattr.user.x", "a\0b", 3);
	CHECK_INT(tar_writer_entry(&writer, name, NULL, '0', &st, &err), 0);
	CHECK_INT(write(fd, "abc", 3), 3);
	CHECK_INT(tar_writer_pad(&writer, 3, &err), 0);
	CHECK_INT(tar_writer_entry(&writer, "h", name, '1', &st, &err), 0);
	CHECK_INT(tar_writer_end(&writer, &err), 0);
	tar_writer_done(&writer);

	CHECK_INT(file_stream_init(&file, fd, 0, lseek(fd, 0, SEEK_END), &err), 0);
	tar_init(&tar, &file.stream);
	CHECK_INT(tar_next(&tar, &err), 1);
	CHECK_STR(tar.entry.name, name);
	CHECK_INT(tar.entry.uid, 3000000);
	CHECK_INT(tar.entry.mode, 04711);
	CHECK_INT(tar.entry.mtime.tv_nsec, 987654321);
	CHECK_INT(tar.entry.xattr_count, 1);
	CHECK_STR(tar.entry.xattrs[0].name, "user.x");
	CHECK(tar.entry.xattrs[0].size == 3 && memcmp(tar.entry.xattrs[0].value, "a\0b", 3) == 0);
	CHECK_INT(tar_next(&tar, &err), 1);
	CHECK_INT(tar.entry.type, TAR_HARDLINK);
	CHECK_STR(tar.entry.link, name);
	CHECK_INT(tar_next(&tar, &err), 0);
	tar_done(&tar);
	file_stream_done(&file);
	(void)close(fd);
}

TEST(sparse_maps_are_checked)
{
	struct tar_segment good[] = {{0, 10}, {20, 0}, {90, 10}};
	struct tar_segment overlap[] = {{0, 10}, {9, 1}};
	struct tar_segment far[] = {{INT64_MAX, 10}};
	struct err err = {0};

	CHECK_INT(tar_map_check(&(struct tar_map){good, 3, 3}, 100, 20, &err), 0);
	CHECK(tar_map_check(&(struct tar_map){good, 3, 3}, 100, 21, &err) < 0);
	CHECK(tar_map_check(&(struct tar_map){good, 3, 3}, 99, 20, &err) < 0);
	CHECK(tar_map_check(&(struct tar_map){overlap, 2, 2}, 100, 11, &err) < 0);
	CHECK(tar_map_check(&(struct tar_map){far, 1, 1}, INT64_MAX, 10, &err) < 0);
}

TESTS(T(numbers), T(an_entry_and_its_data), T(data_that_is_not_read_is_passed_over),
      T(long_names_of_gnu_and_pax), T(a_prefix_counts_in_ustar_alone),
      T(what_is_written_reads_back), T(sparse_maps_are_checked))
