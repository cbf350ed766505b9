/* A registry's lists, whatever they hold: tags are tags, descriptors have digests. */
#include <stdint.h>
#include <stdlib.h>

#include "remote/limits.h"
#include "remote/referrers.h"
#include "remote/tags.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ARENA_AUTO(arena, REMOTE_ARENA_BYTES_MAX);
	referrers_list list = {0};
	json_strings tags = {0};
	struct err err = {0};

	if (tags_parse((const char *)data, size, 3, &arena, &tags, &err) >= 0) {
		if (tags.count > 3)
			abort();
		for (size_t i = 0; i < tags.count; i++) {
			if (!reference_is_tag(tags.items[i]))
				abort();
		}
	}
	if (referrers_parse((const char *)data, size, "a/b", true, &arena, &list, &err) < 0)
		return 0;
	for (size_t i = 0; i < list.count; i++) {
		if (oci_digest_check(list.items[i].digest, "", &err) < 0)
			abort();
	}
	return 0;
}
