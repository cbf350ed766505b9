/* Whatever a host's ps writes: each line kept stands in the input. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/command/ps_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const pid_t pids[] = {1, 7, 42};
	BUF_AUTO(out, 1 << 20);
	struct err err;
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (ps_table_filter(text, pids, 3, &out, &err) == 0 && out.len > strlen(text) + 1)
		abort();
	free(text);
	return 0;
}
