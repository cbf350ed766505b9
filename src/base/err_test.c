#include "base/err.h"

#include <errno.h>

#include "base/test.h"

TEST(err_format_prints_outermost_first)
{
	struct err err;
	char text[256];

	CHECK_INT(err_set(&err, ERR_NOT_FOUND, ENOENT, "open '%s'", "/x"), -ENOENT);
	CHECK_INT(err_wrap(&err, -ENOENT, "read the configuration"), -ENOENT);
	CHECK_STR(err_format(&err, text, sizeof(text)),
		  "read the configuration: open '/x': No such file or directory");
}

TEST(err_without_errno_has_no_tail)
{
	struct err err;
	char text[64];

	CHECK_INT(err_set(&err, ERR_INVALID, 0, "bad flag"), -EIO);
	CHECK_STR(err_format(&err, text, sizeof(text)), "bad flag");
}

TEST(err_drops_outer_frames_when_full)
{
	struct err err;
	char long_text[490], text[600];

	memset(long_text, 'a', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	err_set(&err, ERR_SYSTEM, 0, "%s", long_text);
	err_wrap(&err, -1, "outer frame");
	CHECK(err.cut);
	CHECK_STR(err_format(&err, text, sizeof(text)), long_text);
}

TEST(err_cuts_a_root_cause_that_is_too_long)
{
	struct err err;
	char long_text[700], text[600];

	memset(long_text, 'b', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	err_set(&err, ERR_SYSTEM, 0, "%s", long_text);
	CHECK(err.cut);
	CHECK_INT(strlen(err_format(&err, text, sizeof(text))), sizeof(err.text) - 1);
}

TEST(err_format_respects_a_small_buffer)
{
	struct err err;
	char text[8];

	err_set(&err, ERR_SYSTEM, EIO, "0123456789");
	CHECK_STR(err_format(&err, text, sizeof(text)), "0123456");
}

TEST(err_sanitize_bounds_a_hostile_value)
{
	struct err err;
	char text[600];

	memset(&err, 0xff, sizeof(err));
	err_sanitize(&err);
	CHECK_INT(err.kind, ERR_SYSTEM);
	CHECK_INT(err.sys, 0);
	CHECK(strlen(err_format(&err, text, sizeof(text))) < sizeof(text));
}

TEST(err_sanitize_takes_orders_to_terminals_out)
{
	struct err err;
	char text[600];

	err_set(&err, ERR_SYSTEM, 0, "red\033[31m\a\nzo\303\253 \302\233c1 \302\251\177");
	err_wrap(&err, -1, "outer\r");
	err_sanitize(&err);
	CHECK_STR(err_format(&err, text, sizeof(text)),
		  "outer?: red?[31m? zo\303\253 ??c1 \302\251?");
}

TESTS(T(err_format_prints_outermost_first), T(err_without_errno_has_no_tail),
      T(err_drops_outer_frames_when_full), T(err_cuts_a_root_cause_that_is_too_long),
      T(err_format_respects_a_small_buffer), T(err_sanitize_bounds_a_hostile_value),
      T(err_sanitize_takes_orders_to_terminals_out))
