#include "image/inflate.h"

#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/test.h"
#include "image/testing.h"

#define SIZE ((size_t)400000)

static uint8_t plain[SIZE];
static uint8_t packed[2 * SIZE + 4096];

static void make_plain(void)
{
	uint32_t state = 1;

	for (size_t i = 0; i < SIZE; i++) {
		state = state * 1103515245 + 12345;
		plain[i] = (uint8_t)(i % 7 < 3 ? state >> 24 : i >> 12);
	}
}

/* One gzip member at `to`; returns its size. */
static size_t gzip(const uint8_t *data, size_t size, uint8_t *to, size_t room)
{
	struct isal_zstream *stream = malloc(sizeof(*stream));
	uint8_t *level = malloc(ISAL_DEF_LVL1_DEFAULT);

	isal_deflate_init(stream);
	stream->end_of_stream = 1;
	stream->flush = NO_FLUSH;
	stream->gzip_flag = IGZIP_GZIP;
	stream->level = 1;
	stream->level_buf = level;
	stream->level_buf_size = ISAL_DEF_LVL1_DEFAULT;
	stream->next_in = (uint8_t *)(uintptr_t)data;
	stream->avail_in = (uint32_t)size;
	stream->next_out = to;
	stream->avail_out = (uint32_t)room;
	CHECK_INT(isal_deflate(stream), COMP_OK);
	size_t done = stream->total_out;
	free(level);
	free(stream);
	return done;
}

/* Unpacks `size` bytes of packed through windows; compares with plain. */
static int unpack(size_t size, size_t window, size_t want, struct err *err)
{
	struct memory_stream memory = memory_stream(packed, size, window);
	struct inflate *inflate = NULL;
	struct digest digest = {0};
	size_t total = 0;
	char hex[65], again[65];
	int rc;

	CHECK_INT(digest_init(&digest, err), 0);
	CHECK_INT(inflate_new(&memory.stream, &digest, (int64_t)SIZE, &inflate, err), 0);
	struct stream *stream = inflate_stream(inflate);
	while ((rc = stream_peek(stream, err)) > 0) {
		if (total + stream->len > SIZE ||
		    memcmp(plain + total, stream->at, stream->len) != 0) {
			TEST_FAIL("wrong bytes at %zu", total);
			break;
		}
		total += stream->len;
		stream_take(stream, stream->len);
	}
	if (rc == 0) {
		CHECK_INT(total, want);
		digest_hex(&digest, hex);
		CHECK_INT(digest_of(plain, want, again, err), 0);
		CHECK_STR(hex, again);
	}
	inflate_free(inflate);
	digest_done(&digest);
	return rc;
}

static bool says(const struct err *err, const char *text)
{
	char all[1024];

	return strstr(err_format(err, all, sizeof(all)), text) != NULL;
}

TEST(every_packing_in_windows_of_any_size)
{
	static const size_t windows[] = {1 << 20, 65536, 4096, 100, 7};
	struct err err = {0};

	make_plain();
	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		CHECK_INT(unpack(gzip(plain, SIZE, packed, sizeof(packed)), windows[i], SIZE, &err),
			  0);
		CHECK_INT(unpack(ZSTD_compress(packed, sizeof(packed), plain, SIZE, 3), windows[i],
				 SIZE, &err),
			  0);
		memcpy(packed, plain, SIZE);
		CHECK_INT(unpack(SIZE, windows[i], SIZE, &err), 0);
	}
	CHECK_INT(unpack(0, 100, 0, &err), 0);
}

TEST(members_and_frames_in_a_row)
{
	struct err err = {0};

	make_plain();
	for (size_t window = 7; window < 40; window += 3) {
		size_t one = gzip(plain, 1000, packed, sizeof(packed));
		size_t two = gzip(plain + 1000, 500, packed + one, sizeof(packed) - one);
		CHECK_INT(unpack(one + two, window, 1500, &err), 0);
		one = ZSTD_compress(packed, sizeof(packed), plain, 1000, 3);
		two = ZSTD_compress(packed + one, sizeof(packed) - one, plain + 1000, 500, 3);
		CHECK_INT(unpack(one + two, window, 1500, &err), 0);
	}
}

TEST(what_follows_the_end_is_refused)
{
	static const uint8_t tails[] = {'x', 0, 0x1f, 0x28};
	struct err err = {0};

	make_plain();
	for (size_t i = 0; i < sizeof(tails); i++) {
		size_t size = gzip(plain, 1000, packed, sizeof(packed));
		packed[size] = tails[i];
		CHECK(unpack(size + 1, 1000, 1000, &err) < 0);
		CHECK(unpack(size + 1, size, 1000, &err) < 0);
		size = ZSTD_compress(packed, sizeof(packed), plain, 1000, 3);
		packed[size] = tails[i];
		CHECK(unpack(size + 1, 1000, 1000, &err) < 0);
	}
}

TEST(cut_data_is_refused_at_every_byte)
{
	struct err err = {0};

	make_plain();
	size_t size = gzip(plain, 300, packed, sizeof(packed));
	for (size_t cut = 2; cut < size; cut++)
		CHECK(unpack(cut, 64, 0, &err) < 0);
	size = ZSTD_compress(packed, sizeof(packed), plain, 300, 3);
	for (size_t cut = 4; cut < size; cut++)
		CHECK(unpack(cut, 64, 0, &err) < 0);
}

TEST(more_than_the_maximum_is_refused)
{
	static uint8_t zeros[4 * SIZE];
	struct err err = {0};

	memset(plain, 0, sizeof(plain));
	size_t size = gzip(zeros, sizeof(zeros), packed, sizeof(packed));
	CHECK(unpack(size, 65536, 0, &err) < 0);
	CHECK(says(&err, "more than 400000 bytes"));
}

TEST(a_wrong_checksum_is_refused)
{
	struct err err = {0};

	make_plain();
	size_t size = gzip(plain, 3000, packed, sizeof(packed));
	packed[size - 6] ^= 1;
	CHECK(unpack(size, 65536, 3000, &err) < 0);
	CHECK(says(&err, "checksum"));
}

TESTS(T(every_packing_in_windows_of_any_size), T(members_and_frames_in_a_row),
      T(what_follows_the_end_is_refused), T(cut_data_is_refused_at_every_byte),
      T(more_than_the_maximum_is_refused), T(a_wrong_checksum_is_refused))
