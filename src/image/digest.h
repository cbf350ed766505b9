/*
 * digest.h - SHA-256 of streams and documents.
 *
 * Ownership  digest_init() allocates, digest_done() frees; zeroed is valid and empty.
 * Errors     Only memory can be out: digest_init() says so.
 */
#ifndef CORTEN_IMAGE_DIGEST_H
#define CORTEN_IMAGE_DIGEST_H

#include <stddef.h>

#include "base/err.h"

struct digest {
	void *context;
};

/* Loads all that hashing needs. Called before the program gives up its view of the filesystem. */
int digest_prepare(struct err *err);

int digest_init(struct digest *digest, struct err *err);
void digest_add(struct digest *digest, const void *data, size_t size);

/* Ends the digest and writes 64 hex digits and a NUL. */
void digest_hex(struct digest *digest, char ret_hex[65]);
void digest_done(struct digest *digest);

int digest_of(const void *data, size_t size, char ret_hex[65], struct err *err);

#endif
