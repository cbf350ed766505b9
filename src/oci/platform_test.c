#include "oci/platform.h"

#include "base/test.h"

static int match(const char *wanted, const char *os, const char *architecture, const char *variant)
{
	const struct oci_platform have = {
		.os = os, .architecture = architecture, .variant = variant};
	struct platform platform;
	struct err err;

	if (platform_parse(wanted, &platform, &err) < 0)
		return -1;
	return platform_match(&platform, &have);
}

TEST(words)
{
	struct platform platform;
	struct err err;

	REQUIRE(platform_parse("linux/arm/v7", &platform, &err) == 0);
	CHECK_STR(platform.os, "linux");
	CHECK_STR(platform.architecture, "arm");
	CHECK_STR(platform.variant, "v7");
	REQUIRE(platform_parse(NULL, &platform, &err) == 0);
	CHECK_STR(platform.os, "linux");
	CHECK(platform_parse("linux", &platform, &err) < 0);
	CHECK(platform_parse("linux/", &platform, &err) < 0);
	CHECK(platform_parse("linux/amd64/", &platform, &err) < 0);
	CHECK(platform_parse("Linux/amd64", &platform, &err) < 0);
	CHECK(platform_parse("linux/amd64/v2/x", &platform, &err) < 0);
}

TEST(fits)
{
	struct platform platform;
	struct err err;

	CHECK_INT(match("linux/arm64", "linux", "arm64", NULL), 3);
	CHECK_INT(match("linux/arm64", "linux", "arm64", "v8"), 2);
	CHECK_INT(match("linux/arm64/v8", "linux", "arm64", "v8"), 3);
	CHECK_INT(match("linux/arm64/v9", "linux", "arm64", "v8"), 0);
	CHECK_INT(match("linux/amd64", "linux", "arm64", NULL), 0);
	CHECK_INT(match("linux/amd64", "windows", "amd64", NULL), 0);
	REQUIRE(platform_parse("linux/amd64", &platform, &err) == 0);
	CHECK_INT(platform_match(&platform, NULL), 1);
}

TESTS(T(words), T(fits))
