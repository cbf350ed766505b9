#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BLOCK_BYTES 16384

struct arena_block {
	struct arena_block *next;
	size_t used;
	size_t cap;
	alignas(max_align_t) char data[];
};

void arena_done(struct arena *arena)
{
	while (arena->blocks != NULL) {
		struct arena_block *block = arena->blocks;
		arena->blocks = block->next;
		free(block);
	}
	arena->used_bytes = 0;
}

static struct arena_block *arena_block_new(struct arena *arena, size_t size)
{
	size_t cap = size > ARENA_BLOCK_BYTES ? size : ARENA_BLOCK_BYTES;
	/* Memory fresh from the kernel is zero already: calloc() knows, and touches no page of it. */
	struct arena_block *block = calloc(1, sizeof(*block) + cap);

	if (block == NULL)
		return NULL;
	block->cap = cap;
	block->next = arena->blocks;
	arena->blocks = block;
	return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	if (size > arena->max_bytes)
		return NULL;
	size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (size > arena->max_bytes - arena->used_bytes)
		return NULL;
	struct arena_block *block = arena->blocks;
	if (block == NULL || block->cap - block->used < size)
		block = arena_block_new(arena, size);
	if (block == NULL)
		return NULL;
	void *at = block->data + block->used;
	block->used += size;
	arena->used_bytes += size;
	return at;
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
	if (len >= arena->max_bytes)
		return NULL;
	char *copy = arena_alloc(arena, len + 1);

	if (copy != NULL && len > 0)
		memcpy(copy, text, len);
	return copy;
}
