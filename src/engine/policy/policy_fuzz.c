/* A profile in Docker's format: what comes out is the specification's and converts to itself. */
#include <stdlib.h>
#include <string.h>

#include "engine/policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct policy_host host = {.native = size % 2 == 0 ? SECCOMP_ARCH_X86_64
								 : SECCOMP_ARCH_AARCH64,
					 .kernel_major = 6,
					 .kernel_minor = 1,
					 .caps = size};
	BUF_AUTO(once, 8U << 20);
	BUF_AUTO(twice, 8U << 20);
	struct err err = {0};
	int rc = policy_file_convert((const char *)data, size, &host, &once, &err);

	if (rc <= 0 || once.len > POLICY_FILE_BYTES_MAX)
		return 0;
	if (policy_file_convert(once.data, once.len, &host, &twice, &err) != 1 ||
	    strcmp(once.data, twice.data) != 0)
		abort();
	return 0;
}
