#include "kern/proc/descriptors.h"

#include <fcntl.h>
#include <unistd.h>

#include "kern/testing.h"

#define FIRST 700

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static bool closes_on_exec(int fd)
{
	return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

static void fill(void)
{
	for (int fd = FIRST; fd < FIRST + 200; fd++)
		CHECK(dup2(2, fd) == fd);
}

static void check_both(int (*run)(unsigned, unsigned, bool, struct err *))
{
	struct err err;

	fill();
	CHECK(run(FIRST + 10, ~0U, true, &err) == 0);
	CHECK(is_open(FIRST + 9) && !closes_on_exec(FIRST + 9));
	for (int fd = FIRST + 10; fd < FIRST + 200; fd++)
		CHECK(is_open(fd) && closes_on_exec(fd));
	CHECK(run(FIRST + 1, FIRST + 198, false, &err) == 0);
	CHECK(is_open(FIRST) && is_open(FIRST + 199));
	for (int fd = FIRST + 1; fd < FIRST + 199; fd++)
		CHECK(!is_open(fd));
}

CHILD_TEST(the_call_closes)
{
	check_both(descriptors_close);
}

CHILD_TEST(the_list_closes)
{
	check_both(descriptors_close_listed);
}

CHILD_TEST(without_the_call_the_list_is_used)
{
	struct err err;

	CHECK(testing_forbid(SYS_close_range));
	CHECK(uapi_close_range(FIRST, FIRST, 0) < 0 && errno == ENOSYS);
	check_both(descriptors_close);
	CHECK(descriptors_close(5000000, 5000001, false, &err) == 0);
}

TESTS(T(the_call_closes), T(the_list_closes), T(without_the_call_the_list_is_used))
