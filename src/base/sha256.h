/*
 * sha256.h - SHA-256 (FIPS 180-4) for documents, in programs that link no library of ciphers.
 *
 * Purpose    Manifests and configurations are a few kilobytes: plain C is quick enough. What hashes layers uses a
 *            library (src/image/digest.h).
 * Ownership  Plain values, no heap.
 */
#ifndef CORTEN_BASE_SHA256_H
#define CORTEN_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
	uint32_t state[8];
	uint64_t bytes;
	unsigned char block[64];
};

void sha256_init(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *data, size_t size);

/* Ends the hash: 64 lower-case hex digits and a NUL. */
void sha256_hex(struct sha256 *hash, char ret_hex[65]);

#endif
