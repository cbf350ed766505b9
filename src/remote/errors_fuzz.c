/* Any body of a refusal: one printable line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "remote/errors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char buf[ERRORS_TEXT_MAX];
	char *copy = malloc(size + 1);

	if (copy == NULL)
		return 0;
	memcpy(copy, data, size);
	copy[size] = '\0'; /* as struct buf has it */
	errors_text(copy, size, buf);
	free(copy);
	if (strnlen(buf, sizeof(buf)) == sizeof(buf))
		abort();
	for (const char *at = buf; *at != '\0'; at++) {
		if (*at < ' ' || *at >= 0x7f)
			abort();
	}
	return 0;
}
