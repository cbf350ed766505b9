/* Any header: the target ends in its room, and is a part of the value. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "remote/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[1024], target[256];

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	bool found = link_next(text, target, sizeof(target));
	if (strnlen(target, sizeof(target)) == sizeof(target) || found != (target[0] != '\0') ||
	    strstr(text, target) == NULL)
		abort();
	return 0;
}
