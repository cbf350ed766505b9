/* Resource limits and the out-of-memory score of the payload. */
#include <inttypes.h>
#include <sys/resource.h>

#include "kern/proc/procfs.h"
#include "kern/rlimit/rlimit.h"
#include "runtime/limits.h"
#include "runtime/steps/steps.h"
#include "runtime/tune.h"

int limits_set(const struct oci_process *process, pid_t pid, bool clamp, limits_warn *warn,
	       void *context, struct err *err)
{
	for (size_t i = 0; i < process->rlimits.count; i++) {
		const struct oci_rlimit *limit = &process->rlimits.items[i];
		uint64_t soft = limit->soft, hard = limit->hard;
		if (clamp && rlimit_clamp((int)limit->type, &soft, &hard))
			warn(context, oci_rlimit_names[limit->type], hard);
		int rc = rlimit_set(pid, (int)limit->type, soft, hard, err);
		if (rc < 0)
			return err_wrap(err, rc, "process.rlimits[%zu]", i);
	}
	return 0;
}

static void limits_clamped(void *context, const char *name, uint64_t hard)
{
	start_warn(context,
		   "process.rlimits: %s lowered to %" PRIu64 ", the most that this host allows",
		   name, hard);
}

/* While the process still is the host's root: its /proc entries are root's, as it is undumpable. */
int step_oom_score_set(struct start *start, struct err *err)
{
	const int32_t *score = start->config->process->oom_score_adj;

	if (score == NULL || start->oom_score_set)
		return 0;
	auto_fd proc = procfs_open_by(PROCFS_HOST, err);
	return proc < 0 ? proc : procfs_set_oom_score_adj(proc, *score, err);
}

int step_process_tune(struct start *start, struct err *err)
{
	return tune_process(start->config->process, start->config->linux, err);
}

int step_limits_set(struct start *start, struct err *err)
{
	const struct oci_process *process = start->config->process;

	return limits_set(process, 0, start->options->clamp_rlimits, limits_clamped, start, err);
}
