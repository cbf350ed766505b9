#include "runtime/preserve.h"

#include "base/test.h"

TEST(listeners_are_counted_when_meant_for_this_process)
{
	uint32_t count = 9;
	struct err err;

	CHECK_INT(preserve_count_listeners("12", "3", 12, &count, &err), 0);
	CHECK_INT(count, 3);
	CHECK_INT(preserve_count_listeners("13", "3", 12, &count, &err), 0);
	CHECK_INT(count, 0);
	CHECK_INT(preserve_count_listeners(NULL, "3", 12, &count, &err), 0);
	CHECK_INT(preserve_count_listeners("12", NULL, 12, &count, &err), 0);
	CHECK_INT(preserve_count_listeners("x", "3", 12, &count, &err), 0);
	CHECK_INT(count, 0);
	CHECK(preserve_count_listeners("12", "many", 12, &count, &err) < 0);
	CHECK(preserve_count_listeners("12", "99999", 12, &count, &err) < 0);
}

TESTS(T(listeners_are_counted_when_meant_for_this_process))
