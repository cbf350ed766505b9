/* config.json: read, checked, its seccomp object read, written and read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oci/runtime_config.h"

#define DOCUMENT_MAX (16 << 20)

static void parse_seccomp(const struct oci_config *config, struct arena *arena)
{
	struct oci_seccomp seccomp;
	struct err err;

	if (config->linux == NULL || config->linux->seccomp.len == 0)
		return;
	(void)json_parse(&oci_seccomp_shape, config->linux->seccomp.text,
			 config->linux->seccomp.len, arena, &seccomp, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oci_config config, again;
	struct err err, second_err;
	ARENA_AUTO(arena, DOCUMENT_MAX);
	ARENA_AUTO(arena_again, 4 * DOCUMENT_MAX);
	BUF_AUTO(first, DOCUMENT_MAX);
	BUF_AUTO(second, DOCUMENT_MAX);

	if (json_parse(&oci_config_shape, (const char *)data, size, &arena, &config, &err) < 0)
		return 0;
	int checked = oci_config_check(&config, &err);
	parse_seccomp(&config, &arena);
	json_write(&oci_config_shape, &config, JSON_COMPACT, &first);
	if (first.failed)
		return 0;
	if (json_parse(&oci_config_shape, first.data, first.len, &arena_again, &again, &err) < 0)
		abort();
	if ((oci_config_check(&again, &second_err) < 0) != (checked < 0))
		abort();
	json_write(&oci_config_shape, &again, JSON_COMPACT, &second);
	if (!second.failed && strcmp(first.data, second.data) != 0)
		abort();
	return 0;
}
