#include <signal.h>

#include "runtime/command/command.h"
#include "runtime/control.h"

struct kill_values {
	bool help;
	bool all;
};

static const struct option options[] = {
	OPTION_HELP(struct kill_values),
	OPTION_ROW(struct kill_values, all, "all", 'a', OPTION_BOOL, NULL,
		   "signal every process of the container"),
};

static int kill_run(const struct command_globals *globals, void *values_, int argc, char **argv,
		    struct err *err)
{
	const struct kill_values *values = values_;
	struct container container;
	int signal = SIGTERM;
	int rc = argc > 1 ? control_parse_signal(argv[1], &signal, err) : 0;

	if (rc < 0)
		return rc;
	rc = container_open_by(globals->root, argv[0],
			       signal == SIGKILL ? CONTAINER_FORCE_KILL : CONTAINER_FORCE_ASK,
			       &container, err);
	if (rc < 0)
		return rc;
	if (!container.killed)
		rc = control_kill(&container, signal, values->all, err);
	container_close(&container);
	return rc;
}

const struct command command_kill = {
	.name = "kill",
	.operands = "ID [SIGNAL]",
	.summary = "signal a container's first process (default TERM)",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.values_size = sizeof(struct kill_values),
	.options_until = 1,
	.operands_min = 1,
	.operands_max = 2,
	.run = kill_run,
};
