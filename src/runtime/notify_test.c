#include "runtime/notify.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/test.h"

static bool ready(const char *message)
{
	return notify_is_ready(message, strlen(message));
}

TEST(ready_is_a_line_of_its_own)
{
	CHECK(ready("READY=1"));
	CHECK(ready("READY=1\n"));
	CHECK(ready("STATUS=up\nREADY=1\nX=1"));
	CHECK(!ready(""));
	CHECK(!ready("READY=10"));
	CHECK(!ready("NOT_READY=1"));
	CHECK(!ready("STATUS=READY=1"));
	CHECK(!ready("READY="));
	CHECK(!ready("\n\n"));
	CHECK(ready("\n\nREADY=1"));
	CHECK(!notify_is_ready("READY=1", 6));
}

TEST(wrong_addresses_are_refused)
{
	struct err err;

	CHECK(notify_tell("", 1, &err) < 0);
	CHECK(notify_tell("relative", 1, &err) < 0);
	CHECK(notify_tell("/no/such/socket", 1, &err) < 0);
}

TESTS(T(ready_is_a_line_of_its_own), T(wrong_addresses_are_refused))
