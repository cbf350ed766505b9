/* Any message of a push: what is taken becomes a path of nothing but a digest, and a header of one line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "remote/put.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_put_request request;

	if (size < sizeof(request))
		return 0;
	memcpy(&request, data, sizeof(request));
	if (!put_request_valid(&request))
		return 0;
	size_t hex = strnlen(request.hex, sizeof(request.hex));
	size_t media = strnlen(request.media_type, sizeof(request.media_type));
	if ((hex != 64 && (hex != 0 || request.put != WIRE_PUT_BLOB)) ||
	    strspn(request.hex, "0123456789abcdef") != hex)
		abort();
	if (media == sizeof(request.media_type) ||
	    (media > 0) != (request.put >= WIRE_PUT_MANIFEST) ||
	    strpbrk(request.media_type, " \t\r\n:;\"") != NULL)
		abort();
	return 0;
}
