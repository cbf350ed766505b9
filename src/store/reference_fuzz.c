/* Any text: what parses must come back the same from its complete and its familiar form. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[1024];
	char full[REFERENCE_TEXT_MAX];
	char again[REFERENCE_TEXT_MAX];
	struct reference one, two;
	struct err err = {0};

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (reference_parse(text, &one, &err) < 0)
		return 0;
	if (reference_parse(reference_full(&one, full), &two, &err) < 0 ||
	    strcmp(full, reference_full(&two, again)) != 0)
		abort();
	return 0;
}
