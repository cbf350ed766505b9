#include "image/headers.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/test.h"
#include "image/headers_internal.h"
#include "image/testing.h"

#define ARCHIVE_BYTES 20000
#define MAX           1000000

static uint8_t archive[ARCHIVE_BYTES];

static void fill_archive(void)
{
	for (size_t i = 0; i < ARCHIVE_BYTES; i++)
		archive[i] = (uint8_t)(i * 7 + i / 251);
}

static bool says(const struct err *err, const char *text)
{
	char all[1024];

	return strstr(err_format(err, all, sizeof(all)), text) != NULL;
}

static void take(struct stream *stream, int64_t size)
{
	struct err err = {0};

	CHECK_INT(stream_skip(stream, size, &err), size);
}

/* 512 noted, 3000 of a/file at 0, 1000 noted, 10 and 5000 of a/fill with a hole between, the rest noted. */
static void write_notes(int fd, size_t window)
{
	struct memory_stream memory = memory_stream(archive, ARCHIVE_BYTES, window);
	struct headers_writer *writer;
	struct err err = {0};

	REQUIRE(headers_writer_new(&memory.stream, fd, &writer, &err) == 0);
	struct stream *stream = headers_writer_stream(writer);
	take(stream, 512);
	CHECK_INT(headers_writer_file(writer, "a/file", 77, &err), 0);
	CHECK_INT(headers_writer_content(writer, 0, 3000, &err), 0);
	take(stream, 4000);
	CHECK_INT(headers_writer_file(writer, "a/fill", 12, &err), 0);
	CHECK_INT(headers_writer_content(writer, 4096, 10, &err), 0);
	take(stream, 10);
	CHECK_INT(headers_writer_content(writer, 100000, 5000, &err), 0);
	take(stream, 5000);
	CHECK(stream_drain(stream, &err) > 0);
	CHECK_INT(headers_writer_end(writer, &err), 0);
	headers_writer_free(writer);
}

static int read_notes(struct buf *packed, size_t window, int64_t max, struct buf *out,
		      struct err *err)
{
	struct memory_stream memory = memory_stream(packed->data, packed->len, window);
	struct headers_reader *reader;
	struct headers_part part;
	char chunk[100];

	int rc = headers_reader_new(&memory.stream, max, &reader, err);
	if (rc < 0)
		return rc;
	while ((rc = headers_reader_next(reader, &part, err)) > 0) {
		if (part.path != NULL) {
			buf_fmt(out, "[%s %llu %lld+%lld]", part.path, (unsigned long long)part.key,
				(long long)part.offset, (long long)part.size_bytes);
			continue;
		}
		buf_fmt(out, "[%lld]", (long long)part.size_bytes);
		ssize_t got = 1;
		for (int64_t left = part.size_bytes; left > 0 && got > 0; left -= got)
			got = headers_reader_copy(reader, chunk, sizeof(chunk), err);
	}
	CHECK(rc < 0 || headers_reader_size(reader) == ARCHIVE_BYTES);
	headers_reader_free(reader);
	return rc;
}

static int memory_file(void)
{
	return memfd_create("headers", MFD_CLOEXEC);
}

static void read_file(int fd, struct buf *packed)
{
	struct err err = {0};

	CHECK_INT(lseek(fd, 0, SEEK_SET), 0);
	CHECK_INT(fd_read_all(fd, "notes", packed, &err), 0);
}

TEST(what_is_written_is_read)
{
	static const size_t windows[] = {8, 100, 4096, ARCHIVE_BYTES};

	fill_archive();
	for (size_t i = 0; i < 4; i++) {
		BUF_AUTO(packed, MAX);
		BUF_AUTO(out, MAX);
		struct err err = {0};
		auto_fd fd = memory_file();
		write_notes(fd, ARCHIVE_BYTES);
		read_file(fd, &packed);
		CHECK_INT(read_notes(&packed, windows[i], MAX, &out, &err), 0);
		CHECK_STR(out.data, "[512][a/file 77 0+3000][1000][a/fill 12 4096+10]"
				    "[a/fill 12 100000+5000][10478]");
	}
}

/* However the archive comes in, the bytes noted are the same. */
TEST(noted_bytes_are_the_archives)
{
	static const size_t windows[] = {1, 7, 512, 6000};

	fill_archive();
	for (size_t i = 0; i < 4; i++) {
		BUF_AUTO(packed, MAX);
		struct headers_reader *reader;
		struct headers_part part;
		struct err err = {0};
		static uint8_t back[ARCHIVE_BYTES];
		size_t at = 0;
		auto_fd fd = memory_file();
		write_notes(fd, windows[i]);
		read_file(fd, &packed);
		struct memory_stream memory = memory_stream(packed.data, packed.len, 50);
		REQUIRE(headers_reader_new(&memory.stream, MAX, &reader, &err) == 0);
		while (headers_reader_next(reader, &part, &err) > 0) {
			size_t size = (size_t)part.size_bytes;
			if (part.path != NULL)
				memcpy(back + at, archive + at, size);
			else
				CHECK_INT(headers_reader_copy(reader, back + at, size, &err), size);
			at += size;
		}
		headers_reader_free(reader);
		CHECK_INT(at, ARCHIVE_BYTES);
		CHECK_INT(memcmp(back, archive, ARCHIVE_BYTES), 0);
	}
}

TEST(damage_is_found)
{
	BUF_AUTO(packed, MAX);
	BUF_AUTO(right, MAX);
	auto_fd fd = memory_file();
	struct err err = {0};
	int harmless = 0;

	fill_archive();
	write_notes(fd, ARCHIVE_BYTES);
	read_file(fd, &packed);
	CHECK_INT(read_notes(&packed, 512, MAX, &right, &err), 0);
	for (size_t at = 0; at < packed.len; at++) {
		BUF_AUTO(out, MAX);
		packed.data[at] ^= 0x10;
		/* A few bits of the packing mean nothing. */
		if (read_notes(&packed, 512, MAX, &out, &err) >= 0) {
			CHECK_STR(out.data, right.data);
			harmless++;
		}
		packed.data[at] ^= 0x10;
	}
	CHECK(harmless < 10);
	for (size_t len = packed.len; len-- > 0;) {
		BUF_AUTO(out, MAX);
		packed.len = len;
		CHECK(read_notes(&packed, 512, MAX, &out, &err) < 0);
	}
}

TEST(limits_and_versions)
{
	BUF_AUTO(packed, MAX);
	BUF_AUTO(out, MAX);
	auto_fd fd = memory_file();
	struct err err = {0};

	fill_archive();
	write_notes(fd, ARCHIVE_BYTES);
	read_file(fd, &packed);
	CHECK(read_notes(&packed, 512, ARCHIVE_BYTES - 1, &out, &err) < 0);
	CHECK(says(&err, "more bytes than a layer may have"));
	packed.data[15] = HEADERS_VERSION + 1;
	CHECK(read_notes(&packed, 512, MAX, &out, &err) < 0);
	CHECK_INT(err.kind, ERR_UNSUPPORTED);
	CHECK(says(&err, "of version 2, known is 1"));
}

/* Operations without the packing: what the inflater passes through as it is. */
static int read_ops(const char *ops, size_t len, struct err *err)
{
	BUF_AUTO(packed, MAX);
	BUF_AUTO(out, MAX);
	char head[HEADERS_HEAD_BYTES] = HEADERS_MAGIC;

	head[15] = HEADERS_VERSION;
	head[16] = 100;
	buf_add(&packed, head, sizeof(head));
	buf_add(&packed, ops, len);
	return read_notes(&packed, 3, MAX, &out, err);
}

TEST(wrong_operations)
{
	static const struct {
		const char *ops;
		size_t len;
		const char *says;
	} cases[] = {
		{"\0", 1, "at the wrong place"},
		{"\1\145", 2, "more bytes than the archive has"},
		{"\1\0", 2, "or none"},
		{"\3\0\5", 3, "content of no file"},
		{"\2\1\1x\0", 5, "a path is too long"},
		{"\2\0\0\0", 4, "or empty"},
		{"\2\0\200\100", 4, "a path is too long"},
		{"\2\0\2a\0\0", 6, "a path with a NUL"},
		{"\2\0\1a\0\3\377\377\377\377\377\377\377\377\177\5", 16, "beyond any file's end"},
		{"\3\377\377\377\377\377\377\377\377\377\177", 11, "a number is too large"},
		{"\3\377\377\377\377\377\377\377\377\377\1\1", 12, "a number is too large"},
		{"\7", 1, "an unknown operation"},
		{"\1\5abc", 5, "they are cut"},
		{"", 0, "they are cut"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {0};
		CHECK(read_ops(cases[i].ops, cases[i].len, &err) < 0);
		if (!says(&err, cases[i].says))
			TEST_FAIL("case %zu: not '%s' but '%s'", i, cases[i].says, err.text);
	}
}

TESTS(T(what_is_written_is_read), T(noted_bytes_are_the_archives), T(damage_is_found),
      T(limits_and_versions), T(wrong_operations))
