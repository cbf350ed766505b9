#include "cli/text.h"

#include "base/test.h"

static const char *duration(int64_t seconds)
{
	static char buf[64];

	text_duration(seconds, buf, sizeof(buf));
	return buf;
}

TEST(durations)
{
	CHECK_STR(duration(0), "Less than a second");
	CHECK_STR(duration(1), "1 second");
	CHECK_STR(duration(59), "59 seconds");
	CHECK_STR(duration(61), "About a minute");
	CHECK_STR(duration(185), "3 minutes");
	CHECK_STR(duration(3700), "About an hour");
	CHECK_STR(duration(7300), "2 hours");
	CHECK_STR(duration(3 * 86400), "3 days");
	CHECK_STR(duration(21 * 86400), "3 weeks");
	CHECK_STR(duration(100 * 86400), "3 months");
	CHECK_STR(duration(800 * 86400), "2 years");
}

TEST(sizes)
{
	char buf[32];

	text_size(0, buf, sizeof(buf));
	CHECK_STR(buf, "0B");
	text_size(999, buf, sizeof(buf));
	CHECK_STR(buf, "999B");
	text_size(1234567, buf, sizeof(buf));
	CHECK_STR(buf, "1.23MB");
	text_size(4261502976, buf, sizeof(buf));
	CHECK_STR(buf, "4.26GB");
}

TEST(ellipsis)
{
	ARENA_AUTO(arena, 65536);
	CHECK_STR(text_ellipsis("short", 20, &arena), "short");
	CHECK_STR(text_ellipsis("abcdef", 4, &arena), "abc\xe2\x80\xa6");
	CHECK_STR(text_ellipsis("\xc3\xa4\xc3\xb6\xc3\xbcxyz", 4, &arena),
		  "\xc3\xa4\xc3\xb6\xc3\xbc\xe2\x80\xa6");
}

TEST(printable)
{
	ARENA_AUTO(arena, 65536);
	CHECK_STR(text_printable("a\x1b[31m\nb", &arena), "a?[31m?b");
}

static const char *tabs(const char *text, struct buf *out)
{
	struct err err;

	buf_clear(out);
	CHECK_INT(text_tabs(text, strlen(text), out, &err), 0);
	return out->len > 0 ? out->data : "";
}

TEST(tables)
{
	BUF_AUTO(out, 4096);

	CHECK_STR(tabs("", &out), "");
	CHECK_STR(tabs("ID\tNAME\n1\ta\n12345678\tb\n", &out),
		  "ID         NAME\n1          a\n12345678   b\n");
	CHECK_STR(
		tabs("a\tb\n\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\tx\n",
		     &out),
		"a          b\n\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4   "
		"x\n");
	/* A line without the column begins it anew. */
	CHECK_STR(tabs("a\tb\nlong text without one\nabcdefghij\tc\n", &out),
		  "a         b\nlong text without one\nabcdefghij   c\n");
	CHECK_STR(tabs("a\tb\tc\nd\n", &out), "a         b         c\nd\n");
}

TEST(times)
{
	struct err err;
	int64_t ns = 0;
	char buf[64];

	CHECK_INT(text_parse_time("1700000000.5", 0, &ns, &err), 0);
	CHECK_INT(ns, 1700000000500000000);
	CHECK_INT(text_parse_time("2023-11-14T22:13:20Z", 0, &ns, &err), 0);
	CHECK_INT(ns, 1700000000000000000);
	CHECK_INT(text_parse_time("2023-11-14T23:13:20.25+01:00", 0, &ns, &err), 0);
	CHECK_INT(ns, 1700000000250000000);
	CHECK_INT(text_parse_time("10s", 20000000000, &ns, &err), 0);
	CHECK_INT(ns, 10000000000);
	CHECK(text_parse_time("yesterday", 0, &ns, &err) < 0);
	CHECK(text_parse_time("", 0, &ns, &err) < 0);
	text_time(1700000000000000005, buf, sizeof(buf));
	CHECK_STR(buf, "2023-11-14T22:13:20.000000005Z");
	text_time(0, buf, sizeof(buf));
	CHECK_STR(buf, "0001-01-01T00:00:00Z");
}

TEST(nothing_commands_a_terminal)
{
	char lines[] = "a\033[1m\nb\tc\x7f\xc2\x9b"
		       "d\xc3\xa9\xc2\xa0";

	text_tame(lines, sizeof(lines) - 1, true);
	CHECK_STR(lines, "a?[1m\nb\tc???d\xc3\xa9\xc2\xa0");
	text_tame(lines, sizeof(lines) - 1, false);
	CHECK_STR(lines, "a?[1m?b?c???d\xc3\xa9\xc2\xa0");
}

TESTS(T(nothing_commands_a_terminal), T(durations), T(sizes), T(ellipsis), T(printable), T(tables),
      T(times))
