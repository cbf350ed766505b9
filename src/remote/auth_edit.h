/*
 * auth_edit.h - changes to a file of passwords (auth.h) that leave alone what they do not know.
 *
 * Errors     ERR_INVALID with the file's place.
 */
#ifndef CORTEN_REMOTE_AUTH_EDIT_H
#define CORTEN_REMOTE_AUTH_EDIT_H

#include <stdbool.h>

#include "base/buf.h"

struct auth_change {
	const char *key;  /* "host" or "host/namespace"; NULL: every one, to be removed */
	const char *user; /* NULL: to be removed */
	const char *password;
};

/* Writes the document with the change made; ret_found: whether there was an entry before. */
int auth_edit(const char *text, size_t len, const struct auth_change *change, struct buf *out,
	      bool *ret_found, struct err *err);

/*
 * The same with the file, atomically, for its owner's eyes alone; a helper that is set for the key is told instead.
 * file: NULL: where Podman keeps it.
 */
int auth_file_edit(const char *file, const struct auth_change *change, char *const *env,
		   bool *ret_found, struct err *err);

#endif
