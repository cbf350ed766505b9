#include "runtime/command/ps_table.h"

#include "base/test.h"

static int filter(const char *text, struct buf *out, struct err *err)
{
	static const pid_t pids[] = {7, 4194303};

	buf_clear(out);
	return ps_table_filter(text, pids, 2, out, err);
}

TEST(only_own_lines_are_kept)
{
	BUF_AUTO(out, 4096);
	struct err err;

	CHECK_INT(filter("UID   PID  PPID CMD\nroot    7  1 sh -c a\nroot 71 7 x\n\nx 4194303 7 y",
			 &out, &err),
		  0);
	CHECK_STR(out.data, "UID   PID  PPID CMD\nroot    7  1 sh -c a\nx 4194303 7 y\n");
	CHECK_INT(filter("  PID\n    7\n    8\n", &out, &err), 0);
	CHECK_STR(out.data, "  PID\n    7\n");
	CHECK_INT(filter("PID CMD", &out, &err), 0);
	CHECK_STR(out.data, "PID CMD\n");
}

TEST(odd_output_is_refused)
{
	BUF_AUTO(out, 4096);
	struct err err;

	CHECK(filter("", &out, &err) < 0);
	CHECK(filter("USER COMMAND\nroot sh\n", &out, &err) < 0);
	CHECK(strstr(err.text, "no column PID") != NULL);
	CHECK(filter("USER PID\nroot x7\n", &out, &err) < 0);
	CHECK(filter("USER PID\nroot\n", &out, &err) < 0);
	CHECK(filter("USER PID\nroot 7x\n", &out, &err) < 0);
	CHECK(filter("USER PID\nroot -7\n", &out, &err) < 0);
}

TESTS(T(only_own_lines_are_kept), T(odd_output_is_refused))
