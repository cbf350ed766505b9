/*
 * db.h - the one database, `corten.db`, shared by the store and the engine: SQLite in WAL mode.
 *
 * Purpose    Open, migrate, prepare, bind, step; nothing of SQL's text is hidden.
 * Ownership  The store opens and closes it (store_db() lends it). A statement belongs to its caller:
 *            DB_STMT declares one that finalises itself.
 * Locks      A busy database is waited for, ten seconds at most. Transactions are short: none may span
 *            input or output other than the database's own.
 * Errors     ERR_SYSTEM with SQLite's own message; a broken constraint is ERR_CONFLICT; a full disk
 *            keeps ENOSPC. Binding errors surface at the next step.
 * Threads    One connection belongs to one thread at a time.
 */
#ifndef CORTEN_STORE_DB_H
#define CORTEN_STORE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct db;

/* A prepared statement; zeroed is valid and empty. */
struct db_stmt {
	struct db *db;
	void *handle;
	int bind_error;
};

#define DB_STMT(name) __attribute__((cleanup(db_stmt_done))) struct db_stmt name = {0}

/* Who owns which tables; each has its own list of migrations and its own version number. */
enum db_owner {
	DB_STORE,
	DB_ENGINE,
};

/* Opens or creates `path`. */
int db_open(const char *path, struct db **ret_db, struct err *err);
void db_close(struct db *db);

/*
 * Brings an owner's tables up to `count` by running the SQL of steps[version..count-1], all in one
 * transaction. Nothing is written when they are current. A version newer than count is ERR_UNSUPPORTED.
 */
int db_migrate(struct db *db, enum db_owner owner, const char *const *steps, size_t count,
	       struct err *err);

/* Runs SQL text without parameters or results, one statement or several. */
int db_exec(struct db *db, const char *sql, struct err *err);

/* BEGIN IMMEDIATE; the way back is db_rollback(), which does nothing outside a transaction. */
int db_begin(struct db *db, struct err *err);
int db_commit(struct db *db, struct err *err);
void db_rollback(struct db *db);

/* Undoes an open transaction at the end of the scope, unless it was committed. */
static inline void db_rollbackp(struct db **db)
{
	if (*db != NULL)
		db_rollback(*db);
}
#define DB_ROLLBACK_AT_END(name, database) \
	__attribute__((cleanup(db_rollbackp))) struct db *name = (database)

int db_prepare(struct db *db, const char *sql, struct db_stmt *ret_stmt, struct err *err);
void db_stmt_done(struct db_stmt *stmt);
void db_reset(struct db_stmt *stmt); /* to run it again; bindings are cleared */

/* Parameters count from 1. Text is copied; NULL binds NULL. */
void db_bind_text(struct db_stmt *stmt, int index, const char *text);
void db_bind_int(struct db_stmt *stmt, int index, int64_t value);

/* 1: a row is there; 0: done; negative: failed. */
int db_step(struct db_stmt *stmt, struct err *err);

/* Columns count from 0. Text lives until the next step; NULL for SQL's NULL. */
const char *db_text(struct db_stmt *stmt, int column);
int64_t db_int(struct db_stmt *stmt, int column);

/* The text of a column, copied; NULL for SQL's NULL or when the arena is full. */
const char *db_text_dup(struct db_stmt *stmt, int column, struct arena *arena);

/* Rows changed by the last INSERT, UPDATE or DELETE. */
int64_t db_changes(struct db *db);

/* Prepares, binds up to three texts (NULL: not bound) and runs to the end. */
int db_run(struct db *db, const char *sql, const char *one, const char *two, const char *three,
	   struct err *err);

#endif
