/*
 * hash.h - SHA-256 of what passes by, as registries write it.
 *
 * Ownership  hash_new() and hash_free(); a hash that was freed is NULL.
 * Errors     Only memory can be out: then hash_new() gives NULL, with err set.
 */
#ifndef CORTEN_REMOTE_HASH_H
#define CORTEN_REMOTE_HASH_H

#include <stddef.h>

#include "base/err.h"

#define HASH_TEXT_MAX 72 /* "sha256:", 64 digits, the NUL */

struct hash;

struct hash *hash_new(struct err *err);
void hash_free(struct hash *hash);

void hash_add(struct hash *hash, const void *data, size_t size);

/* Writes "sha256:HEX"; what is added afterwards begins anew. */
void hash_end(struct hash *hash, char ret_digest[HASH_TEXT_MAX]);

/* The same in one call. */
int hash_of(const void *data, size_t size, char ret_digest[HASH_TEXT_MAX], struct err *err);

#endif
