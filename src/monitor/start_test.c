#include "base/test.h"
#include "monitor/state.h"

#define STATUS(code) ((code) << 8)

TEST(finds_the_last_error)
{
	ARENA_AUTO(arena, 65536);
	static const char log[] = "{\"level\":\"warning\",\"msg\":\"w\",\"time\":\"t\"}\n"
				  "{\"level\":\"error\",\"msg\":\"first\"}\n"
				  "not json\n\n"
				  "{\"msg\":\"exec: \\\"x\\\": not found\",\"level\":\"fatal\"}\n"
				  "{\"level\":\"info\",\"msg\":\"i\"}\n"
				  "{\"level\":\"err";

	CHECK_STR(monitor_runtime_error(log, sizeof(log) - 1, &arena), "exec: \"x\": not found");
	CHECK(monitor_runtime_error(log, 30, &arena) == NULL);
	CHECK(monitor_runtime_error("", 0, &arena) == NULL);
}

TEST(exit_codes_are_dockers)
{
	CHECK_INT(monitor_failure_code(STATUS(127), "whatever"), 127);
	CHECK_INT(monitor_failure_code(STATUS(126), "whatever"), 126);
	CHECK_INT(
		monitor_failure_code(STATUS(1), "exec: \"x\": executable file not found in $PATH"),
		127);
	CHECK_INT(monitor_failure_code(STATUS(1), "Exec /x: No such file or directory"), 127);
	CHECK_INT(monitor_failure_code(STATUS(1), "exec: \"/etc\": permission denied"), 126);
	CHECK_INT(monitor_failure_code(STATUS(1), "mount '/x': no such file or directory"), 125);
	CHECK_INT(monitor_failure_code(9, "exec"), 125);
}

TESTS(T(finds_the_last_error), T(exit_codes_are_dockers))
