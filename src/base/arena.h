/*
 * arena.h - memory that is freed all at once; what parsed documents live in.
 *
 * Ownership  Everything handed out belongs to the arena and dies in arena_done(). A zeroed struct
 *            with `max_bytes` set is a valid empty arena.
 * Errors     NULL when max_bytes is passed or memory is out.
 */
#ifndef CORTEN_BASE_ARENA_H
#define CORTEN_BASE_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks;
	size_t used_bytes;
	size_t max_bytes;
};

#define ARENA_INIT(max) ((struct arena){.max_bytes = (max)})
#define ARENA_AUTO(name, max) \
	__attribute__((cleanup(arena_done))) struct arena name = ARENA_INIT(max)

void arena_done(struct arena *arena);

/* Zeroed memory, aligned for any type; NULL past the maximum. */
void *arena_alloc(struct arena *arena, size_t size);

/* A NUL-terminated copy of len bytes; NULL past the maximum. */
char *arena_strndup(struct arena *arena, const char *text, size_t len);

#endif
