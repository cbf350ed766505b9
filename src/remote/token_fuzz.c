/* Any document of a token server: what comes out can stand in a header. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "remote/limits.h"
#include "remote/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ARENA_AUTO(arena, REMOTE_ARENA_BYTES_MAX);
	const char *token = NULL;
	struct err err = {0};

	if (token_parse((const char *)data, size, &arena, &token, &err) < 0)
		return 0;
	if (token[0] == '\0' || strpbrk(token, "\r\n \t") != NULL)
		abort();
	return 0;
}
