#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

#define BUSY_TIMEOUT_MS  10000
#define CHECKPOINT_PAGES 128 /* what the next opener may have to replay: half a megabyte */

struct db {
	sqlite3 *handle;
	bool in_transaction;
};

static int db_fail(struct db *db, int code, const char *what, struct err *err)
{
	const char *text = db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code);
	enum err_kind kind = ERR_SYSTEM;
	int sys = 0;

	switch (code & 0xff) {
	case SQLITE_CONSTRAINT:
		kind = ERR_CONFLICT;
		break;
	case SQLITE_FULL:
		sys = ENOSPC;
		break;
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		kind = ERR_INVALID;
		break;
	default:
		sys = db->handle ? sqlite3_system_errno(db->handle) : 0;
		break;
	}
	return err_set(err, kind, sys, "database: %s: %s", what, text);
}

int db_exec(struct db *db, const char *sql, struct err *err)
{
	int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	if (code != SQLITE_OK)
		return db_fail(db, code, "run a statement", err);
	return 0;
}

static int db_version(struct db *db, int64_t *ret_version, struct err *err)
{
	DB_STMT(stmt);
	int rc = db_prepare(db, "PRAGMA user_version", &stmt, err);

	if (rc == 0)
		rc = db_step(&stmt, err);
	if (rc < 0)
		return rc;
	*ret_version = db_int(&stmt, 0);
	return 0;
}

/* WAL is a property of the file, so it is set once; several first openers may race for it. */
static int db_make_wal(struct db *db, struct err *err)
{
	int code = SQLITE_OK;

	for (int attempt = 0; attempt < 200; attempt++) {
		code = sqlite3_exec(db->handle, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
		if ((code & 0xff) != SQLITE_BUSY && (code & 0xff) != SQLITE_LOCKED)
			break;
		(void)usleep(10000);
	}
	if (code != SQLITE_OK)
		return db_fail(db, code, "switch to write-ahead logging", err);
	return 0;
}

static int db_configure(struct db *db, struct err *err)
{
	int64_t version = 0;

	(void)sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
	(void)sqlite3_extended_result_codes(db->handle, 1);
	/* A checkpoint at each close would sync on every command. */
	(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
	(void)sqlite3_wal_autocheckpoint(db->handle, CHECKPOINT_PAGES);
	int rc = db_version(db, &version, err);
	if (rc == 0 && version == 0)
		rc = db_make_wal(db, err);
	if (rc < 0)
		return rc;
	return db_exec(db, "PRAGMA synchronous=NORMAL", err);
}

int db_open(const char *path, struct db **ret_db, struct err *err)
{
	/* SQLite gives its side files the mode of the database: create that closed to others. */
	auto_fd fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno(err, "open the database '%s'", path);
	struct db *db = calloc(1, sizeof(*db));
	if (db == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "open the database '%s'", path);

	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
	int code = sqlite3_open_v2(path, &db->handle, flags, NULL);
	int rc = code == SQLITE_OK ? db_configure(db, err) : db_fail(db, code, "open", err);
	if (rc < 0) {
		db_close(db);
		return err_wrap(err, rc, "open the database '%s'", path);
	}
	*ret_db = db;
	return 0;
}

void db_close(struct db *db)
{
	if (db == NULL)
		return;
	(void)sqlite3_close(db->handle);
	free(db);
}

static int db_migrate_locked(struct db *db, enum db_owner owner, const char *const *steps,
			     size_t count, struct err *err)
{
	unsigned shift = (unsigned)owner * 8;
	int64_t version = 0;
	char sql[64];

	int rc = db_version(db, &version, err);
	if (rc < 0)
		return rc;
	for (size_t i = (size_t)(version >> shift) & 0xff; i < count; i++) {
		rc = db_exec(db, steps[i], err);
		if (rc < 0)
			return err_wrap(err, rc, "bring the tables to version %zu", i + 1);
	}
	version = (version & ~((int64_t)0xff << shift)) | ((int64_t)count << shift);
	(void)snprintf(sql, sizeof(sql), "PRAGMA user_version=%lld", (long long)version);
	return db_exec(db, sql, err);
}

int db_migrate(struct db *db, enum db_owner owner, const char *const *steps, size_t count,
	       struct err *err)
{
	int64_t version = 0;

	int rc = db_version(db, &version, err);
	if (rc < 0)
		return rc;
	size_t current = (size_t)(version >> ((unsigned)owner * 8)) & 0xff;
	if (current == count)
		return 0;
	if (current > count)
		return err_set(
			err, ERR_UNSUPPORTED, 0,
			"the database was written by a newer corten (tables %zu, known %zu): "
			"use that version",
			current, count);
	DB_ROLLBACK_AT_END(open_db, db);
	rc = db_begin(open_db, err);
	if (rc == 0)
		rc = db_migrate_locked(db, owner, steps, count, err);
	if (rc == 0)
		rc = db_commit(db, err);
	return rc;
}

int db_begin(struct db *db, struct err *err)
{
	int rc = db_exec(db, "BEGIN IMMEDIATE", err);

	if (rc == 0)
		db->in_transaction = true;
	return rc;
}

int db_commit(struct db *db, struct err *err)
{
	int rc = db_exec(db, "COMMIT", err);

	if (rc == 0)
		db->in_transaction = false;
	return rc;
}

void db_rollback(struct db *db)
{
	if (!db->in_transaction)
		return;
	(void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
	db->in_transaction = false;
}

int db_prepare(struct db *db, const char *sql, struct db_stmt *ret_stmt, struct err *err)
{
	sqlite3_stmt *handle = NULL;
	int code = sqlite3_prepare_v2(db->handle, sql, -1, &handle, NULL);

	if (code != SQLITE_OK)
		return db_fail(db, code, "prepare a statement", err);
	*ret_stmt = (struct db_stmt){.db = db, .handle = handle};
	return 0;
}

void db_stmt_done(struct db_stmt *stmt)
{
	(void)sqlite3_finalize(stmt->handle);
	stmt->handle = NULL;
}

void db_reset(struct db_stmt *stmt)
{
	(void)sqlite3_reset(stmt->handle);
	(void)sqlite3_clear_bindings(stmt->handle);
	stmt->bind_error = 0;
}

void db_bind_text(struct db_stmt *stmt, int index, const char *text)
{
	int code = sqlite3_bind_text(stmt->handle, index, text, -1, SQLITE_TRANSIENT);

	if (code != SQLITE_OK && stmt->bind_error == 0)
		stmt->bind_error = code;
}

void db_bind_int(struct db_stmt *stmt, int index, int64_t value)
{
	int code = sqlite3_bind_int64(stmt->handle, index, value);

	if (code != SQLITE_OK && stmt->bind_error == 0)
		stmt->bind_error = code;
}

int db_step(struct db_stmt *stmt, struct err *err)
{
	if (stmt->bind_error != 0)
		return err_set(err, ERR_SYSTEM, 0, "database: bind a value: %s",
			       sqlite3_errstr(stmt->bind_error));
	int code = sqlite3_step(stmt->handle);
	if (code == SQLITE_ROW)
		return 1;
	if (code == SQLITE_DONE)
		return 0;
	return db_fail(stmt->db, code, "run a statement", err);
}

const char *db_text(struct db_stmt *stmt, int column)
{
	return (const char *)sqlite3_column_text(stmt->handle, column);
}

int64_t db_int(struct db_stmt *stmt, int column)
{
	return sqlite3_column_int64(stmt->handle, column);
}

const char *db_text_dup(struct db_stmt *stmt, int column, struct arena *arena)
{
	const char *text = db_text(stmt, column);

	return text ? arena_strndup(arena, text, strlen(text)) : NULL;
}

int64_t db_changes(struct db *db)
{
	return sqlite3_changes(db->handle);
}

int db_run(struct db *db, const char *sql, const char *one, const char *two, const char *three,
	   struct err *err)
{
	const char *texts[] = {one, two, three};
	DB_STMT(stmt);

	int rc = db_prepare(db, sql, &stmt, err);
	if (rc < 0)
		return rc;
	for (int i = 0; i < 3; i++) {
		if (texts[i] != NULL)
			db_bind_text(&stmt, i + 1, texts[i]);
	}
	do {
		rc = db_step(&stmt, err);
	} while (rc > 0);
	return rc;
}
