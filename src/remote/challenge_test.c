#include "remote/challenge.h"

#include "base/test.h"

static int parse(const char *text, struct challenge *challenge)
{
	struct err err;

	*challenge = (struct challenge){0};
	return challenge_parse(text, challenge, &err);
}

TEST(bearer_as_registries_write_it)
{
	struct challenge c;

	CHECK_INT(parse("Bearer realm=\"https://auth.docker.io/token\","
			"service=\"registry.docker.io\",scope=\"repository:library/box:pull\"",
			&c),
		  0);
	CHECK(c.bearer && !c.basic);
	CHECK_STR(c.realm, "https://auth.docker.io/token");
	CHECK_STR(c.service, "registry.docker.io");
	CHECK_STR(c.scope, "repository:library/box:pull");
}

TEST(several_in_one_value)
{
	struct challenge c;

	CHECK_INT(parse("Negotiate, Digest realm=\"no\", Basic realm=\"x\" , bearer REALM = yes ,"
			" error=\"invalid\", Bearer realm=\"late\", Basic",
			&c),
		  0);
	CHECK(c.bearer && c.basic);
	CHECK_STR(c.realm, "yes");
	CHECK_STR(c.service, "");
	CHECK_INT(parse("NTLM TlRMTVNTUAAB==, Basic realm=x", &c), 0);
	CHECK(c.basic && !c.bearer);
}

TEST(several_values_add_up)
{
	struct challenge c;
	struct err err;

	CHECK_INT(parse("Basic realm=\"b\"", &c), 0);
	CHECK_INT(challenge_parse("Bearer realm=\"r\"", &c, &err), 0);
	CHECK_INT(challenge_parse("Bearer realm=\"s\"", &c, &err), 0);
	CHECK(c.basic && c.bearer);
	CHECK_STR(c.realm, "r");
}

TEST(quotes_and_backslashes)
{
	struct challenge c;

	CHECK_INT(parse("Bearer realm=\"a\\\"b\\\\c, d=e\",service=\"\"", &c), 0);
	CHECK_STR(c.realm, "a\"b\\c, d=e");
	CHECK_STR(c.service, "");
}

TEST(what_is_no_challenge)
{
	static const char *const wrong[] = {"",
					    " , ",
					    "=",
					    "realm=\"x\"",
					    "Bearer realm=\"",
					    "Bearer realm=\"x",
					    "Bearer realm=\"x\\",
					    "Bearer realm=\"a\x01\"",
					    "Bearer \"x\"",
					    "Bearer realm=\"x\";"};
	struct challenge c;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (parse(wrong[i], &c) >= 0)
			TEST_FAIL("'%s' was taken", wrong[i]);
	}
}

TEST(half_a_realm_is_none)
{
	char text[CHALLENGE_REALM_MAX + 64] = "Bearer realm=\"";
	struct challenge c;

	memset(text + 14, 'x', CHALLENGE_REALM_MAX);
	text[14 + CHALLENGE_REALM_MAX] = '"';
	CHECK(parse(text, &c) < 0);
	text[14 + CHALLENGE_REALM_MAX - 1] = '"';
	text[14 + CHALLENGE_REALM_MAX] = '\0';
	CHECK_INT(parse(text, &c), 0);
	CHECK_INT(strlen(c.realm), CHALLENGE_REALM_MAX - 1);
}

TESTS(T(bearer_as_registries_write_it), T(several_in_one_value), T(several_values_add_up),
      T(quotes_and_backslashes), T(what_is_no_challenge), T(half_a_realm_is_none))
