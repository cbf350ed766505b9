#include "remote/referrers.h"

#include "base/test.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ONE(more)                                                                                 \
	"{\"mediaType\":\"" OCI_MEDIA_MANIFEST "\",\"digest\":\"sha256:" HEX "\",\"size\":7" more \
	"}"
#define INDEX(items) "{\"schemaVersion\":2,\"manifests\":[" items "]}"

static int parse(const char *text, const char *type, bool filtered, struct arena *arena,
		 referrers_list *list)
{
	struct err err;

	return referrers_parse(text, strlen(text), type, filtered, arena, list, &err);
}

TEST(all_or_of_a_type)
{
	static const char text[] = INDEX(ONE(",\"artifactType\":\"a/sig\"") "," ONE(
		",\"artifactType\":\"a/sbom\"") "," ONE(""));
	ARENA_AUTO(arena, 65536);
	referrers_list list = {0};

	CHECK_INT(parse(text, NULL, false, &arena, &list), 0);
	CHECK_INT(list.count, 3);
	list = (referrers_list){0};
	CHECK_INT(parse(text, "a/sig", false, &arena, &list), 0);
	REQUIRE(list.count == 1);
	CHECK_STR(list.items[0].artifact_type, "a/sig");
	/* What the registry has left out already needs no type; another type is left out all the same. */
	list = (referrers_list){0};
	CHECK_INT(parse(text, "a/sig", true, &arena, &list), 0);
	CHECK_INT(list.count, 2);
}

TEST(pages_add_up)
{
	ARENA_AUTO(arena, 65536);
	referrers_list list = {0};

	CHECK_INT(parse(INDEX(ONE("")), NULL, false, &arena, &list), 0);
	CHECK_INT(parse(INDEX(""), NULL, false, &arena, &list), 0);
	CHECK_INT(parse(INDEX(ONE("") "," ONE("")), NULL, false, &arena, &list), 0);
	CHECK_INT(list.count, 3);
}

TEST(what_is_no_list)
{
	static const char *const texts[] = {
		"",
		"[]",
		"{}",
		"{\"schemaVersion\":2,\"layers\":[],\"config\":" ONE("") "}",
		"{\"schemaVersion\":2,\"layers\":[],\"manifests\":[]}",
		INDEX("{\"digest\":\"sha256:" HEX "\"}"),
		INDEX("{\"mediaType\":\"a\",\"digest\":\"x\",\"size\":1}"),
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		ARENA_AUTO(arena, 65536);
		referrers_list list = {0};
		CHECK(parse(texts[i], NULL, false, &arena, &list) < 0);
	}
}

TEST(filters_applied)
{
	CHECK(referrers_filtered("artifactType"));
	CHECK(referrers_filtered("artifactType,other"));
	CHECK(referrers_filtered("other, artifactType"));
	CHECK(!referrers_filtered(""));
	CHECK(!referrers_filtered("artifactTypes"));
	CHECK(!referrers_filtered("other"));
}

TESTS(T(all_or_of_a_type), T(pages_add_up), T(what_is_no_list), T(filters_applied))
