#include <stdint.h>
#include <stdlib.h>

#include "kern/pidfd/pidfd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text of /proc/PID/stat, in which a process chooses its own name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pidfd_stat stat;
	struct err err = {0};

	int rc = pidfd_parse_stat((const char *)data, size, &stat, &err);
	if ((rc == 0) != (err.kind == ERR_NONE) || (rc == 0 && stat.ppid < 0))
		abort();
	return 0;
}
