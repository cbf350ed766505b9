/* Any text is refused, or gives a command that runs one image. */
#include <stdlib.h>
#include <string.h>

#include "init/unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct unit unit;
	struct err err;

	if (unit_parse("corten", "a.container", (const char *)data, size, &unit, &err) < 0)
		return 0;
	if (unit.argc < 6 || unit.argv[unit.argc] != NULL || strcmp(unit.argv[1], "run") != 0)
		abort();
	return 0;
}
