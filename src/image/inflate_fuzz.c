/* Any bytes as a packed stream, in windows of a size that the input chooses. */
#include "image/inflate.h"
#include "image/testing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct inflate *inflate;
	struct err err = {0};

	if (size < 1)
		return 0;
	struct memory_stream memory = memory_stream(data + 1, size - 1, (size_t)data[0] * 8 + 1);
	if (inflate_new(&memory.stream, NULL, 16 << 20, &inflate, &err) < 0)
		return 0;
	(void)stream_drain(inflate_stream(inflate), &err);
	inflate_free(inflate);
	return 0;
}
