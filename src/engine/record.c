#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/identity.h"
#include "engine/internal.h"
#include "engine/spec/environment.h"
#include "engine/spec/list.h"

#define OPTIONS_TEXT_MAX (4 * 1024 * 1024)

static const char *const migrations[] = {
	"CREATE TABLE containers ("
	" id TEXT PRIMARY KEY,"
	" name TEXT NOT NULL UNIQUE,"
	" image TEXT NOT NULL,"
	" image_id TEXT NOT NULL,"
	" command TEXT NOT NULL,"
	" created_ns INTEGER NOT NULL,"
	" auto_remove INTEGER NOT NULL,"
	" options TEXT NOT NULL"
	") WITHOUT ROWID;"
	"CREATE INDEX containers_image ON containers (image_id);",
	"ALTER TABLE containers ADD COLUMN selinux_level TEXT;"
	"CREATE UNIQUE INDEX containers_level ON containers (selinux_level);",
};

#define COLUMNS        "id, name, image, image_id, command, created_ns, auto_remove, options"
#define READ_COLUMNS   COLUMNS ", selinux_level"
#define LEVEL_ATTEMPTS 64

int record_migrate(struct engine *engine, struct err *err)
{
	return db_migrate(engine->db, DB_ENGINE, migrations,
			  sizeof(migrations) / sizeof(migrations[0]), err);
}

int record_insert(struct engine *engine, const struct engine_container *container, struct err *err)
{
	DB_STMT(stmt);
	BUF_AUTO(options, OPTIONS_TEXT_MAX);

	json_write(&engine_options_shape, &container->options, JSON_COMPACT, &options);
	int rc = buf_check(&options, "the container's options", err);
	if (rc == 0)
		rc = db_prepare(engine->db,
				"INSERT INTO containers (" COLUMNS
				") VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
				&stmt, err);
	if (rc < 0)
		return rc;
	db_bind_text(&stmt, 1, container->id);
	db_bind_text(&stmt, 2, container->name);
	db_bind_text(&stmt, 3, container->image);
	db_bind_text(&stmt, 4, container->image_id);
	db_bind_text(&stmt, 5, container->command);
	db_bind_int(&stmt, 6, container->created_ns);
	db_bind_int(&stmt, 7, container->auto_remove);
	db_bind_text(&stmt, 8, options.data);
	return db_step(&stmt, err);
}

int record_delete(struct engine *engine, const char *id, struct err *err)
{
	return db_run(engine->db, "DELETE FROM containers WHERE id = ?", id, NULL, NULL, err);
}

static int read_row(struct db_stmt *stmt, struct arena *arena, struct engine_container *container,
		    struct err *err)
{
	static const json_strings none;

	*container = (struct engine_container){
		.id = db_text_dup(stmt, 0, arena),
		.name = db_text_dup(stmt, 1, arena),
		.image = db_text_dup(stmt, 2, arena),
		.image_id = db_text_dup(stmt, 3, arena),
		.command = db_text_dup(stmt, 4, arena),
		.created_ns = db_int(stmt, 5),
		.auto_remove = db_int(stmt, 6) != 0,
		.selinux_level = db_text_dup(stmt, 8, arena),
	};
	const char *options = db_text_dup(stmt, 7, arena);
	if (container->id == NULL || container->name == NULL || container->image == NULL ||
	    container->image_id == NULL || container->command == NULL || options == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "read a container's record");
	int rc = json_parse(&engine_options_shape, options, strlen(options), arena,
			    &container->options, err);
	if (rc == 0)
		rc = environment_resolve_labels(&none, &container->options.labels, arena,
						&container->labels, err);
	return rc < 0 ? err_wrap(err, rc, "read the record of container %s", container->id) : 0;
}

static int find_exact(struct engine *engine, const char *reference, struct arena *arena,
		      struct engine_container *ret_container, struct err *err)
{
	DB_STMT(stmt);

	int rc = db_prepare(engine->db,
			    "SELECT " READ_COLUMNS " FROM containers WHERE id = ?1 OR name = ?1"
			    " ORDER BY id = ?1 DESC LIMIT 1",
			    &stmt, err);
	if (rc < 0)
		return rc;
	db_bind_text(&stmt, 1, reference);
	rc = db_step(&stmt, err);
	if (rc <= 0)
		return rc;
	rc = read_row(&stmt, arena, ret_container, err);
	return rc < 0 ? rc : 1;
}

/* Ids that begin with the reference lie between it and itself with a 'g' behind: an index range. */
static int find_prefix(struct engine *engine, const char *reference, struct arena *arena,
		       struct engine_container *ret_container, struct err *err)
{
	DB_STMT(stmt);
	char end[ENGINE_ID_MAX + 1];

	(void)snprintf(end, sizeof(end), "%sg", reference);
	int rc = db_prepare(engine->db,
			    "SELECT " READ_COLUMNS
			    " FROM containers WHERE id >= ?1 AND id < ?2 LIMIT 2",
			    &stmt, err);
	if (rc < 0)
		return rc;
	db_bind_text(&stmt, 1, reference);
	db_bind_text(&stmt, 2, end);
	rc = db_step(&stmt, err);
	if (rc <= 0)
		return rc;
	rc = read_row(&stmt, arena, ret_container, err);
	if (rc < 0)
		return rc;
	rc = db_step(&stmt, err);
	if (rc == 1)
		return err_set(err, ERR_CONFLICT, 0,
			       "Multiple containers found with provided prefix: %s", reference);
	return rc < 0 ? rc : 1;
}

int record_find(struct engine *engine, const char *reference, struct arena *arena,
		struct engine_container *ret_container, struct err *err)
{
	if (reference[0] == '/')
		reference++;
	int rc = find_exact(engine, reference, arena, ret_container, err);
	if (rc == 0 && identity_is_id_prefix(reference))
		rc = find_prefix(engine, reference, arena, ret_container, err);
	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, 0, "No such container: %s", reference);
	return rc < 0 ? rc : 0;
}

/* One statement a try; the index refuses a level that another container has. */
int record_ensure_level(struct engine *engine, const char *id, struct arena *arena,
			const char **ret_level, struct err *err)
{
	char level[IDENTITY_LEVEL_MAX];
	DB_STMT(stmt);
	int rc = -EIO;

	for (int attempt = 0; rc < 0 && attempt < LEVEL_ATTEMPTS; attempt++) {
		struct err taken = {.kind = ERR_NONE};
		rc = identity_new_level(level, err);
		if (rc < 0)
			return rc;
		rc = db_run(engine->db,
			    "UPDATE containers SET selinux_level = ?2"
			    " WHERE id = ?1 AND selinux_level IS NULL",
			    id, level, NULL, &taken);
		if (rc < 0 && (taken.kind != ERR_CONFLICT || attempt == LEVEL_ATTEMPTS - 1)) {
			*err = taken;
			return err_wrap(err, rc, "give the container an SELinux level");
		}
	}
	rc = db_prepare(engine->db, "SELECT selinux_level FROM containers WHERE id = ?", &stmt,
			err);
	if (rc < 0)
		return rc;
	db_bind_text(&stmt, 1, id);
	rc = db_step(&stmt, err);
	if (rc < 0)
		return rc;
	*ret_level = rc == 1 ? db_text_dup(&stmt, 0, arena) : NULL;
	if (*ret_level == NULL)
		return err_set(err, ERR_NOT_FOUND, 0, "No such container: %.12s", id);
	return 0;
}

int record_list(struct engine *engine, struct arena *arena, engine_containers *ret_containers,
		struct err *err)
{
	DB_STMT(stmt);
	engine_containers list = {0};

	int rc = db_prepare(engine->db,
			    "SELECT " READ_COLUMNS " FROM containers ORDER BY created_ns DESC, id",
			    &stmt, err);
	while (rc >= 0 && (rc = db_step(&stmt, err)) == 1) {
		struct engine_container *added = list_push(&list, sizeof(*added), arena);
		rc = added == NULL ? list_no_memory(err) : read_row(&stmt, arena, added, err);
	}
	if (rc == 0)
		*ret_containers = list;
	return rc;
}

int record_image_use(void *arg, const char *image_id, char ret_user[65], enum store_use *ret_use,
		     struct err *err)
{
	struct engine *engine = arg;
	ARENA_AUTO(arena, 64 * 1024 * 1024);
	DB_STMT(stmt);

	*ret_use = STORE_UNUSED;
	int rc =
		db_prepare(engine->db, "SELECT " READ_COLUMNS " FROM containers WHERE image_id = ?",
			   &stmt, err);
	if (rc < 0)
		return rc;
	db_bind_text(&stmt, 1, image_id);
	while ((rc = db_step(&stmt, err)) == 1) {
		struct engine_container container;
		rc = read_row(&stmt, &arena, &container, err);
		if (rc == 0)
			rc = fold_state(engine, &container, &arena, err);
		if (rc < 0)
			return rc;
		(void)snprintf(ret_user, 65, "%s", container.id);
		*ret_use = STORE_USED;
		if (container.status == ENGINE_RUNNING) {
			*ret_use = STORE_RUNNING;
			return 0;
		}
	}
	return rc;
}
