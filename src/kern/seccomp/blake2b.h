/*
 * blake2b.h - BLAKE2b with a 32-byte digest and no key (RFC 7693), for names in the cache.
 */
#ifndef CORTEN_KERN_SECCOMP_BLAKE2B_H
#define CORTEN_KERN_SECCOMP_BLAKE2B_H

#include <stddef.h>
#include <stdint.h>

#define BLAKE2B_DIGEST_BYTES 32

struct blake2b {
	uint64_t state[8];
	uint64_t total_bytes;
	uint8_t block[128];
	size_t block_bytes;
};

void blake2b_init(struct blake2b *hash);
void blake2b_add(struct blake2b *hash, const void *data, size_t size);
void blake2b_finish(struct blake2b *hash, uint8_t ret_digest[BLAKE2B_DIGEST_BYTES]);

#endif
