#include <fcntl.h>

#include "base/fd.h"
#include "runtime/command/command.h"
#include "runtime/command/create_options.h"
#include "runtime/start.h"

static const struct option options[] = {CREATE_OPTION_ROWS};

static int create_run(const struct command_globals *globals, void *values, int argc, char **argv,
		      struct err *err)
{
	struct start start;
	struct start_options how;
	int rc = create_options_convert(globals, values, argv[0], &how, err);

	(void)argc;
	if (rc < 0)
		return rc;
	how.wait_for_start = true;
	rc = start_create(&how, &start, err);
	if (rc == 0)
		start_done(&start);
	return rc;
}

const struct command command_create = {
	.name = "create",
	.operands = "ID",
	.summary = "make a container; its process waits for start",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.values_size = sizeof(struct create_values),
	.operands_min = 1,
	.operands_max = 1,
	.run = create_run,
};
