/* linux.seccomp as text: what is taken is a program, or an error with words. */
#include <stdint.h>
#include <stdlib.h>

#include "base/fd.h"
#include "kern/seccomp/seccomp.h"
#include "runtime/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_text text = {(const char *)data, size};
	struct arena arena = ARENA_INIT(4 << 20);
	struct filter filter;
	struct err err = {0};

	if (size == 0)
		return 0;
	if (filter_prepare(&text, FD_NONE, &arena, &filter, &err) < 0) {
		if (err.kind == ERR_NONE)
			abort();
	} else if (filter.insns == NULL || filter.count == 0 || filter.count > SECCOMP_MAX_INSNS ||
		   ((filter.flags & SECCOMP_FLAG_NEW_LISTENER) != 0) !=
			   (filter.listener_path != NULL)) {
		abort();
	}
	arena_done(&arena);
	return 0;
}
