/*
 * payload.h - handing over to the stage: the last thing that the runtime's code does inside.
 */
#ifndef CORTEN_RUNTIME_PAYLOAD_H
#define CORTEN_RUNTIME_PAYLOAD_H

#include "base/json.h"
#include "kern/caps/caps.h"
#include "oci/process.h"
#include "runtime/filter.h"
#include "runtime/labels.h"
#include "runtime/stage/plan.h"

struct start;

/* What a process becomes; pointers stay the caller's. */
struct payload {
	const struct oci_process *process;
	const struct caps_sets *caps; /* NULL: leave */
	const char *path;             /* of the executable, inside */
	const struct filter *filter;
	struct labels labels;
	bool set_groups;
	bool linger; /* STAGE_LINGER */
	uint32_t preserve_fds;
	int stage_fd;
	int go_fd; /* FD_NONE: at once */
	int result_fd;
	int listener_fd; /* FD_NONE; else where the stage sends the filter's listener */
};

/*
 * Closes what the payload must not have and executes the stage. Descriptors 3 to 3 + preserve_fds - 1
 * pass on. Returns only on failure.
 */
int payload_execute(const struct payload *payload, struct err *err);

/* The same for the first process of a container: reports readiness, takes the go from the right place. */
int payload_stage(struct start *start, struct err *err);

#endif
