#include "engine/identity.h"

#include "base/test.h"

TEST(ids)
{
	char a[IDENTITY_ID_CHARS + 1], b[IDENTITY_ID_CHARS + 1];
	struct err err;

	for (int i = 0; i < 1000; i++) {
		CHECK_INT(identity_new_id(a, &err), 0);
		CHECK(strlen(a) == 64 && identity_is_id_prefix(a));
		CHECK(strspn(a, "0123456789") < 12);
	}
	CHECK_INT(identity_new_id(b, &err), 0);
	CHECK(strcmp(a, b) != 0);
}

TEST(names)
{
	char name[IDENTITY_NAME_MAX];
	struct err err;

	for (int i = 0; i < 200; i++) {
		CHECK_INT(identity_new_name(i % 5, name, &err), 0);
		CHECK_INT(identity_check_name(name, &err), 0);
		CHECK(strchr(name, '_') != NULL);
	}
}

TEST(names_checked)
{
	static const char *const bad[] = {"", "a", "-a", "a b", "a/b", "_a", "a:b", "ä1"};
	struct err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(identity_check_name(bad[i], &err) < 0);
	CHECK_INT(identity_check_name("web-1.a_B", &err), 0);
}

TEST(prefixes)
{
	CHECK(identity_is_id_prefix("0a"));
	CHECK(!identity_is_id_prefix(""));
	CHECK(!identity_is_id_prefix("0A"));
	CHECK(!identity_is_id_prefix("0g"));
}

TEST(levels_have_two_categories_in_order)
{
	struct err err;
	char level[IDENTITY_LEVEL_MAX], again[IDENTITY_LEVEL_MAX];
	unsigned low = 0, high = 0, same = 0;
	int end = 0;

	for (int i = 0; i < 1000; i++) {
		CHECK_INT(identity_new_level(level, &err), 0);
		/* NOLINTNEXTLINE(cert-err34-c): the level's length bounds the numbers */
		CHECK_INT(sscanf(level, "s0:c%u,c%u%n", &low, &high, &end), 2);
		CHECK(level[end] == '\0' && low < high && high < 1024);
		CHECK_INT(identity_new_level(again, &err), 0);
		same += strcmp(level, again) == 0;
	}
	CHECK(same < 5);
}

TESTS(T(levels_have_two_categories_in_order), T(ids), T(names), T(names_checked), T(prefixes))
