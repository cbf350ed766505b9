/* Any packet is refused or survives encoding and decoding again. */
#include <stdlib.h>
#include <string.h>

#include "monitor/wire/attach.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t once[ATTACH_MESSAGE_MAX], twice[ATTACH_MESSAGE_MAX];
	struct attach_message message;
	struct err err;

	if (attach_decode(data, size, &message, &err) < 0)
		return 0;
	size_t len = attach_encode(&message, once);
	if (len == 0 || attach_decode(once, len, &message, &err) < 0)
		abort();
	if (attach_encode(&message, twice) != len || memcmp(once, twice, len) != 0)
		abort();
	return 0;
}
