/* The seccomp program: from the cache when the profile's text is known, compiled otherwise. */
#include "runtime/filter.h"
#include "runtime/steps/steps.h"

int step_seccomp_prepare(struct start *start, struct err *err)
{
	struct filter filter;
	int rc = filter_prepare(&start->config->linux->seccomp, start->container.root_fd,
				&start->container.arena, &filter, err);

	if (rc < 0)
		return rc;
	start->filter = filter.insns;
	start->filter_count = filter.count;
	start->filter_flags = filter.flags;
	return 0;
}
