/*
 * auth_edit.h - changes to a file of passwords (auth.h) that leave alone what they do not know.
 *
 * Errors     ERR_INVALID with the file's place.
 */
#ifndef CORTEN_REMOTE_AUTH_EDIT_H
#define CORTEN_REMOTE_AUTH_EDIT_H

#include <stdbool.h>

#include "base/buf.h"

/* Writes the document with the key's entry replaced; user NULL: removed, and key NULL: all. */
int auth_edit(const char *text, size_t len, const char *key, const char *user, const char *password,
	      struct buf *out, bool *ret_found, struct err *err);

/*
 * The same with the file, atomically, for its owner's eyes alone; a helper that is set for the key is told instead.
 * file: NULL: where Podman keeps it.
 */
int auth_file_edit(const char *file, const char *key, const char *user, const char *password,
		   char *const *env, bool *ret_found, struct err *err);

#endif
