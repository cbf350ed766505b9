/*
 * /proc/PID/cgroup and /proc/self/mountinfo are the kernel's, but hold names that containers
 * choose.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kern/cgroup/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool exists(void *context, const char *name)
{
	return strcmp(name, "missing") != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cgroup_host host;
	struct err err;
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	/* The text before the first '#' is /proc/self/cgroup, the rest mountinfo. */
	char *mounts = strchr(text, '#');
	if (mounts != NULL)
		*mounts++ = '\0';
	for (int mode = CGROUP_MODE_V1; mode <= CGROUP_MODE_V2; mode++) {
		host.mode = (enum cgroup_mode)mode;
		if (cgroup_host_parse(&host, text, exists, NULL, &err) == 0 && mounts != NULL)
			(void)cgroup_host_parse_mounts(&host, mounts, &err);
	}
	free(text);
	return 0;
}
