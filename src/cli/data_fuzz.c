/* What data.c accepts is JSON, and what it writes reads to the same again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/data.h"

#define ARENA_MAX (16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ARENA_AUTO(arena, ARENA_MAX);
	ARENA_AUTO(arena_again, 4 * ARENA_MAX);
	BUF_AUTO(first, ARENA_MAX);
	BUF_AUTO(second, ARENA_MAX);
	BUF_AUTO(printed, ARENA_MAX);
	struct data value, again;
	struct err err;

	if (data_parse((const char *)data, size, &arena, &value, &err) < 0)
		return 0;
	if (json_check((const char *)data, size, &err) < 0)
		abort();
	data_print(&value, &printed);
	data_write_json(&value, &first);
	if (first.failed)
		return 0;
	if (data_parse(first.data, first.len, &arena_again, &again, &err) < 0)
		abort();
	data_write_json(&again, &second);
	if (!second.failed && strcmp(first.data, second.data) != 0)
		abort();
	return 0;
}
