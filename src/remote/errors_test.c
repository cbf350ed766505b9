#include "remote/errors.h"

#include "base/test.h"

static const char *text_of(const char *body, char buf[ERRORS_TEXT_MAX])
{
	errors_text(body, strlen(body), buf);
	return buf;
}

TEST(documents)
{
	char buf[ERRORS_TEXT_MAX];

	CHECK_STR(text_of("{\"errors\":[{\"code\":\"X\",\"message\":\"not here\",\"detail\":{}}]}",
			  buf),
		  "not here");
	CHECK_STR(text_of("{\"errors\":[{\"code\":\"X\"},{\"message\":\"b\"},{\"message\":\"c\"}]}",
			  buf),
		  "X; b");
	CHECK_STR(text_of("{\"details\":\"bad password\"}", buf), "bad password");
	CHECK_STR(text_of("{\"message\":\"m\"}", buf), "m");
	CHECK_STR(text_of("{}", buf), "");
}

TEST(other_bodies)
{
	char buf[ERRORS_TEXT_MAX];

	CHECK_STR(text_of("", buf), "");
	CHECK_STR(text_of("slow down\nmore", buf), "slow down");
	CHECK_STR(text_of("<html>", buf), "");
	CHECK_STR(text_of("{\"errors\":", buf), "");
}

TEST(nothing_for_a_terminal)
{
	char buf[ERRORS_TEXT_MAX], text[4096] = "\x1b[2J\x9b\x7f\tx";

	CHECK_STR(text_of(text, buf), "?[2J???x");
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	CHECK_INT(strlen(text_of(text, buf)), ERRORS_TEXT_MAX - 1);
}

TESTS(T(documents), T(other_bodies), T(nothing_for_a_terminal))
