#include "remote/auth.h"

#include "base/test.h"

static int parse(const char *text, const char *repository, struct arena *arena, struct auth *auth)
{
	struct err err;

	*auth = (struct auth){0};
	return auth_parse(text, strlen(text), repository, arena, auth, &err);
}

/* "a:1", "b:2", ... in base64 */
#define A "YTox"
#define B "Yjoy"
#define C "Yzoz"

TEST(the_longest_key_wins)
{
	static const char text[] =
		"{\"auths\":{\"h:5\":{\"auth\":\"" A "\"},\"h:5/x\":{\"auth\":\"" B
		"\"},\"h:5/x/y\":{\"auth\":\"" C "\"}}}";
	ARENA_AUTO(arena, 1 << 20);
	struct auth auth;

	CHECK_INT(parse(text, "h:5/z", &arena, &auth), 0);
	CHECK_STR(auth.user, "a");
	CHECK_STR(auth.password, "1");
	CHECK_INT(parse(text, "h:5/x/z", &arena, &auth), 0);
	CHECK_STR(auth.user, "b");
	CHECK_INT(parse(text, "h:5/x/y", &arena, &auth), 0);
	CHECK_STR(auth.user, "c");
	CHECK_INT(parse(text, "h:5/xx", &arena, &auth), 0);
	CHECK_STR(auth.user, "a");
	CHECK_INT(parse(text, "h:50/x", &arena, &auth), 0);
	CHECK(auth.user == NULL);
	CHECK_INT(parse(text, "h/x", &arena, &auth), 0);
	CHECK(auth.user == NULL);
}

TEST(old_keys_are_urls)
{
	ARENA_AUTO(arena, 1 << 20);
	struct auth auth;

	CHECK_INT(parse("{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"" A "\"}}}",
			"docker.io/library/box", &arena, &auth),
		  0);
	CHECK_STR(auth.user, "a");
	CHECK_INT(
		parse("{\"auths\":{\"http://h/v2/\":{\"auth\":\"" B "\"}}}", "h/x", &arena, &auth),
		0);
	CHECK_STR(auth.user, "b");
	CHECK_INT(parse("{\"auths\":{\"index.docker.io\":{\"auth\":\"" C "\"}}}", "docker.io/x/y",
			&arena, &auth),
		  0);
	CHECK_STR(auth.user, "c");
}

TEST(helpers_come_first)
{
	ARENA_AUTO(arena, 1 << 20);
	struct auth auth;
	static const char text[] =
		"{\"credHelpers\":{\"h\":\"one\"},\"credsStore\":\"two\","
		"\"auths\":{\"h\":{\"auth\":\"" A "\"},\"i\":{\"auth\":\"" B "\"},\"j\":{}}}";

	CHECK_INT(parse(text, "h/x", &arena, &auth), 0);
	CHECK_STR(auth.helper, "one");
	CHECK_INT(parse(text, "i/x", &arena, &auth), 0);
	CHECK(auth.helper == NULL);
	CHECK_STR(auth.user, "b");
	CHECK_INT(parse(text, "j/x", &arena, &auth), 0);
	CHECK_STR(auth.helper, "two");
	CHECK(parse("{\"credsStore\":\"../x\"}", "h/x", &arena, &auth) < 0);
	CHECK(parse("{\"credsStore\":\"a b\"}", "h/x", &arena, &auth) < 0);
}

TEST(other_forms_of_a_password)
{
	ARENA_AUTO(arena, 1 << 20);
	struct auth auth;
	struct err err;

	CHECK_INT(parse("{\"auths\":{\"h\":{\"username\":\"u\",\"password\":\"p:q\"}}}", "h/x",
			&arena, &auth),
		  0);
	CHECK_STR(auth.user, "u");
	CHECK_STR(auth.password, "p:q");
	CHECK_INT(parse("{\"auths\":{\"h\":{\"identitytoken\":\"t\"}}}", "h/x", &arena, &auth), 0);
	CHECK_STR(auth.identity_token, "t");
	static const char answer[] = "{\"Username\":\"<token>\",\"Secret\":\"s\"}";
	CHECK_INT(auth_parse_helper(answer, strlen(answer), &arena, &auth, &err), 0);
	CHECK_STR(auth.identity_token, "s");
}

TEST(what_is_wrong)
{
	ARENA_AUTO(arena, 1 << 20);
	struct auth auth;

	CHECK(parse("{\"auths\":{\"h\":{\"auth\":\"YQ==\"}}}", "h/x", &arena, &auth) < 0);
	CHECK(parse("{\"auths\":{\"h\":{\"auth\":\"*\"}}}", "h/x", &arena, &auth) < 0);
	CHECK(parse("{\"auths\":{\"h\":{\"auth\":\"YTpiAGM=\"}}}", "h/x", &arena, &auth) < 0);
	CHECK(parse("{", "h/x", &arena, &auth) < 0);
	/* Of others' entries nothing is read. */
	CHECK_INT(parse("{\"auths\":{\"other\":{\"auth\":\"*\"}}}", "h/x", &arena, &auth), 0);
	CHECK(auth.user == NULL);
	CHECK_INT(parse("{}", "h/x", &arena, &auth), 0);
}

TESTS(T(the_longest_key_wins), T(old_keys_are_urls), T(helpers_come_first),
      T(other_forms_of_a_password), T(what_is_wrong))
