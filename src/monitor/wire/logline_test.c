#include "monitor/wire/logline.h"

#include <errno.h>
#include <time.h>

#include "base/test.h"

static const struct logline sample = {LOGLINE_STDOUT, 1767323045123456789};

static void check_encoded(const char *text, size_t size, const char *want)
{
	BUF_AUTO(out, 4096);

	logline_encode(&sample, text, size, &out);
	CHECK_STR(out.data, want);
}

#define AFTER "\",\"stream\":\"stdout\",\"time\":\"2026-01-02T03:04:05.123456789Z\"}\n"

TEST(encodes_as_docker_does)
{
	check_encoded("hello\n", 6, "{\"log\":\"hello\\n" AFTER);
	check_encoded("a\tb\r\"\\\x1b[0m", 10, "{\"log\":\"a\\tb\\r\\\"\\\\\\u001b[0m" AFTER);
	check_encoded("nul\0.", 5, "{\"log\":\"nul\\u0000." AFTER);
	check_encoded("", 0, "{\"log\":\"" AFTER);
}

TEST(utf8_stays_and_the_rest_is_replaced)
{
	check_encoded("\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb3", 9,
		      "{\"log\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb3" AFTER);
	/* a lone byte, an overlong form, a surrogate, one beyond Unicode, a cut one */
	check_encoded("\xff", 1, "{\"log\":\"\xef\xbf\xbd" AFTER);
	check_encoded("\xc0\xaf", 2, "{\"log\":\"\xef\xbf\xbd\xef\xbf\xbd" AFTER);
	check_encoded("\xed\xa0\x80", 3, "{\"log\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" AFTER);
	check_encoded("\xf4\x90\x80\x80x", 5,
		      "{\"log\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx" AFTER);
	check_encoded("\xe2\x82", 2, "{\"log\":\"\xef\xbf\xbd\xef\xbf\xbd" AFTER);
}

TEST(decodes_what_it_encodes)
{
	static const char text[] = "a\0b\t\"\\/\x7f\x01 \xe2\x82\xac\n";
	struct err err = {0};
	BUF_AUTO(line, 4096);

	for (int stream = LOGLINE_STDOUT; stream <= LOGLINE_CORTEN; stream++) {
		struct logline want = {(enum logline_stream)stream, 999999999}, got = {0};
		BUF_AUTO(out, 4096);
		buf_clear(&line);
		logline_encode(&want, text, sizeof(text) - 1, &line);
		CHECK_INT(logline_decode(line.data, line.len, &got, &out, &err), 0);
		CHECK_INT(out.len, sizeof(text) - 1);
		CHECK(memcmp(out.data, text, out.len) == 0);
		CHECK_INT(got.stream, stream);
		CHECK_INT(got.time_ns, 999999999);
	}
}

static int decode(const char *record, struct buf *out)
{
	struct logline line;
	struct err err;

	buf_clear(out);
	return logline_decode(record, strlen(record), &line, out, &err);
}

#define TAIL "\"stream\":\"stderr\",\"time\":\"2026-01-02T03:04:05Z\"}"

TEST(decodes_other_writers)
{
	BUF_AUTO(out, 64);

	CHECK_INT(decode("{\"log\":\"x\"," TAIL, &out), 0);
	CHECK_INT(decode(" { \"time\" : \"2026-01-02T03:04:05.1Z\" , \"stream\" : \"stdout\" , "
			 "\"more\":\"y\", \"log\" : \"z\" } \n",
			 &out),
		  0);
	CHECK_STR(out.data, "z");
	CHECK_INT(decode("{\"log\":\"\\u20ac\\ud83d\\udc33\\ud83d!\\u00e9\\b\\f\\/\"," TAIL, &out),
		  0);
	CHECK_STR(out.data, "\xe2\x82\xac\xf0\x9f\x90\xb3\xef\xbf\xbd!\xc3\xa9\b\f/");
}

TEST(damaged_records_are_told)
{
	static const char whole[] = "{\"log\":\"hello\\n\"," TAIL;
	BUF_AUTO(out, 64);
	struct logline line;
	struct err err;

	CHECK_INT(logline_decode(whole, sizeof(whole) - 1, &line, &out, &err), 0);
	for (size_t size = 0; size < sizeof(whole) - 1; size++)
		CHECK(logline_decode(whole, size, &line, &out, &err) < 0);
	CHECK(decode("{\"log\":\"x\",\"log\":\"y\"," TAIL, &out) < 0);
	CHECK(decode("{\"log\":1," TAIL, &out) < 0);
	CHECK(decode("{\"log\":\"\\q\"," TAIL, &out) < 0);
	CHECK(decode("{\"log\":\"\\u12g4\"," TAIL, &out) < 0);
	CHECK(decode("{\"log\":\"a\nb\"," TAIL, &out) < 0);
	CHECK(decode("{\"log\":\"x\"," TAIL "x", &out) < 0);
	CHECK(decode("{\"log\":\"x\",\"stream\":\"stdlog\",\"time\":\"2026-01-02T03:04:05Z\"}",
		     &out) < 0);
	/* more than the reader's maximum */
	CHECK(decode("{\"log\":\"0123456789012345678901234567890123456789012345678901234567890123"
		     "456789\"," TAIL,
		     &out) < 0);
}

TEST(times_match_the_calendar)
{
	char text[LOGLINE_TIME_SIZE], want[LOGLINE_TIME_SIZE];
	/* 1970, leap days of 2000 and 2024, the last second before 2100's March */
	static const int64_t seconds[] = {0,          951782399,  951782400,  951868799, 1709164800,
					  1709251199, 1709251200, 4107542399, 4107542400};

	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		time_t t = (time_t)seconds[i];
		int64_t back = -1;
		struct tm tm;
		CHECK(gmtime_r(&t, &tm) != NULL);
		CHECK(strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S.000000007Z", &tm) > 0);
		logline_time_format(seconds[i] * 1000000000 + 7, text);
		CHECK_STR(text, want);
		CHECK_INT(logline_time_parse(text, strlen(text), &back), 0);
		CHECK_INT(back, seconds[i] * 1000000000 + 7);
	}
}

TEST(wrong_times_are_refused)
{
	static const char *const wrong[] = {"",
					    "2026",
					    "2026-01-02T03:04:05",
					    "2026-01-02T03:04:05.Z",
					    "2026-13-02T03:04:05Z",
					    "2026-01-02T24:04:05Z",
					    "1969-01-02T03:04:05Z",
					    "2262-01-02T03:04:05Z",
					    "2026-01-02 03:04:05Z",
					    "2026-01-02T03:04:05.1234567890Z",
					    "2026-01-02T03:04:05ZZ"};
	int64_t time_ns;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CHECK_INT(logline_time_parse(wrong[i], strlen(wrong[i]), &time_ns), -EINVAL);
}

TESTS(T(encodes_as_docker_does), T(utf8_stays_and_the_rest_is_replaced), T(decodes_what_it_encodes),
      T(decodes_other_writers), T(damaged_records_are_told), T(times_match_the_calendar),
      T(wrong_times_are_refused))
