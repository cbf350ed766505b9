#include "kern/rlimit/rlimit.h"

#include <sys/resource.h>

#include "kern/testing.h"

static bool says(const struct err *err, const char *want)
{
	char text[1024];

	return strstr(err_format(err, text, sizeof(text)), want) != NULL;
}

TEST(names)
{
	CHECK_INT(rlimit_number("RLIMIT_NOFILE"), RLIMIT_NOFILE);
	CHECK_INT(rlimit_number("RLIMIT_RTTIME"), RLIMIT_RTTIME);
	CHECK_INT(rlimit_number("NOFILE"), -1);
	CHECK_STR(rlimit_name(RLIMIT_STACK), "RLIMIT_STACK");
	CHECK(rlimit_name(-1) == NULL && rlimit_name(16) == NULL);
	for (int i = 0; i < 16; i++)
		CHECK_INT(rlimit_number(rlimit_name(i)), i);
}

CHILD_TEST(sets)
{
	struct err err = {0};
	struct rlimit now;

	CHECK_INT(rlimit_set(0, RLIMIT_NOFILE, 64, 128, &err), 0);
	CHECK(getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_cur == 64 && now.rlim_max == 128);
	CHECK_INT(rlimit_set(0, RLIMIT_NOFILE, 129, 128, &err), -EINVAL);
	CHECK(says(&err, "RLIMIT_NOFILE: the soft limit 129 is over the hard limit 128"));
	CHECK_INT(rlimit_set(0, 99, 1, 1, &err), -EINVAL);
	CHECK_INT(rlimit_set(0, RLIMIT_CORE, 0, RLIMIT_UNLIMITED, &err), 0);
	/* Without the capability, wherever the test runs. */
	REQUIRE(setresuid(65534, 65534, 65534) == 0);
	CHECK_INT(rlimit_set(0, RLIMIT_NOFILE, 64, 1048576, &err), -EPERM);
	CHECK_INT(err.kind, ERR_DENIED);
	CHECK(says(&err, "RLIMIT_NOFILE: raising the hard limit from 128 to 1048576 needs "
			 "CAP_SYS_RESOURCE"));
	CHECK_INT(rlimit_set(0, RLIMIT_NOFILE, 128, 128, &err), 0);
}

CHILD_TEST(clamps)
{
	struct err err = {0};
	uint64_t soft = 1000, hard = RLIMIT_UNLIMITED;

	CHECK_INT(rlimit_set(0, RLIMIT_NOFILE, 64, 128, &err), 0);
	REQUIRE(setresuid(65534, 65534, 65534) == 0);
	CHECK(rlimit_clamp(RLIMIT_NOFILE, &soft, &hard));
	CHECK(soft == 128 && hard == 128);
	CHECK_INT(rlimit_set(0, RLIMIT_NOFILE, soft, hard, &err), 0);
	soft = 10;
	hard = 20;
	CHECK(!rlimit_clamp(RLIMIT_NOFILE, &soft, &hard));
	CHECK(soft == 10 && hard == 20);
}

TESTS(T(names), T(sets), T(clamps))
