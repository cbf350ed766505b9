#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/sync.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever a packet holds, what is accepted can be formatted within its bounds. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sync_message message;
	char text[600];

	memset(&message, 0, sizeof(message));
	memcpy(&message, data, size < sizeof(message) ? size : sizeof(message));
	if (sync_check(&message, size) < 0 && sync_check(&message, sizeof(message)) < 0)
		return 0;
	if (strlen(err_format(&message.err, text, sizeof(text))) >= sizeof(text))
		abort();
	return 0;
}
