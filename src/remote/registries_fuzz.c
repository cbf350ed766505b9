/* Any registries.conf: every endpoint of a name is itself a name. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "remote/limits.h"
#include "remote/registries.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct registries *registries, const char *name)
{
	struct registries_endpoint endpoints[REGISTRIES_ENDPOINTS_MAX];
	struct reference reference, again;
	char full[REFERENCE_TEXT_MAX];
	size_t count = 0;
	struct err err = {0};

	if (reference_parse(name, &reference, &err) < 0)
		abort();
	if (registries_resolve(registries, &reference, endpoints, &count, &err) < 0)
		return;
	if (count == 0 || count > REGISTRIES_ENDPOINTS_MAX)
		abort();
	for (size_t i = 0; i < count; i++) {
		if (reference_parse(reference_full(&endpoints[i].reference, full), &again, &err) <
		    0)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ARENA_AUTO(arena, REMOTE_ARENA_BYTES_MAX);
	struct registries registries = {.arena = &arena};
	struct err err = {0};

	if (registries_parse(&registries, (const char *)data, size, "fuzz", &err) < 0)
		return 0;
	check(&registries, "box");
	check(&registries, "h.x/a/b:1");
	return 0;
}
