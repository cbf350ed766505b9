#include "base/arena.h"

#include <stdint.h>

#include "base/test.h"

TEST(arena_hands_out_zeroed_aligned_memory)
{
	ARENA_AUTO(arena, 1 << 20);

	for (size_t size = 1; size < 40000; size = size * 3 + 1) {
		char *at = arena_alloc(&arena, size);
		REQUIRE(at != NULL);
		CHECK_INT((uintptr_t)at % sizeof(void *), 0);
		for (size_t i = 0; i < size; i++)
			CHECK_INT(at[i], 0);
		memset(at, 0xff, size);
	}
}

TEST(arena_stops_at_its_maximum)
{
	ARENA_AUTO(arena, 64);

	CHECK(arena_alloc(&arena, 65) == NULL);
	CHECK(arena_alloc(&arena, SIZE_MAX) == NULL);
	CHECK(arena_alloc(&arena, 48) != NULL);
	CHECK(arena_alloc(&arena, 32) == NULL);
	CHECK_STR(arena_strndup(&arena, "abcdef", 3), "abc");
	CHECK(arena_strndup(&arena, "x", 1) == NULL);
}

TESTS(T(arena_hands_out_zeroed_aligned_memory), T(arena_stops_at_its_maximum))
