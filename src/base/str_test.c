#include "base/str.h"

#include <errno.h>

#include "base/test.h"

TEST(str_copy_copies_all_or_nothing)
{
	char dst[4] = "zzz";

	CHECK_INT(str_copy(dst, sizeof(dst), "abc"), 0);
	CHECK_STR(dst, "abc");
	CHECK_INT(str_copy(dst, sizeof(dst), "abcd"), -ENAMETOOLONG);
	CHECK_STR(dst, "");
	CHECK_INT(str_format(dst, sizeof(dst), "%d", 123), 0);
	CHECK_STR(dst, "123");
	CHECK_INT(str_format(dst, sizeof(dst), "%d", 1234), -ENAMETOOLONG);
	CHECK_STR(dst, "");
}

TEST(str_ends_are_compared)
{
	CHECK(str_equal("a", "a") && !str_equal("a", "b") && !str_equal("a", NULL));
	CHECK(str_equal(NULL, NULL));
	CHECK(str_starts_with("sha256:ab", "sha256:") && !str_starts_with("sha", "sha256:"));
	CHECK(str_ends_with("x.container", ".container") && !str_ends_with("r", ".container"));
	CHECK_STR(str_after("--name=web", "--name="), "web");
	CHECK(str_after("--nam", "--name=") == NULL);
}

TEST(str_integers)
{
	static const char *const bad[] = {"",     "-",  "+1",  " 1",  "1 ",
					  "0x10", "1a", "--1", "1.0", "99999999999999999999"};
	struct err err;
	char text[200];
	int64_t value = 7;
	uint64_t whole = 7;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(str_parse_int64(bad[i], INT64_MIN, INT64_MAX, &value, &err) < 0);
		CHECK(str_parse_uint64(bad[i], UINT64_MAX, &whole, &err) < 0);
	}
	CHECK(value == 7 && whole == 7);
	CHECK_INT(str_parse_int64("-9223372036854775808", INT64_MIN, INT64_MAX, &value, &err), 0);
	CHECK(value == INT64_MIN);
	CHECK(str_parse_int64("9223372036854775808", INT64_MIN, INT64_MAX, &value, &err) < 0);
	CHECK_INT(str_parse_uint64("18446744073709551615", UINT64_MAX, &whole, &err), 0);
	CHECK(whole == UINT64_MAX);
	CHECK(str_parse_int64("1001", -1000, 1000, &value, &err) < 0);
	CHECK_STR(err_format(&err, text, sizeof(text)),
		  "\"1001\" is not a whole number from -1000 to 1000");
	CHECK(str_parse_uint64("-1", 10, &whole, &err) < 0);
}

TEST(str_modes)
{
	struct err err;
	uint32_t mode = 0;

	CHECK_INT(str_parse_mode("0755", &mode, &err), 0);
	CHECK_INT(mode, 0755);
	CHECK_INT(str_parse_mode("7777", &mode, &err), 0);
	CHECK_INT(mode, 07777);
	CHECK(str_parse_mode("10000", &mode, &err) < 0);
	CHECK(str_parse_mode("8", &mode, &err) < 0);
	CHECK(str_parse_mode("", &mode, &err) < 0);
}

TEST(str_sizes)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{"0", 0},
		{"4096", 4096},
		{"10b", 10},
		{"1k", 1024},
		{"512m", 512ULL << 20},
		{"512M", 512ULL << 20},
		{"512mb", 512ULL << 20},
		{"512MiB", 512ULL << 20},
		{"1.5g", 3ULL << 29},
		{".5k", 512},
		{"1.k", 1024},
		{"2 GB", 2ULL << 30},
		{"1t", 1ULL << 40},
		{"1p", 1ULL << 50},
		{"0.1k", 102},
		{"18446744073709551615", UINT64_MAX},
	};
	static const char *const bad[] = {"",
					  "k",
					  "-1",
					  "1kk",
					  "1 ",
					  "1  k",
					  " 1",
					  "1e3",
					  "1x",
					  "1kib2",
					  "1bb",
					  "1bib",
					  ".",
					  "1..5",
					  "+1",
					  "1,5g",
					  "18446744073709551616"};
	struct err err;
	char text[200];
	uint64_t bytes = 0;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CHECK_INT(str_parse_size(good[i].text, UINT64_MAX, &bytes, &err), 0);
		if (bytes != good[i].bytes)
			TEST_FAIL("%s is %llu", good[i].text, (unsigned long long)bytes);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (str_parse_size(bad[i], UINT64_MAX, &bytes, &err) == 0)
			TEST_FAIL("'%s' accepted", bad[i]);
	}
	CHECK(str_parse_size("16384p", UINT64_MAX, &bytes, &err) < 0);
	CHECK(str_parse_size("2k", 2047, &bytes, &err) < 0);
	CHECK_STR(err_format(&err, text, sizeof(text)), "\"2k\" is more than 2047 bytes");
}

TEST(str_cpus)
{
	static const char *const bad[] = {"",     ".", "-1", "1.0000000001", "1m", "99999999999999",
					  "1.5.5"};
	struct err err;
	uint64_t cpus = 0;

	CHECK_INT(str_parse_cpus("1.5", &cpus, &err), 0);
	CHECK_INT(cpus, 1500000000);
	CHECK_INT(str_parse_cpus(".000000001", &cpus, &err), 0);
	CHECK_INT(cpus, 1);
	CHECK_INT(str_parse_cpus("0", &cpus, &err), 0);
	CHECK_INT(cpus, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (str_parse_cpus(bad[i], &cpus, &err) == 0)
			TEST_FAIL("'%s' accepted", bad[i]);
	}
}

TEST(str_durations)
{
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {
		{"0", 0},
		{"0s", 0},
		{"1ns", 1},
		{"2us", 2000},
		{"2\xc2\xb5s", 2000},
		{"300ms", 300000000},
		{"10s", 10000000000},
		{"1.5s", 1500000000},
		{"1h30m", 5400000000000},
		{"1h0m0.5s", 3600500000000},
		{"2562047h47m16.854775807s", INT64_MAX},
	};
	static const char *const bad[] = {"",    "1",   "s",  "-1s",   "1 s",      "1d",
					  "1m ", "1s1", ".s", "1h-3m", "2562048h", "1.2.3s"};
	struct err err;
	int64_t ns = 0;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CHECK_INT(str_parse_duration(good[i].text, &ns, &err), 0);
		CHECK_INT(ns, good[i].ns);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (str_parse_duration(bad[i], &ns, &err) == 0)
			TEST_FAIL("'%s' accepted", bad[i]);
	}
}

TESTS(T(str_copy_copies_all_or_nothing), T(str_ends_are_compared), T(str_integers), T(str_modes),
      T(str_sizes), T(str_cpus), T(str_durations))
