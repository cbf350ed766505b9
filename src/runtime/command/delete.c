#include "runtime/command/command.h"
#include "runtime/control.h"

struct delete_values {
	bool help;
	bool force;
};

static const struct option options[] = {
	OPTION_HELP(struct delete_values),
	OPTION_ROW(struct delete_values, force, "force", 'f', OPTION_BOOL, NULL,
		   "kill it first; an absent container is no error"),
};

static int delete_run(const struct command_globals *globals, void *values_, int argc, char **argv,
		      struct err *err)
{
	const struct delete_values *values = values_;
	struct container container;
	int rc = values->force ? container_open_by(globals->root, argv[0], CONTAINER_FORCE_DELETE,
						   &container, err)
			       : container_open(globals->root, argv[0], &container, err);

	(void)argc;
	if (rc < 0)
		return values->force && err->kind == ERR_NOT_FOUND ? 0 : rc;
	rc = control_delete(&container, values->force, globals->warn, globals->log_context, err);
	container_close(&container);
	return rc;
}

const struct command command_delete = {
	.name = "delete",
	.operands = "ID",
	.summary = "remove a stopped container",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.values_size = sizeof(struct delete_values),
	.operands_min = 1,
	.operands_max = 1,
	.run = delete_run,
};
