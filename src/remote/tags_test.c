#include "remote/tags.h"

#include "base/test.h"

static int parse(const char *text, size_t max, struct arena *arena, json_strings *tags)
{
	struct err err;

	return tags_parse(text, strlen(text), max, arena, tags, &err);
}

TEST(pages_add_up)
{
	ARENA_AUTO(arena, 65536);
	json_strings tags = {0};

	CHECK_INT(parse("{\"name\":\"box\",\"tags\":[\"1\",\"1.0_a-b\"]}", 9, &arena, &tags), 0);
	CHECK_INT(parse("{\"name\":\"box\",\"tags\":null}", 9, &arena, &tags), 0);
	CHECK_INT(parse("{\"tags\":[\"latest\"]}", 9, &arena, &tags), 0);
	REQUIRE(tags.count == 3);
	CHECK_STR(tags.items[1], "1.0_a-b");
	CHECK_STR(tags.items[2], "latest");
}

TEST(up_to_a_maximum)
{
	ARENA_AUTO(arena, 65536);
	json_strings tags = {0};

	CHECK_INT(parse("{\"tags\":[\"1\",\"2\"]}", 2, &arena, &tags), 0);
	CHECK_INT(parse("{\"tags\":[\"3\"]}", 2, &arena, &tags), 1);
	CHECK_INT(tags.count, 2);
}

TEST(digests_are_passed_over)
{
	ARENA_AUTO(arena, 65536);
	json_strings tags = {0};

	CHECK_INT(
		parse("{\"tags\":[\"sha256:"
		      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",\"1\"]}",
		      9, &arena, &tags),
		0);
	REQUIRE(tags.count == 1);
	CHECK_STR(tags.items[0], "1");
}

TEST(what_is_no_tag)
{
	static const char *const lists[] = {
		"{\"tags\":[\"a/b\"]}",
		"{\"tags\":[\"\"]}",
		"{\"tags\":[\"a:b\"]}",
		"{\"tags\":[\"\\u001b[2J\"]}",
		"{\"tags\":[1]}",
		"{\"tags\":\"a\"}",
		"[]",
		"",
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		ARENA_AUTO(arena, 65536);
		json_strings tags = {0};
		CHECK(parse(lists[i], 9, &arena, &tags) < 0);
	}
}

TESTS(T(pages_add_up), T(up_to_a_maximum), T(digests_are_passed_over), T(what_is_no_tag))
