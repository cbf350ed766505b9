#include "image/changes.h"

#include "base/test.h"

static int apply(const char *line, struct oci_image_run *run, struct arena *arena)
{
	struct err err = {0};

	return changes_apply(line, run, arena, &err);
}

TEST(command_lines)
{
	ARENA_AUTO(arena, 1 << 20);
	struct oci_image_run run = {0};

	CHECK_INT(apply("CMD [\"a\", \"b c\"]", &run, &arena), 0);
	REQUIRE(run.cmd.count == 2);
	CHECK_STR(run.cmd.items[1], "b c");
	CHECK_INT(apply("  entrypoint   echo \"$HOME\"  ", &run, &arena), 0);
	REQUIRE(run.entrypoint.count == 3);
	CHECK_STR(run.entrypoint.items[2], "echo \"$HOME\"");
	CHECK_INT(apply("CMD []", &run, &arena), 0);
	CHECK_INT(run.cmd.count, 0);
	CHECK(apply("CMD [\"a\",]", &run, &arena) < 0);
	CHECK(apply("CMD [\"a\"}", &run, &arena) < 0);
	CHECK(apply("CMD [\"a\"],\"x\":[\"b\"]", &run, &arena) < 0 || run.cmd.count == 1);
}

TEST(variables_replace_each_other)
{
	ARENA_AUTO(arena, 1 << 20);
	struct oci_image_run run = {0};

	CHECK_INT(apply("ENV A=1 AB=2", &run, &arena), 0);
	CHECK_INT(apply("ENV A='x y'", &run, &arena), 0);
	CHECK_INT(apply("ENV C some words", &run, &arena), 0);
	REQUIRE(run.env.count == 3);
	CHECK_STR(run.env.items[0], "A=x y");
	CHECK_STR(run.env.items[1], "AB=2");
	CHECK_STR(run.env.items[2], "C=some words");
}

TEST(folders_continue_each_other)
{
	ARENA_AUTO(arena, 1 << 20);
	struct oci_image_run run = {0};

	CHECK_INT(apply("WORKDIR a", &run, &arena), 0);
	CHECK_STR(run.working_dir, "/a");
	CHECK_INT(apply("WORKDIR b", &run, &arena), 0);
	CHECK_STR(run.working_dir, "/a/b");
	CHECK_INT(apply("WORKDIR /", &run, &arena), 0);
	CHECK_INT(apply("WORKDIR c", &run, &arena), 0);
	CHECK_STR(run.working_dir, "/c");
}

TEST(full_arenas_are_errors)
{
	for (size_t size = 0; size < 600; size += 20) {
		struct oci_image_run run = {0};
		ARENA_AUTO(arena, size);
		(void)apply("ENV A=1 B=2 C='3 4'", &run, &arena);
		(void)apply("LABEL a=b c=d", &run, &arena);
		(void)apply("EXPOSE 1-3", &run, &arena);
		(void)apply("CMD a b", &run, &arena);
		(void)apply("VOLUME [\"a\",\"b\"]", &run, &arena);
		CHECK(size > 0 || run.env.count == 0);
	}
}

TESTS(T(command_lines), T(variables_replace_each_other), T(folders_continue_each_other),
      T(full_arenas_are_errors))
