#include "kern/cgroup/host.h"

#include <stdlib.h>
#include <string.h>

#include "base/test.h"

/* A list of names, each closed by a space. */
static bool exists_in(void *context, const char *name)
{
	char word[300];

	(void)snprintf(word, sizeof(word), " %s ", name);
	return strstr(context, word) != NULL;
}

static int parse(struct cgroup_host *host, enum cgroup_mode mode, const char *text,
		 const char *names, struct err *err)
{
	char context[512];

	memset(host, 0, sizeof(*host));
	host->mode = mode;
	(void)snprintf(context, sizeof(context), " %s ", names);
	return cgroup_host_parse(host, text, exists_in, context, err);
}

static const char *name_of(const struct cgroup_host *host, enum cgroup_controller controller)
{
	int i = cgroup_host_find(host, controller);

	return i < 0 ? "(none)" : cgroup_host_text(host, host->hierarchies[i].name_at);
}

TEST(pure_v2)
{
	static struct cgroup_host host;
	struct err err;

	CHECK_INT(parse(&host, CGROUP_MODE_V2, "0::/user.slice/a\n", "", &err), 0);
	CHECK_INT(host.mode, CGROUP_MODE_V2);
	REQUIRE(host.count == 1);
	CHECK(host.hierarchies[0].v2);
	CHECK_STR(cgroup_host_text(&host, host.hierarchies[0].name_at), "");
	CHECK_STR(cgroup_host_text(&host, host.hierarchies[0].own_at), "/user.slice/a");
	CHECK_INT(cgroup_host_find(&host, CGROUP_MEMORY), -1);
	CHECK_INT(cgroup_host_find_v2(&host), 0);
}

TEST(co_mounted_v1)
{
	static struct cgroup_host host;
	struct err err;

	CHECK_INT(parse(&host, CGROUP_MODE_V1,
			"9:net_cls,net_prio:/\n5:cpu,cpuacct:/sys:tem\n4:memory:/m\n"
			"3:name=elogind:/\n2:rdma:/\n1:name=systemd:/init.scope\n0::/\n",
			"net_cls,net_prio cpuacct,cpu cpu cpuacct memory systemd", &err),
		  0);
	CHECK_INT(host.mode, CGROUP_MODE_V1);
	CHECK_INT(host.count, 4);
	CHECK_STR(name_of(&host, CGROUP_CPU), "cpu"); /* through the link: the order differs */
	CHECK_STR(name_of(&host, CGROUP_CPUACCT), "cpu");
	CHECK_STR(name_of(&host, CGROUP_NET_PRIO), "net_cls,net_prio");
	CHECK_STR(name_of(&host, CGROUP_SYSTEMD), "systemd");
	CHECK_STR(name_of(&host, CGROUP_RDMA), "(none)"); /* active, but not mounted */
	CHECK_INT(cgroup_host_find_v2(&host), -1);
	int cpu = cgroup_host_find(&host, CGROUP_CPU);
	REQUIRE(cpu >= 0);
	CHECK_STR(cgroup_host_text(&host, host.hierarchies[cpu].own_at), "/sys:tem");
}

TEST(hybrid)
{
	static struct cgroup_host host;
	struct err err;

	CHECK_INT(parse(&host, CGROUP_MODE_V1, "2:memory:/\n1:name=systemd:/\n0::/x\n",
			"memory systemd unified", &err),
		  0);
	CHECK_INT(host.mode, CGROUP_MODE_HYBRID);
	int v2 = cgroup_host_find_v2(&host);
	REQUIRE(v2 >= 0);
	CHECK_STR(cgroup_host_text(&host, host.hierarchies[v2].name_at), "unified");
	/* Nothing but v2, in the hybrid's place, is v2. */
	CHECK_INT(parse(&host, CGROUP_MODE_V1, "2:memory:/\n0::/x\n", "unified", &err), 0);
	CHECK_INT(host.mode, CGROUP_MODE_V2);
}

TEST(bad_texts)
{
	static const char *const texts[] = {
		"",         "\n",     "0:",
		"0::",      "0::x\n", "1:memory\n",
		"memory:/", ":::",    "4:cpu:/\n\n5:x:/\n",
	};
	static struct cgroup_host host;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct err err;
		if (parse(&host, CGROUP_MODE_V1, texts[i], "cpu memory", &err) >= 0)
			TEST_FAIL("accepted text %zu", i);
	}
}

TEST(bounds)
{
	static struct cgroup_host host;
	static char text[4096];
	struct err err;

	memcpy(text, "0::/", 4);
	memset(text + 4, 'x', CGROUP_PATH_MAX);
	CHECK(parse(&host, CGROUP_MODE_V2, text, "", &err) < 0);
	CHECK_INT(err.kind, ERR_INVALID);
	text[CGROUP_PATH_MAX - 1] = '\0';
	CHECK_INT(parse(&host, CGROUP_MODE_V2, text, "", &err), 0);
	/* More hierarchies than there can be. */
	size_t at = 0;
	for (int i = 0; i <= CGROUP_HIERARCHIES_MAX; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%d:memory:/\n", i + 1);
	CHECK(parse(&host, CGROUP_MODE_V1, text, "memory", &err) < 0);
}

TEST(mounts)
{
	static struct cgroup_host host;
	struct err err;

	REQUIRE(parse(&host, CGROUP_MODE_V1, "2:memory:/docker/a b/c\n0::/\n", "memory unified",
		      &err) == 0);
	CHECK_INT(cgroup_host_parse_mounts(
			  &host,
			  "short line\n\n"
			  "30 1 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
			  "31 30 0:29 /old /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
			  "32 31 0:29 /docker/a\\040b /sys/fs/cgroup/memory rw - cgroup cgroup rw\n"
			  "33 31 0:29 /elsewhere /mnt/memory rw - cgroup cgroup rw,memory\n"
			  "34 30 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
			  &err),
		  0);
	CHECK_STR(cgroup_host_text(&host, host.hierarchies[0].root_at), "/docker/a b");
	CHECK_STR(cgroup_host_text(&host, host.hierarchies[1].root_at), "/");
}

/* What is true of any host that this test runs on. */
TEST(this_host)
{
	static struct cgroup_host host;
	struct err err;
	char text[600];

	int rc = cgroup_host_open(&host, &err);
	if (rc < 0 && err.kind != ERR_INVALID)
		TEST_SKIP("%s", err_format(&err, text, sizeof(text)));
	REQUIRE(rc == 0);
	CHECK(host.count > 0);
	CHECK((host.mode == CGROUP_MODE_V1) == (cgroup_host_find_v2(&host) < 0));
	CHECK((host.mode == CGROUP_MODE_V2) == (host.controllers == 0));
	CHECK_INT(cgroup_host_read_mounts(&host, &err), 0);
	for (size_t i = 0; i < host.count; i++)
		CHECK(cgroup_host_text(&host, host.hierarchies[i].root_at)[0] == '/');
	cgroup_host_close(&host);
	cgroup_host_close(&host);
}

TESTS(T(pure_v2), T(co_mounted_v1), T(hybrid), T(bad_texts), T(bounds), T(mounts), T(this_host))
