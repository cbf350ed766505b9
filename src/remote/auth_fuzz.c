/* Any file of passwords, any helper's answer: a name never comes without its password, a helper never as a path. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "remote/auth.h"
#include "remote/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ARENA_AUTO(arena, REMOTE_ARENA_BYTES_MAX);
	struct auth auth = {0};
	struct err err = {0};

	if (auth_parse((const char *)data, size, "docker.io/library/box", &arena, &auth, &err) ==
	    0) {
		if ((auth.user != NULL && auth.password == NULL) ||
		    (auth.helper != NULL && strchr(auth.helper, '/') != NULL))
			abort();
	}
	auth = (struct auth){0};
	if (auth_parse_helper((const char *)data, size, &arena, &auth, &err) == 0 &&
	    (auth.user == NULL || auth.password == NULL))
		abort();
	return 0;
}
