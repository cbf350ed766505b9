/* Any line as a change. */
#include "image/changes.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ARENA_AUTO(arena, 8 << 20);
	struct oci_image_run run = {0};
	struct err err = {0};
	char line[2048];

	if (size >= sizeof(line))
		return 0;
	memcpy(line, data, size);
	line[size] = '\0';
	(void)changes_apply(line, &run, &arena, &err);
	return 0;
}
