#include "engine/spec/account.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "# comment\n"
			     "\n"
			     "web:x:33:34:Web:/var/www:/bin/sh\n"
			     "4242:x:7:8::/numeric:\n"
			     "broken:x:abc:0::/:\n"
			     "wide:x:4294967296:0::/:\n"
			     "short:x:12";
static const char group[] =
	"root:x:0:\nwww:x:34:\ndisk:x:6:web,root\nlog:x:9:other,web\nbad:x:zz:web\n";
static const json_strings none;

struct outcome {
	int rc;
	struct account account;
	char text[256];
};

static struct outcome resolve(struct arena *arena, const char *user, const json_strings *extra)
{
	struct outcome out = {0};
	struct err err = {0};

	out.rc = account_resolve(user, extra, passwd, group, arena, &out.account, &err);
	err_format(&err, out.text, sizeof(out.text));
	return out;
}

TEST(root_by_default)
{
	ARENA_AUTO(arena, 1 << 20);
	struct outcome out = resolve(&arena, NULL, &none);

	CHECK_INT(out.rc, 0);
	CHECK_INT(out.account.uid, 0);
	CHECK_STR(out.account.home, "/root");
	REQUIRE(out.account.groups.count == 2);
	CHECK_INT(out.account.groups.items[0], 0);
	CHECK_INT(out.account.groups.items[1], 6);
}

TEST(by_name_with_memberships)
{
	ARENA_AUTO(arena, 1 << 20);
	struct outcome out = resolve(&arena, "web", &none);

	CHECK_INT(out.rc, 0);
	CHECK_INT(out.account.uid, 33);
	CHECK_INT(out.account.gid, 34);
	CHECK_STR(out.account.home, "/var/www");
	REQUIRE(out.account.groups.count == 3);
	CHECK_INT(out.account.groups.items[0], 34);
	CHECK_INT(out.account.groups.items[2], 9);
}

TEST(by_number)
{
	ARENA_AUTO(arena, 1 << 20);
	struct outcome out = resolve(&arena, "33", &none);

	CHECK_INT(out.account.gid, 34);
	out = resolve(&arena, "1000", &none);
	CHECK_INT(out.rc, 0);
	CHECK_INT(out.account.uid, 1000);
	CHECK_INT(out.account.gid, 0);
	CHECK_STR(out.account.home, "/");
	CHECK_INT(out.account.groups.count, 1);
}

TEST(a_name_made_of_digits_wins)
{
	ARENA_AUTO(arena, 1 << 20);
	struct outcome out = resolve(&arena, "4242", &none);

	CHECK_INT(out.account.uid, 7);
	CHECK_INT(out.account.gid, 8);
}

TEST(with_group)
{
	ARENA_AUTO(arena, 1 << 20);
	struct outcome out = resolve(&arena, "web:disk", &none);

	CHECK_INT(out.account.gid, 6);
	CHECK_INT(out.account.groups.count, 1);
	out = resolve(&arena, "1:77", &none);
	CHECK_INT(out.account.uid, 1);
	CHECK_INT(out.account.gid, 77);
	out = resolve(&arena, ":77", &none);
	CHECK_INT(out.account.uid, 0);
	CHECK_INT(out.account.gid, 77);
}

TEST(extra_groups)
{
	ARENA_AUTO(arena, 1 << 20);
	json_strings extra = {(const char *[]){"log", "55", "disk"}, 3};
	struct outcome out = resolve(&arena, "web", &extra);

	CHECK_INT(out.account.groups.count, 4);
	CHECK_INT(out.account.groups.items[3], 55);
	json_strings bad = {(const char *[]){"nosuch"}, 1};
	out = resolve(&arena, "web", &bad);
	CHECK_STR(out.text, "unable to find group nosuch: no matching entries in group file");
}

TEST(refused)
{
	static const char *const bad[] = {
		"nobody",       "-1",     "4294967296", "18446744073709551616",
		"4294967295",   "broken", "wide",       "web:nosuch",
		"1:4294967296", "web x",  "+1"};
	ARENA_AUTO(arena, 1 << 20);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct outcome out = resolve(&arena, bad[i], &none);
		if (out.rc == 0)
			TEST_FAIL("'%s' became %u", bad[i], out.account.uid);
	}
	CHECK_STR(resolve(&arena, "nobody", &none).text,
		  "unable to find user nobody: no matching entries in passwd file");
}

TEST(a_line_with_few_fields)
{
	ARENA_AUTO(arena, 1 << 20);
	struct outcome out = resolve(&arena, "short", &none);

	CHECK_INT(out.rc, 0);
	CHECK_INT(out.account.uid, 12);
	CHECK_INT(out.account.gid, 0);
}

/* Attack 24 and its neighbours: a giant file, a FIFO, a link out of the root. */
TEST(hostile_files)
{
	ARENA_AUTO(arena, 1 << 20);
	char dir[] = "/tmp/corten-acc-XXXXXX";
	struct account account;
	struct err err;

	REQUIRE(mkdtemp(dir) != NULL);
	auto_fd root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	REQUIRE(mkdirat(root, "etc", 0755) == 0);
	auto_fd file = openat(root, "etc/passwd", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	CHECK(ftruncate(file, 1LL << 40) == 0);
	CHECK(account_resolve_in_root(root, "1", &none, &arena, &account, &err) < 0);
	CHECK_INT(err.kind, ERR_INVALID);
	unlinkat(root, "etc/passwd", 0);
	CHECK(mkfifoat(root, "etc/passwd", 0600) == 0);
	CHECK_INT(account_resolve_in_root(root, "1", &none, &arena, &account, &err), 0);
	CHECK(account_resolve_in_root(root, "root", &none, &arena, &account, &err) < 0);
	unlinkat(root, "etc/passwd", 0);
	CHECK(symlinkat("/etc/passwd", root, "etc/passwd") == 0);
	CHECK(account_resolve_in_root(root, "root", &none, &arena, &account, &err) < 0);
	unlinkat(root, "etc/passwd", 0);
	unlinkat(root, "etc", AT_REMOVEDIR);
	rmdir(dir);
}

TESTS(T(root_by_default), T(by_name_with_memberships), T(by_number), T(a_name_made_of_digits_wins),
      T(with_group), T(extra_groups), T(refused), T(a_line_with_few_fields), T(hostile_files))
