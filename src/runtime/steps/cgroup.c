/* Makes and limits the cgroup on the host's side; enters it on the container's. */
#include "kern/cgroup/limits.h"
#include "runtime/resources.h"
#include "runtime/steps/steps.h"

#define CGROUP_REMOVE_TIMEOUT_MS 2000

int step_cgroup_create(struct start *start, struct err *err)
{
	struct cgroup_limits limits;
	uint32_t warnings = 0;
	int rc = cgroup_create(&start->cgroup, err);

	if (rc < 0)
		return rc; /* it may be another's: nothing of ours is in it */
	rc = resources_convert(start->config->linux->resources, &start->container.arena, &limits,
			       err);
	if (rc == 0)
		rc = cgroup_apply(&start->cgroup, &limits, &warnings, err);
	if (rc == 0)
		rc = cgroup_entry_open(&start->cgroup, NULL, &start->cgroup_entry, err);
	if (rc < 0) {
		step_cgroup_remove(start);
		return rc;
	}
	for (uint32_t bit = 1; bit != 0 && bit <= warnings; bit <<= 1)
		if (warnings & bit)
			start_warn(start, "%s", cgroup_warning_text((enum cgroup_warning)bit));
	return 0;
}

void step_cgroup_remove(struct start *start)
{
	struct err ignored;

	(void)cgroup_remove(start->cgroup_dirs, start->cgroup_dir_count, CGROUP_REMOVE_TIMEOUT_MS,
			    CGROUP_REMOVE_KILL, &ignored);
}

int step_cgroup_enter(struct start *start, struct err *err)
{
	return cgroup_enter_self(&start->cgroup_entry, err);
}
