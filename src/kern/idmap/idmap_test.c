#include "kern/idmap/idmap.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "kern/mount/mount.h"
#include "kern/testing.h"

static struct idmap_table table;

static const struct ns_id_map own_lines[] = {{0, 1000, 1}, {1, 100000, 65535}};
static const struct ns_maps own = {
	.uids = own_lines, .uid_count = 2, .gids = own_lines, .gid_count = 2};

static int parse(const char *text, const struct ns_maps *of)
{
	struct err err = {0};

	(void)memset(&table, 0xff, sizeof(table));
	int rc = idmap_parse(text, of, &table, &err);
	CHECK_INT(err.kind, rc < 0 ? ERR_INVALID : ERR_NONE);
	return rc;
}

static bool line_is(const struct ns_id_map *line, uint32_t inside, uint32_t outside, uint32_t count)
{
	return line->inside == inside && line->outside == outside && line->count == count;
}

TEST(parse_triples)
{
	CHECK_INT(parse("uids=0-1000-1#1-2000-5;gids=7-8-4294967295", NULL), 0);
	CHECK_INT(table.maps.uid_count, 2);
	CHECK(line_is(&table.maps.uids[0], 0, 1000, 1));
	CHECK(line_is(&table.maps.uids[1], 1, 2000, 5));
	CHECK_INT(table.maps.gid_count, 1);
	CHECK(line_is(&table.maps.gids[0], 7, 8, 4294967295U));
	CHECK_INT(parse("gids=0-1-1;uids=0-2-1;", NULL), 0);
	CHECK(line_is(&table.maps.uids[0], 0, 2, 1));
}

TEST(parse_relative)
{
	CHECK_INT(parse("uids=@5-3-10;gids=@0-0-1#@1-1-65535", &own), 0);
	CHECK(line_is(&table.maps.uids[0], 5, 100002, 10));
	CHECK(line_is(&table.maps.gids[0], 0, 1000, 1));
	CHECK(line_is(&table.maps.gids[1], 1, 100000, 65535));
	/* Over two lines, past the last, and without a mapping to refer to. */
	CHECK(parse("uids=@5-0-2;gids=0-0-1", &own) < 0);
	CHECK(parse("uids=@5-1-65536;gids=0-0-1", &own) < 0);
	CHECK(parse("uids=@5-1-1;gids=0-0-1", NULL) < 0);
}

TEST(parse_refuses)
{
	static const char *const wrong[] = {
		"",
		"uids=0-0-1",
		"gids=0-0-1",
		"uids=;gids=0-0-1",
		"uids=0-0;gids=0-0-1",
		"uids=0-0-1,gids=0-0-1",
		"uids=0-0-1#;gids=0-0-1",
		"uids=0-0-1-1;gids=0-0-1",
		"uids=-1-0-1;gids=0-0-1",
		"uids=0-0-4294967296;gids=0-0-1",
		"uids=0-0-99999999999999999999;gids=0-0-1",
		"uids=0-0-1;gids=0-0-1;uids=0-0-1",
		"pids=0-0-1;uids=0-0-1;gids=0-0-1",
		";uids=0-0-1;gids=0-0-1",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (parse(wrong[i], NULL) == 0)
			TEST_FAIL("'%s' is taken", wrong[i]);
}

TEST(parse_has_a_limit)
{
	char text[NS_MAP_LINES_MAX * 8 + 64] = "gids=0-0-1;uids=0-0-1";
	size_t used = strlen(text);

	for (size_t i = 1; i < NS_MAP_LINES_MAX; i++, used += 6)
		(void)memcpy(text + used, "#0-0-1", 7);
	CHECK_INT(parse(text, NULL), 0);
	CHECK_INT(table.maps.uid_count, NS_MAP_LINES_MAX);
	(void)memcpy(text + used, "#0-0-1", 7);
	CHECK(parse(text, NULL) < 0);
}

static const struct ns_id_map thousand = {0, 1000, 10};
static const struct ns_maps to_thousand = {
	.uids = &thousand, .uid_count = 1, .gids = &thousand, .gid_count = 1};

static uid_t owner_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_uid == st.st_gid ? st.st_uid : (uid_t)-1;
}

static void check_mapped(bool recursive)
{
	struct err err = {0};

	if (!testing_private_mounts())
		return;
	REQUIRE(mkdir("/tmp/src", 0755) == 0 && mkdir("/tmp/src/sub", 0755) == 0 &&
		mkdir("/tmp/dst", 0755) == 0 &&
		mount("tmpfs", "/tmp/src/sub", "tmpfs", 0, NULL) == 0);
	testing_write("/tmp/src/file", "x");
	testing_write("/tmp/src/sub/file", "x");
	auto_fd userns = idmap_userns_open(&to_thousand, &err);
	REQUIRE(userns >= 0);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
	auto_fd target = open("/tmp/dst", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_fd tree = mount_tree_clone(AT_FDCWD, "/tmp/src", MOUNT_TREE_RECURSIVE, &err);
	if (idmap_set(tree, userns, recursive, &err) < 0 && err.kind == ERR_UNSUPPORTED)
		SKIP("tmpfs has no idmapped mounts on this kernel");
	CHECK_INT(mount_attach(tree, target, &err), 0);
	CHECK_INT(owner_of("/tmp/dst/file"), 1000);
	CHECK_INT(owner_of("/tmp/dst/sub/file"), recursive ? 1000 : 0);
	CHECK_INT(owner_of("/tmp/src/file"), 0);
	/* Once only, and not once attached. */
	CHECK(idmap_set(tree, userns, false, &err) < 0);
}

CHILD_TEST(userns_maps_a_mount)
{
	check_mapped(false);
}

CHILD_TEST(userns_maps_a_tree)
{
	check_mapped(true);
}

CHILD_TEST(userns_refuses_a_filesystem_that_cannot)
{
	struct err err = {0};

	if (!testing_private_mounts())
		return;
	auto_fd userns = idmap_userns_open(&to_thousand, &err);
	auto_fd tree = mount_fs_create("proc", "proc", NULL, 0, 0, &err);
	REQUIRE(userns >= 0 && tree >= 0);
	CHECK(idmap_set(tree, userns, false, &err) < 0);
	CHECK_INT(err.kind, ERR_UNSUPPORTED);
}

CHILD_TEST(userns_of_a_wrong_mapping)
{
	struct err err = {0};
	const struct ns_id_map overlap[] = {{0, 1000, 10}, {5, 3000, 10}};
	const struct ns_maps maps = {
		.uids = overlap, .uid_count = 2, .gids = &thousand, .gid_count = 1};

	CHECK(idmap_userns_open(&maps, &err) < 0);
	CHECK_INT(err.kind, ERR_INVALID);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

CHILD_TEST(userns_on_a_kernel_without)
{
	struct err err = {0};

	REQUIRE(testing_forbid(SYS_mount_setattr));
	CHECK(idmap_set(0, 0, false, &err) < 0);
	CHECK_INT(err.kind, ERR_UNSUPPORTED);
	CHECK_INT(err.sys, ENOSYS);
}

TESTS(T(parse_triples), T(parse_relative), T(parse_refuses), T(parse_has_a_limit),
      T(userns_maps_a_mount), T(userns_maps_a_tree), T(userns_refuses_a_filesystem_that_cannot),
      T(userns_of_a_wrong_mapping), T(userns_on_a_kernel_without))
