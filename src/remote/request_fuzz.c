/* Any message of corten-image's: what is taken becomes a path of nothing but a digest. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "remote/fetch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_request request;

	if (size < sizeof(request))
		return 0;
	memcpy(&request, data, sizeof(request));
	if (!fetch_request_valid(&request))
		return 0;
	if (strnlen(request.hex, sizeof(request.hex)) !=
		    (request.ask == WIRE_ASK_INDEX || request.ask == WIRE_ASK_TAGS ? 0 : 64) ||
	    strspn(request.hex, "0123456789abcdef") != strlen(request.hex))
		abort();
	return 0;
}
