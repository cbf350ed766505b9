#include "kern/cgroup/cgroup.h"

#include "base/test.h"
#include "kern/cgroup/internal.h"

static char report[600];

static void fail_with(int line, const struct err *err)
{
	test_failures++;
	printf("%s:%d: %s\n", __FILE__, line, err_format(err, report, sizeof(report)));
}

#define NEED(call)                                 \
	do {                                       \
		if ((call) < 0) {                  \
			fail_with(__LINE__, &err); \
			return;                    \
		}                                  \
	} while (0)

static bool all_exist(void *context, const char *name)
{
	return true;
}

static bool plan_is(struct cgroup_host *host, const char *path, size_t i, const char *want)
{
	static struct cgroup cgroup;
	struct err err;

	if (cgroup_plan(host, path, &cgroup, &err) < 0) {
		if (want != NULL)
			printf("%s: %s\n", path, err_format(&err, report, sizeof(report)));
		return want == NULL && err.kind == ERR_INVALID;
	}
	if (want == NULL || strcmp(cgroup_dir(&cgroup, i), want) != 0)
		printf("%s: planned '%s'\n", path, cgroup_dir(&cgroup, i));
	return want != NULL && strcmp(cgroup_dir(&cgroup, i), want) == 0;
}

TEST(plan_v1)
{
	static struct cgroup_host host;
	struct err err;

	host.mode = CGROUP_MODE_V1;
	NEED(cgroup_host_parse(&host, "2:cpu,cpuacct:/docker/x/own\n1:memory:/docker/x\n0::/z\n",
			       all_exist, NULL, &err));
	NEED(cgroup_host_parse_mounts(
		&host,
		"1 0 0:1 /docker/x /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw\n"
		"2 0 0:1 / /sys/fs/cgroup/memory rw - cgroup cgroup rw\n"
		"3 0 0:1 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
		&err));
	CHECK(plan_is(&host, "/docker/abc", 0, "cpu,cpuacct/docker/abc"));
	CHECK(plan_is(&host, "//docker/./abc/", 1, "memory/docker/abc"));
	CHECK(plan_is(&host, "/docker/x/../abc", 2, "unified/docker/abc"));
	CHECK(plan_is(&host, "abc", 0, "cpu,cpuacct/own/abc"));
	CHECK(plan_is(&host, "abc/d", 1, "memory/docker/x/abc/d"));
	CHECK(plan_is(&host, "abc", 2, "unified/z/abc"));
	CHECK(plan_is(&host, "user.slice:crio:abc", 1, "memory/docker/x/user.slice:crio:abc"));
	static const char *const bad[] = {"",         "/",          "..",   "/..", "../x",
					  "/a/../..", "/a/../../b", "a/..", "./."};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!plan_is(&host, bad[i], 0, NULL))
			TEST_FAIL("accepted '%s'", bad[i]);
	char path[CGROUP_PATH_MAX + 2];
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	CHECK(plan_is(&host, path, 0, NULL));
	path[256] = '\0';
	CHECK(cgroup_plan(&host, path, &(struct cgroup){0}, &err) == 0);
}

TEST(plan_v2)
{
	static struct cgroup_host host;
	struct err err;

	host.mode = CGROUP_MODE_V2;
	NEED(cgroup_host_parse(&host, "0::/user.slice/session\n", all_exist, NULL, &err));
	NEED(cgroup_host_parse_mounts(&host, "1 0 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
				      &err));
	CHECK(plan_is(&host, "/docker/abc", 0, "docker/abc"));
	CHECK(plan_is(&host, "abc", 0, "user.slice/abc")); /* beside the own one */
	NEED(cgroup_host_parse(&host, "0::/../other\n", all_exist, NULL, &err));
	NEED(cgroup_host_parse_mounts(&host, "1 0 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
				      &err));
	CHECK(plan_is(&host, "/abc", 0, "abc"));
	CHECK(plan_is(&host, "abc", 0, NULL)); /* the own one is not in this namespace */
}

TEST(from_dirs)
{
	static struct cgroup_host host;
	static struct cgroup cgroup;
	struct err err;

	host.mode = CGROUP_MODE_V1;
	NEED(cgroup_host_parse(&host, "2:cpu:/\n1:memory:/\n", all_exist, NULL, &err));
	const char *const good[] = {"memory/a/b", "cpu/a"};
	NEED(cgroup_from_dirs(&host, good, 2, &cgroup, &err));
	CHECK_STR(cgroup_dir(&cgroup, 0), "cpu/a");
	CHECK_STR(cgroup_dir(&cgroup, 1), "memory/a/b");
	NEED(cgroup_from_dirs(&host, good, 1, &cgroup, &err));
	CHECK_STR(cgroup_dir(&cgroup, 0), "");
	static const char *const bad[] = {"",           "memory", "/memory/a", "memory/../cpu/a",
					  "memory//a",  "pids/a", "memory/a/", "memoryx/a",
					  "../memory/a"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (cgroup_from_dirs(&host, &bad[i], 1, &cgroup, &err) >= 0)
			TEST_FAIL("accepted '%s'", bad[i]);
	const char *const twice[] = {"memory/a", "memory/b"};
	CHECK(cgroup_from_dirs(&host, twice, 2, &cgroup, &err) < 0);
}

TEST(walk_up)
{
	char buf[CGROUP_PATH_MAX];
	struct err err;

	CHECK_INT(cgroup_clean_path("a//b/./c/../d", buf, sizeof(buf), &err), 0);
	CHECK_STR(buf, "a/b/d");
	CHECK_INT(cgroup_clean_path("/", buf, sizeof(buf), &err), 0);
	CHECK_STR(buf, "");
	CHECK_INT(cgroup_clean_path("...", buf, sizeof(buf), &err), 0);
	CHECK_STR(buf, "...");
	CHECK(cgroup_clean_path("a/../..", buf, sizeof(buf), &err) < 0);
	CHECK(cgroup_clean_path("abcd/efgh", buf, 9, &err) < 0);
}

TESTS(T(plan_v1), T(plan_v2), T(from_dirs), T(walk_up))
