#include "runtime/command/command.h"
#include "runtime/control.h"

struct pause_values {
	bool help;
};

static const struct option options[] = {OPTION_HELP(struct pause_values)};

static int pause_or_resume(const struct command_globals *globals, const char *id, bool pause,
			   struct err *err)
{
	struct container container;
	int rc = container_open(globals->root, id, &container, err);

	if (rc < 0)
		return rc;
	rc = control_pause(&container, pause, err);
	container_close(&container);
	return rc;
}

static int pause_run(const struct command_globals *globals, void *values, int argc, char **argv,
		     struct err *err)
{
	(void)values;
	(void)argc;
	return pause_or_resume(globals, argv[0], true, err);
}

static int resume_run(const struct command_globals *globals, void *values, int argc, char **argv,
		      struct err *err)
{
	(void)values;
	(void)argc;
	return pause_or_resume(globals, argv[0], false, err);
}

const struct command command_pause = {
	.name = "pause",
	.operands = "ID",
	.summary = "freeze a container's processes",
	.options = options,
	.option_count = 1,
	.values_size = sizeof(struct pause_values),
	.operands_min = 1,
	.operands_max = 1,
	.run = pause_run,
};

const struct command command_resume = {
	.name = "resume",
	.operands = "ID",
	.summary = "thaw a paused container",
	.options = options,
	.option_count = 1,
	.values_size = sizeof(struct pause_values),
	.operands_min = 1,
	.operands_max = 1,
	.run = resume_run,
};
