#include <string.h>

#include "kern/seccomp/blake2b.h"

/* Little-endian processors alone: words are copied as they lie. */
static const uint64_t start_state[8] = {
	0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
	0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

static const uint8_t sigma[10][16] = {
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	{14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
	{11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
	{7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
	{9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
	{2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
	{12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
	{13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
	{6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
	{10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static uint64_t rotate(uint64_t word, unsigned bits)
{
	return word >> bits | word << (64 - bits);
}

static void mix(uint64_t *v, const unsigned at[4], uint64_t x, uint64_t y)
{
	unsigned a = at[0], b = at[1], c = at[2], d = at[3];

	v[a] += v[b] + x;
	v[d] = rotate(v[d] ^ v[a], 32);
	v[c] += v[d];
	v[b] = rotate(v[b] ^ v[c], 24);
	v[a] += v[b] + y;
	v[d] = rotate(v[d] ^ v[a], 16);
	v[c] += v[d];
	v[b] = rotate(v[b] ^ v[c], 63);
}

static void compress(struct blake2b *hash, uint64_t last)
{
	static const unsigned lanes[8][4] = {{0, 4, 8, 12},  {1, 5, 9, 13},  {2, 6, 10, 14},
					     {3, 7, 11, 15}, {0, 5, 10, 15}, {1, 6, 11, 12},
					     {2, 7, 8, 13},  {3, 4, 9, 14}};
	uint64_t v[16], m[16];

	memcpy(m, hash->block, sizeof(m));
	memcpy(v, hash->state, sizeof(hash->state));
	memcpy(v + 8, start_state, sizeof(start_state));
	v[12] ^= hash->total_bytes;
	v[14] ^= last;
	for (unsigned round = 0; round < 12; round++) {
		const uint8_t *s = sigma[round % 10];
		for (unsigned i = 0; i < 8; i++)
			mix(v, lanes[i], m[s[2 * i]], m[s[2 * i + 1]]);
	}
	for (unsigned i = 0; i < 8; i++)
		hash->state[i] ^= v[i] ^ v[i + 8];
}

void blake2b_init(struct blake2b *hash)
{
	memset(hash, 0, sizeof(*hash));
	memcpy(hash->state, start_state, sizeof(start_state));
	hash->state[0] ^= 0x01010000U | BLAKE2B_DIGEST_BYTES;
}

void blake2b_add(struct blake2b *hash, const void *data, size_t size)
{
	const uint8_t *at = data;

	while (size > 0) {
		/* The last block is compressed in blake2b_finish(), so a full one waits. */
		if (hash->block_bytes == sizeof(hash->block)) {
			hash->total_bytes += sizeof(hash->block);
			compress(hash, 0);
			hash->block_bytes = 0;
		}
		size_t some = sizeof(hash->block) - hash->block_bytes;
		if (some > size)
			some = size;
		memcpy(hash->block + hash->block_bytes, at, some);
		hash->block_bytes += some;
		at += some;
		size -= some;
	}
}

void blake2b_finish(struct blake2b *hash, uint8_t ret_digest[BLAKE2B_DIGEST_BYTES])
{
	hash->total_bytes += hash->block_bytes;
	memset(hash->block + hash->block_bytes, 0, sizeof(hash->block) - hash->block_bytes);
	compress(hash, UINT64_MAX);
	memcpy(ret_digest, hash->state, BLAKE2B_DIGEST_BYTES);
}
