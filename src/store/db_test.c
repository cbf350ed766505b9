#include "store/db.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/test.h"

static const char *const first[] = {"CREATE TABLE a(x TEXT PRIMARY KEY)"};
static const char *const second[] = {"CREATE TABLE a(x TEXT PRIMARY KEY)",
				     "CREATE TABLE b(x INTEGER); INSERT INTO b VALUES(7)"};
static const char *const broken[] = {"CREATE TABLE a(x TEXT PRIMARY KEY)",
				     "CREATE TABLE b(x INTEGER)", "CREATE TABLE"};

struct place {
	char dir[64];
	char path[96];
};

static void place_make(struct place *place)
{
	(void)snprintf(place->dir, sizeof(place->dir), "/tmp/corten-db-XXXXXX");
	if (mkdtemp(place->dir) == NULL)
		perror("mkdtemp");
	(void)snprintf(place->path, sizeof(place->path), "%s/t.db", place->dir);
}

static void place_remove(struct place *place)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char path[128];

	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s%s", place->path, ends[i]);
		(void)unlink(path);
	}
	CHECK_INT(rmdir(place->dir), 0);
}

TEST(migrations_run_once_and_per_owner)
{
	struct place place;
	struct db *db = NULL;
	struct err err = {0};
	struct stat st;

	place_make(&place);
	REQUIRE(db_open(place.path, &db, &err) == 0);
	CHECK_INT(stat(place.path, &st), 0);
	CHECK_INT(st.st_mode & 0777, 0600);
	CHECK_INT(db_migrate(db, DB_STORE, first, 1, &err), 0);
	CHECK_INT(db_run(db, "INSERT INTO a VALUES(?1)", "kept", NULL, NULL, &err), 0);
	db_close(db);

	REQUIRE(db_open(place.path, &db, &err) == 0);
	CHECK(db_migrate(db, DB_STORE, broken, 3, &err) < 0);
	CHECK_INT(db_migrate(db, DB_STORE, second, 2, &err), 0);
	CHECK_INT(
		db_migrate(db, DB_ENGINE, (const char *const[]){"CREATE TABLE c(y TEXT)"}, 1, &err),
		0);
	CHECK_INT(db_migrate(db, DB_STORE, second, 2, &err), 0);
	DB_STMT(stmt);
	CHECK_INT(
		db_prepare(db, "SELECT a.x, b.x FROM a, b, (SELECT count(*) FROM c)", &stmt, &err),
		0);
	CHECK_INT(db_step(&stmt, &err), 1);
	CHECK_STR(db_text(&stmt, 0), "kept");
	CHECK_INT(db_int(&stmt, 1), 7);
	CHECK_INT(db_step(&stmt, &err), 0);
	db_stmt_done(&stmt);
	CHECK(db_migrate(db, DB_STORE, first, 1, &err) < 0);
	CHECK_INT(err.kind, ERR_UNSUPPORTED);
	db_close(db);
	place_remove(&place);
}

TEST(a_transaction_is_undone_unless_committed)
{
	struct place place;
	struct db *db = NULL;
	struct err err = {0};

	place_make(&place);
	REQUIRE(db_open(place.path, &db, &err) == 0);
	CHECK_INT(db_migrate(db, DB_STORE, first, 1, &err), 0);
	{
		DB_ROLLBACK_AT_END(open_db, db);
		CHECK_INT(db_begin(open_db, &err), 0);
		CHECK_INT(db_run(db, "INSERT INTO a VALUES(?1)", "gone", NULL, NULL, &err), 0);
	}
	{
		DB_ROLLBACK_AT_END(open_db, db);
		CHECK_INT(db_begin(open_db, &err), 0);
		CHECK_INT(db_run(db, "INSERT INTO a VALUES(?1)", "kept", NULL, NULL, &err), 0);
		CHECK_INT(db_commit(db, &err), 0);
	}
	CHECK(db_run(db, "INSERT INTO a VALUES(?1)", "kept", NULL, NULL, &err) < 0);
	CHECK_INT(err.kind, ERR_CONFLICT);
	CHECK_INT(db_run(db, "DELETE FROM a WHERE x=?1 OR x=?2", "gone", "kept", NULL, &err), 0);
	CHECK_INT(db_changes(db), 1);
	db_close(db);
	place_remove(&place);
}

TEST(a_file_that_is_no_database_is_refused)
{
	struct place place;
	struct db *db = NULL;
	struct err err = {0};

	place_make(&place);
	FILE *file = fopen(place.path, "we");
	REQUIRE(file != NULL);
	for (int i = 0; i < 1000; i++)
		(void)fputs("not a database. ", file);
	(void)fclose(file);
	CHECK(db_open(place.path, &db, &err) < 0);
	CHECK_INT(err.kind, ERR_INVALID);
	place_remove(&place);
}

TESTS(T(migrations_run_once_and_per_owner), T(a_transaction_is_undone_unless_committed),
      T(a_file_that_is_no_database_is_refused))
