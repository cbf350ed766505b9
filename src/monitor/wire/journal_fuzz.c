/* Any file is read to its end; what is read can be written and read again. */
#include <stdlib.h>

#include "monitor/wire/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ARENA_AUTO(arena, 1 << 20);
	struct journal_reader reader = {.text = (const char *)data, .len = size};
	struct journal_record record, again;

	while (journal_next(&reader, &arena, &record) == 1) {
		BUF_AUTO(line, JOURNAL_RECORD_MAX);
		journal_encode(&record, &line);
		struct journal_reader second = {.text = line.data, .len = line.len};
		if (line.failed || (journal_next(&second, &arena, &again) != 1 &&
				    arena.used_bytes < arena.max_bytes / 2))
			abort();
	}
	return 0;
}
