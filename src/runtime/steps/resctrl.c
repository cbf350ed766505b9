/* The resctrl groups of linux.intelRdt: looked for before the journal, made after it, joined for the first process. */
#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "runtime/rdt.h"
#include "runtime/steps/steps.h"

static int resctrl_failed(int rc, struct err *err)
{
	return rc < 0 ? err_wrap(err, rc, "linux.intelRdt") : rc;
}

/* What the container is to have removed, the inner group first, for the journal. */
static int resctrl_note(struct start *start, struct err *err)
{
	struct arena *arena = &start->container.arena;
	const struct resctrl_plan *plan = start->resctrl;
	const char **paths = arena_alloc(arena, 2 * sizeof(*paths));
	size_t count = 0;

	if (paths == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "linux.intelRdt");
	if (plan->monitor_path[0] != '\0')
		paths[count++] = plan->monitor_path;
	if (plan->make_class && plan->remove_class)
		paths[count++] = plan->class_path;
	start->resctrl_paths = (json_strings){paths, count};
	return 0;
}

int step_resctrl_plan(struct start *start, struct err *err)
{
	const struct oci_intel_rdt *config = start->config->linux->intel_rdt;

	if (config == NULL)
		return 0;
	start->resctrl = arena_alloc(&start->container.arena, sizeof(*start->resctrl));
	if (start->resctrl == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "linux.intelRdt");
	struct resctrl_wish wish = rdt_wish(config, start->options->id);
	auto_fd root = resctrl_open(err);
	int rc = root < 0 ? root : resctrl_plan(root, &wish, start->resctrl, err);
	return rc < 0 ? resctrl_failed(rc, err) : resctrl_note(start, err);
}

int step_resctrl_make(struct start *start, struct err *err)
{
	if (start->resctrl == NULL)
		return 0;
	struct resctrl_wish wish = rdt_wish(start->config->linux->intel_rdt, start->options->id);
	auto_fd root = resctrl_open(err);
	int rc = root < 0 ? root : resctrl_make(root, &wish, start->resctrl, err);
	return resctrl_failed(rc, err);
}

void step_resctrl_remove(struct start *start)
{
	struct err ignored;

	(void)rdt_remove(&start->container.record, &ignored);
}

/* From the host, whose number of the process the filesystem takes. */
int step_resctrl_join(struct start *start, struct err *err)
{
	if (start->resctrl == NULL)
		return 0;
	auto_fd root = resctrl_open(err);
	int rc = root < 0 ? root : resctrl_join(root, start->resctrl, start->pid, err);
	return resctrl_failed(rc, err);
}
