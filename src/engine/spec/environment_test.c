#include "engine/spec/environment.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"

#define LIST(...)                                                                     \
	(json_strings)                                                                \
	{                                                                             \
		.items = (const char *[]){__VA_ARGS__},                               \
		.count = sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *) \
	}

static const json_strings none;

struct temp {
	char path[64];
};

static void temp_write(struct temp *temp, const char *text)
{
	memcpy(temp->path, "/tmp/corten-env-XXXXXX", 23);
	auto_fd fd = mkstemp(temp->path);
	if (fd < 0 || fd_write_all(fd, text, strlen(text)) < 0)
		TEST_FAIL("no temporary file");
}

TEST(bare_names_come_from_the_host)
{
	ARENA_AUTO(arena, 1 << 20);
	struct err err;
	static char home[] = "HOME=/root", lang[] = "LANG=C=D";
	char *host[] = {home, lang, NULL};
	json_strings list, given = LIST("LANG", "ABSENT", "A=1");

	CHECK_INT(environment_resolve(&none, &given, host, &arena, &list, &err), 0);
	REQUIRE(list.count == 2);
	CHECK_STR(list.items[0], "LANG=C=D");
	CHECK_STR(list.items[1], "A=1");
	CHECK_STR(environment_get(&list, "LANG"), "C=D");
	CHECK(environment_get(&list, "LAN") == NULL);
}

TEST(files_before_the_list)
{
	ARENA_AUTO(arena, 1 << 20);
	struct err err;
	struct temp temp;
	json_strings list, given = LIST("A=2");

	temp_write(&temp, "# comment\nA=1\n\n  B= with spaces \r\nC=x#y\nABSENT\nD=");
	json_strings files = LIST(temp.path);
	CHECK_INT(environment_resolve(&files, &given, NULL, &arena, &list, &err), 0);
	REQUIRE(list.count == 5);
	CHECK_STR(list.items[0], "A=1");
	CHECK_STR(list.items[1], "B= with spaces ");
	CHECK_STR(list.items[2], "C=x#y");
	CHECK_STR(list.items[3], "D=");
	CHECK_STR(environment_get(&list, "A"), "2");
	unlink(temp.path);
}

TEST(bad_file_names_the_line)
{
	ARENA_AUTO(arena, 1 << 20);
	struct err err;
	struct temp temp;
	char text[256], want[256];
	json_strings list;

	temp_write(&temp, "A=1\nB C=2\n");
	json_strings files = LIST(temp.path);
	CHECK(environment_resolve(&files, &none, NULL, &arena, &list, &err) < 0);
	(void)snprintf(want, sizeof(want), "--env-file: %s:2: 'B C' is no variable's name",
		       temp.path);
	CHECK_STR(err_format(&err, text, sizeof(text)), want);
	unlink(temp.path);
	CHECK(environment_resolve(&files, &none, NULL, &arena, &list, &err) < 0);
	CHECK_INT(err.kind, ERR_NOT_FOUND);
}

TEST(empty_name_is_refused)
{
	ARENA_AUTO(arena, 1 << 20);
	struct err err;
	json_strings list, given = LIST("=x");

	CHECK(environment_resolve(&none, &given, NULL, &arena, &list, &err) < 0);
}

TEST(merge_replaces_in_place)
{
	ARENA_AUTO(arena, 1 << 20);
	struct err err;
	json_strings list, base = LIST("PATH=/bin", "A=1", "B=2"), over = LIST("A=9", "C=3", "B");

	CHECK_INT(environment_merge(&base, &over, &arena, &list, &err), 0);
	REQUIRE(list.count == 3);
	CHECK_STR(list.items[0], "PATH=/bin");
	CHECK_STR(list.items[1], "A=9");
	CHECK_STR(list.items[2], "C=3");
}

TEST(too_many_are_refused)
{
	ARENA_AUTO(arena, 16 << 20);
	struct err err;
	json_strings list, many = {calloc(9000, sizeof(char *)), 9000};

	for (size_t i = 0; i < many.count; i++)
		many.items[i] = "A=1";
	CHECK(environment_resolve(&none, &many, NULL, &arena, &list, &err) < 0);
	free(many.items);
}

TEST(labels)
{
	ARENA_AUTO(arena, 1 << 20);
	struct err err;
	json_pairs labels;
	json_strings given = LIST("a=1", "b", "a=2=3");

	CHECK_INT(environment_resolve_labels(&none, &given, &arena, &labels, &err), 0);
	REQUIRE(labels.count == 2);
	CHECK_STR(labels.items[0].key, "a");
	CHECK_STR(labels.items[0].value, "2=3");
	CHECK_STR(labels.items[1].value, "");
}

TESTS(T(bare_names_come_from_the_host), T(files_before_the_list), T(bad_file_names_the_line),
      T(empty_name_is_refused), T(merge_replaces_in_place), T(too_many_are_refused), T(labels))
