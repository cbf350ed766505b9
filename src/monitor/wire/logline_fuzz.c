/* Any bytes can be logged and read back; any record is refused or read. */
#include <stdlib.h>

#include "monitor/wire/logline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct logline line = {LOGLINE_STDERR, 1767323045123456789};
	struct err err;
	BUF_AUTO(record, LOGLINE_ENCODED_MAX);
	BUF_AUTO(text, 3 * LOGLINE_MAX);
	BUF_AUTO(other, 3 * LOGLINE_MAX);

	(void)logline_decode((const char *)data, size, &line, &other, &err);
	if (size > LOGLINE_MAX)
		return 0;
	line = (struct logline){LOGLINE_STDERR, 1767323045123456789};
	logline_encode(&line, (const char *)data, size, &record);
	if (logline_decode(record.data, record.len, &line, &text, &err) < 0 || text.len < size)
		abort();
	return 0;
}
