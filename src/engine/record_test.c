#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/test.h"
#include "engine/identity.h"
#include "engine/internal.h"

static void insert(struct engine *engine, const char *id)
{
	const struct engine_container container = {
		.id = id, .name = id, .image = "i", .image_id = "i", .command = "c"};
	struct err err = {0};

	CHECK_INT(record_insert(engine, &container, &err), 0);
}

TEST(each_container_has_a_level_of_its_own)
{
	char top[] = "/tmp/record-test-XXXXXX", root[64], state[64];
	ARENA_AUTO(arena, 1 << 20);
	struct engine *engine = NULL;
	struct engine_container found;
	struct err err = {0};
	const char *first = NULL, *again = NULL, *second = NULL;

	REQUIRE(mkdtemp(top) != NULL);
	(void)snprintf(root, sizeof(root), "%s/root", top);
	(void)snprintf(state, sizeof(state), "%s/state", top);
	const struct engine_config config = {.root = root, .state = state};
	REQUIRE(engine_open(&config, &engine, &err) == 0);
	insert(engine, "first");
	insert(engine, "second");
	CHECK_INT(record_find(engine, "first", &arena, &found, &err), 0);
	CHECK(found.selinux_level == NULL);

	CHECK_INT(record_ensure_level(engine, "first", &arena, &first, &err), 0);
	CHECK_INT(record_ensure_level(engine, "first", &arena, &again, &err), 0);
	CHECK_INT(record_ensure_level(engine, "second", &arena, &second, &err), 0);
	REQUIRE(first != NULL && again != NULL && second != NULL);
	CHECK_STR(first, again);
	CHECK(strcmp(first, second) != 0);
	CHECK_INT(record_find(engine, "first", &arena, &found, &err), 0);
	CHECK_STR(found.selinux_level, first);

	/* What another container has is refused, and free once that is gone. */
	static const char take[] = "UPDATE containers SET selinux_level = ?2 WHERE id = ?1";
	CHECK(db_run(engine->db, take, "second", first, NULL, &err) < 0);
	CHECK_INT(err.kind, ERR_CONFLICT);
	CHECK_INT(record_delete(engine, "first", &err), 0);
	CHECK_INT(db_run(engine->db, take, "second", first, NULL, &err), 0);

	err = (struct err){0};
	CHECK(record_ensure_level(engine, "absent", &arena, &again, &err) < 0);
	CHECK_INT(err.kind, ERR_NOT_FOUND);
	engine_close(engine);
	CHECK_INT(paths_remove_tree(AT_FDCWD, top, &err), 0);
}

TESTS(T(each_container_has_a_level_of_its_own))
