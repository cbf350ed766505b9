#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "runtime/command/command.h"
#include "runtime/control.h"

struct update_values {
	bool help;
	const char *resources;
};

static const struct option options[] = {
	OPTION_HELP(struct update_values),
	OPTION_ROW(struct update_values, resources, "resources", 'r', OPTION_STRING, "FILE",
		   "the new limits as the specification's linux.resources (-: standard input)"),
};

static int update_read(const char *path, struct buf *text, struct err *err)
{
	if (strcmp(path, "-") == 0)
		return fd_read_all(STDIN_FILENO, "standard input", text, err);
	return fd_read_file_at(AT_FDCWD, path, text, err);
}

static int update_run(const struct command_globals *globals, void *values_, int argc, char **argv,
		      struct err *err)
{
	const struct update_values *values = values_;
	struct container container;
	struct oci_resources resources;
	BUF_AUTO(text, CONFIG_BYTES_MAX);

	(void)argc;
	if (values->resources == NULL)
		return err_set(err, ERR_INVALID, 0, "update needs --resources FILE");
	int rc = update_read(values->resources, &text, err);
	if (rc == 0)
		rc = container_open(globals->root, argv[0], &container, err);
	if (rc < 0)
		return rc;
	rc = json_parse(&oci_resources_shape, text.data != NULL ? text.data : "", text.len,
			&container.arena, &resources, err);
	if (rc < 0)
		rc = err_wrap(err, rc, "--resources '%s'", values->resources);
	else
		rc = control_update(&container, &resources, globals->warn, globals->warn_context,
				    err);
	container_close(&container);
	return rc;
}

const struct command command_update = {
	.name = "update",
	.operands = "ID",
	.summary = "change a container's resource limits",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.values_size = sizeof(struct update_values),
	.operands_min = 1,
	.operands_max = 1,
	.run = update_run,
};
