#include <stdlib.h>

#include "runtime/command/command.h"
#include "runtime/control.h"

struct start_values {
	bool help;
};

static const struct option options[] = {OPTION_HELP(struct start_values)};

static int start_run(const struct command_globals *globals, void *values, int argc, char **argv,
		     struct err *err)
{
	const char *notify = getenv("NOTIFY_SOCKET");
	struct container container;
	int rc = container_open(globals->root, argv[0], &container, err);

	(void)values;
	(void)argc;
	if (rc < 0)
		return rc;
	rc = control_start(&container, notify != NULL && notify[0] != '\0' ? notify : NULL,
			   globals->warn, globals->log_context, err);
	container_close(&container);
	return rc;
}

const struct command command_start = {
	.name = "start",
	.operands = "ID",
	.summary = "let a created container's process run",
	.options = options,
	.option_count = 1,
	.values_size = sizeof(struct start_values),
	.operands_min = 1,
	.operands_max = 1,
	.run = start_run,
};
