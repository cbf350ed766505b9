#include "remote/toml.h"

#include "base/test.h"

static int next(struct toml *toml, struct toml_item *item)
{
	struct err err;

	return toml_next(toml, item, &err);
}

TEST(all_that_is_understood)
{
	static const char text[] = "# words\n"
				   "top = \"a\\\"b\\\\\" # more\n"
				   "'quoted key' = 'c:\\d'\n"
				   "list = [ \"one\", # first\n 'two',\n]\n"
				   "empty = []\n"
				   "number = 1_000\n"
				   "inline = { a = [1, 2], b = \"]\" }\n"
				   "mixed = [1, \"x\",\n 2]\n"
				   "[table]\nyes = true\r\nno=false\n"
				   "[[a.b]]\n";
	ARENA_AUTO(arena, 1 << 20);
	struct toml toml;
	struct toml_item item;

	toml_init(&toml, text, strlen(text), &arena);
	CHECK_INT(next(&toml, &item), 1);
	CHECK_STR(item.name, "top");
	CHECK_STR(item.text, "a\"b\\");
	CHECK_INT(next(&toml, &item), 1);
	CHECK_STR(item.name, "quoted key");
	CHECK_STR(item.text, "c:\\d");
	CHECK_INT(next(&toml, &item), 1);
	CHECK_INT(item.kind, TOML_STRINGS);
	REQUIRE(item.strings.count == 2);
	CHECK_STR(item.strings.items[1], "two");
	CHECK_INT(next(&toml, &item), 1);
	CHECK(item.kind == TOML_STRINGS && item.strings.count == 0);
	for (int i = 0; i < 3; i++) {
		CHECK_INT(next(&toml, &item), 1);
		CHECK_INT(item.kind, TOML_OTHER);
	}
	CHECK_INT(next(&toml, &item), 1);
	CHECK(item.kind == TOML_TABLE && !item.list);
	CHECK_STR(item.name, "table");
	CHECK_INT(next(&toml, &item), 1);
	CHECK(item.kind == TOML_BOOL && item.truth);
	CHECK_INT(next(&toml, &item), 1);
	CHECK(item.kind == TOML_BOOL && !item.truth);
	CHECK_INT(toml.line, 14);
	CHECK_INT(next(&toml, &item), 1);
	CHECK(item.kind == TOML_TABLE && item.list);
	CHECK_STR(item.name, "a.b");
	CHECK_INT(next(&toml, &item), 0);
}

TEST(what_is_refused)
{
	static const char *const wrong[] = {"key",
					    "= 1",
					    "a.b = 1",
					    "a = ",
					    "a = yes",
					    "a = \"x",
					    "a = \"x\ny\"",
					    "a = \"\\q\"",
					    "a = \"x\" y",
					    "a = \"\"\"x\"\"\"",
					    "a = [\"x\" \"y\"]",
					    "a = [\"x\",",
					    "a = [1, 2",
					    "a = 1]",
					    "a = {",
					    "a = true false",
					    "[a",
					    "[]",
					    "[[a]",
					    "[a] b = 1",
					    "[\"a\"]",
					    "a = [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]",
					    "a = \"\x01\""};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ARENA_AUTO(arena, 1 << 20);
		struct toml toml;
		struct toml_item item;
		toml_init(&toml, wrong[i], strlen(wrong[i]), &arena);
		int rc = next(&toml, &item);
		if (rc > 0)
			rc = next(&toml, &item);
		if (rc >= 0)
			TEST_FAIL("'%s' was taken", wrong[i]);
	}
}

TESTS(T(all_that_is_understood), T(what_is_refused))
