#include "monitor/oom.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/test.h"

static void check_found(const char *text, const char *want, bool want_v1)
{
	size_t len = 0;
	bool v1 = false;
	const char *found = oom_find_cgroup(text, &len, &v1);

	REQUIRE(found != NULL);
	CHECK_INT(len, strlen(want));
	CHECK(strncmp(found, want, len) == 0);
	CHECK_INT(v1, want_v1);
}

TEST(finds_the_memory_cgroup)
{
	size_t len;
	bool v1;

	check_found("0::/corten/web\n", "/corten/web", false);
	check_found("9:memory:/a\n0::/b\n", "/a", true);
	check_found("0::/b\n9:cpu,memory:/a:x\n", "/a:x", true);
	check_found("3:memoryx,xmemory:/a\n0::/b", "/b", false);
	CHECK(oom_find_cgroup("9:memory:/\n0::/b\n", &len, &v1) == NULL);
	CHECK(oom_find_cgroup("0::/\n", &len, &v1) == NULL);
	CHECK(oom_find_cgroup("nonsense\n::\n:\n\n", &len, &v1) == NULL);
	CHECK(oom_find_cgroup("", &len, &v1) == NULL);
}

TEST(reads_both_counters)
{
	CHECK_INT(oom_parse("low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n"), 2);
	CHECK_INT(oom_parse("oom_kill_disable 0\nunder_oom 0\noom_kill 5\n"), 5);
	CHECK_INT(oom_parse("oom_kill_disable 1\nunder_oom 1\n"), 0);
	CHECK_INT(oom_parse(""), 0);
}

TEST(knows_nothing_without_a_counter)
{
	char path[] = "/tmp/oom_test.XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	CHECK(!oom_struck(-1));
	REQUIRE(fd >= 0);
	CHECK(!oom_struck(fd));
	CHECK_INT(write(fd, "oom_kill 1\n", 11), 11);
	CHECK(oom_struck(fd));
	CHECK_INT(close(fd), 0);
	CHECK_INT(unlink(path), 0);
}

TESTS(T(finds_the_memory_cgroup), T(reads_both_counters), T(knows_nothing_without_a_counter))
