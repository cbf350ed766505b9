/* Checkpoints are not built yet; their names are taken so that it is said clearly. */
#include "runtime/command/command.h"

struct checkpoint_values {
	bool help;
};

static const struct option options[] = {OPTION_HELP(struct checkpoint_values)};

static int checkpoint_run(const struct command_globals *globals, void *values, int argc,
			  char **argv, struct err *err)
{
	(void)globals;
	(void)values;
	(void)argc;
	(void)argv;
	return err_set(err, ERR_UNSUPPORTED, 0,
		       "checkpoint and restore are not built yet; 'features' does not claim them");
}

const struct command command_checkpoint = {
	.name = "checkpoint",
	.operands = "[ARGUMENT...]",
	.summary = "not built yet: refused",
	.options = options,
	.option_count = 1,
	.values_size = sizeof(struct checkpoint_values),
	.operands_max = -1,
	.options_until = COMMAND_HELP_ALONE,
	.run = checkpoint_run,
};

const struct command command_restore = {
	.name = "restore",
	.operands = "[ARGUMENT...]",
	.summary = "not built yet: refused",
	.options = options,
	.option_count = 1,
	.values_size = sizeof(struct checkpoint_values),
	.operands_max = -1,
	.options_until = COMMAND_HELP_ALONE,
	.run = checkpoint_run,
};
