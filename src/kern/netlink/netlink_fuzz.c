/* A packet of answers, as whoever can write to the socket could make it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kern/netlink/device.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct device_addresses addresses;
	void *packet = malloc(size + 1); /* aligned, as a socket's buffer is */

	if (packet == NULL)
		return 0;
	memcpy(packet, data, size);
	addresses.index = 2;
	addresses.count = 0;
	(void)netlink_read_packet(packet, size, device_take_address, &addresses);
	for (size_t i = 0; i < addresses.count; i++)
		if (addresses.items[i].size != 4 && addresses.items[i].size != 16)
			abort();
	if (addresses.count > DEVICE_ADDRESSES_MAX)
		abort();
	free(packet);
	return 0;
}
