/* Any text is refused or gives a configuration within its limits. */
#include <stdlib.h>

#include "monitor/wire/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ARENA_AUTO(arena, 1 << 20);
	struct monitor_config config;
	struct err err;

	if (monitor_config_parse((const char *)data, size, &arena, &config, &err) < 0)
		return 0;
	if (config.log_files == 0 || config.log_files > MONITOR_LOG_FILES_MAX ||
	    config.log_max_bytes == 0 || config.runtime[0] != '/')
		abort();
	return 0;
}
