/* filter.h - a container's seccomp profile as a program, cached beneath the runtime's --root. */
#ifndef CORTEN_RUNTIME_FILTER_H
#define CORTEN_RUNTIME_FILTER_H

#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"

struct filter {
	char *insns; /* in the arena; NULL: no filter */
	uint32_t count;
	uint32_t flags;
	const char *listener_path;     /* NULL: no rule notifies; else the agent's socket */
	const char *listener_metadata; /* NULL: none */
};

/* text: linux.seccomp as it stands in config.json (len 0: none). */
int filter_prepare(const struct json_text *text, int root_fd, struct arena *arena,
		   struct filter *ret_filter, struct err *err);

#endif
