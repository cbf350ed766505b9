#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "runtime/command/command.h"
#include "runtime/command/listing.h"
#include "runtime/container.h"

struct state_values {
	bool help;
};

static const struct option options[] = {OPTION_HELP(struct state_values)};

static int state_run(const struct command_globals *globals, void *values, int argc, char **argv,
		     struct err *err)
{
	struct container container;
	BUF_AUTO(out, CONFIG_BYTES_MAX);
	int rc = container_check_id(argv[0], err);

	(void)values;
	(void)argc;
	if (rc < 0)
		return rc;
	auto_fd root_fd = container_open_root(globals->root, false, err);
	if (root_fd == -ENOENT)
		return err_set(err, ERR_NOT_FOUND, 0, "container '%s' does not exist", argv[0]);
	if (root_fd < 0)
		return root_fd;
	rc = container_peek(root_fd, argv[0], &container, err);
	if (rc < 0)
		return rc;
	struct listing row = listing_of(&container);
	json_write(&listing_shape, &row, JSON_PRETTY, &out);
	buf_char(&out, '\n');
	container_close(&container);
	return command_print(&out, "the state", err);
}

const struct command command_state = {
	.name = "state",
	.operands = "ID",
	.summary = "show a container's state as JSON",
	.options = options,
	.option_count = 1,
	.values_size = sizeof(struct state_values),
	.operands_min = 1,
	.operands_max = 1,
	.run = state_run,
};
