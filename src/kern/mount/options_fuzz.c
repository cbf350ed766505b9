#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kern/mount/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Mount options of a configuration, one a line. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *options[64];
	size_t count = 0;
	char rest[128];
	struct mount_options parsed;
	struct err err = {0};
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	(void)memcpy(text, data, size);
	text[size] = '\0';
	for (char *line = text; line != NULL && count < 64;) {
		options[count++] = line;
		line = strchr(line, '\n');
		if (line != NULL)
			*line++ = '\0';
	}
	if (mount_options_parse(options, count, rest, sizeof(rest), &parsed, &err) == 0 &&
	    strlen(parsed.data) >= sizeof(rest))
		abort();
	free(text);
	return 0;
}
