/* mountinfo holds paths that anyone may choose; schemata are the kernel's, and a line of the configuration. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kern/resctrl/resctrl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (resctrl_find_mount(text, path, sizeof(path)) == 0 &&
	    (path[0] == '\0' || strlen(path) >= sizeof(path)))
		abort();
	/* The text before the first '#' are schemata, the rest a line. */
	char *line = strchr(text, '#');
	if (line != NULL) {
		*line++ = '\0';
		(void)resctrl_holds(text, line);
	}
	free(text);
	return 0;
}
