/* Finds the bundle, reads its config.json and refuses what it must. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "runtime/config.h"
#include "runtime/steps/steps.h"

static int config_find_bundle(struct start *start, struct err *err)
{
	const char *bundle = start->options->bundle != NULL ? start->options->bundle : ".";
	char *absolute = realpath(bundle, NULL);

	if (absolute == NULL)
		return err_errno(err, "bundle '%s'", bundle);
	size_t len = strlen(absolute);
	if (len < sizeof(start->bundle))
		memcpy(start->bundle, absolute, len + 1);
	free(absolute);
	if (len >= sizeof(start->bundle))
		return err_set(err, ERR_INVALID, ENAMETOOLONG, "bundle '%s'", bundle);
	start->bundle_fd = openat(AT_FDCWD, start->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (start->bundle_fd < 0)
		return err_errno(err, "open the bundle '%s'", start->bundle);
	return 0;
}

int step_config_load(struct start *start, struct err *err)
{
	struct container *container = &start->container;
	int rc = config_find_bundle(start, err);

	if (rc < 0)
		return rc;
	const char *name = start->options->config != NULL ? start->options->config : "config.json";
	rc = fd_read_regular_at(start->bundle_fd, name, &container->config_text, err);
	if (rc < 0)
		return err_wrap(err, rc, "bundle '%s'", start->bundle);
	rc = config_parse(&container->config_text, &container->arena, &container->config, err);
	if (rc < 0)
		return err_wrap(err, rc, "%s/%s", start->bundle, name);
	start->config = &container->config;
	if (!start->options->wait_for_start && !config_has_process(start->config))
		return err_set(err, ERR_INVALID, 0,
			       "%s/config.json: process: missing; it may only be created",
			       start->bundle);
	return 0;
}
