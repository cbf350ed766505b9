/* The kernel's accounts: whatever a line holds, the lists keep their bounds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kern/cgroup/account.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cgroup_io_list bytes, operations;
	struct cgroup_key keys[4];
	struct cgroup_pressure pressure = {.known = false};
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	bytes.count = operations.count = 0;
	cgroup_parse_io_v1(text, &bytes);
	cgroup_parse_io_v2(text, &bytes, &operations);
	cgroup_parse_pressure(text, &pressure);
	if (cgroup_parse_keys(text, keys, 4) > 4 || bytes.count > CGROUP_IO_ENTRIES_MAX ||
	    operations.count > CGROUP_IO_ENTRIES_MAX)
		abort();
	free(text);
	return 0;
}
