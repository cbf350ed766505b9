#include "remote/token.h"

#include "base/test.h"

static const char *parse(const char *text, struct arena *arena)
{
	const char *token = NULL;
	struct err err;

	return token_parse(text, strlen(text), arena, &token, &err) < 0 ? NULL : token;
}

TEST(both_names)
{
	ARENA_AUTO(arena, 1 << 20);

	CHECK_STR(parse("{\"token\":\"a.b-c_d=\",\"expires_in\":60}", &arena), "a.b-c_d=");
	CHECK_STR(parse("{\"access_token\":\"x\"}", &arena), "x");
	CHECK_STR(parse("{\"access_token\":\"x\",\"token\":\"y\"}", &arena), "y");
}

TEST(what_is_no_token)
{
	ARENA_AUTO(arena, 1 << 20);
	static const char *const wrong[] = {"",
					    "{}",
					    "[]",
					    "{\"token\":\"\"}",
					    "{\"token\":7}",
					    "{\"token\":\"a b\"}",
					    "{\"token\":\"a\\r\\nX: y\"}",
					    "{\"token\":\"\\u00e9\"}"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CHECK(parse(wrong[i], &arena) == NULL);
}

TESTS(T(both_names), T(what_is_no_token))
