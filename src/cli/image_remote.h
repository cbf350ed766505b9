/*
 * image_remote.h - images in registries, named docker://NAME, without pulling them.
 */
#ifndef CORTEN_CLI_IMAGE_REMOTE_H
#define CORTEN_CLI_IMAGE_REMOTE_H

#include "cli/command.h"

#define REMOTE_SCHEME "docker://"

struct remote_inspect {
	struct engine_access access;
	const char *platform;
	bool raw;
	bool config;
	bool no_tags;
};

/* name: without the scheme. format: NULL, "json" or a template. */
int image_remote_inspect(struct cli *cli, const struct remote_inspect *v, const char *format,
			 const char *name, struct err *err);

/* ERR_INVALID when an option is given that images of this machine have no use for. */
int image_remote_check_unused(const struct remote_inspect *v, struct err *err);

#endif
