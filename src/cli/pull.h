/*
 * pull.h - an image that a container shall be made of, fetched when `--pull` wants it.
 */
#ifndef CORTEN_CLI_PULL_H
#define CORTEN_CLI_PULL_H

#include "cli/command.h"

int pull_for(struct cli *cli, const struct engine_options *options, struct err *err);

#endif
