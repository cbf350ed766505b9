/*
 * confirm.h - the question before something is removed, in Docker's words.
 */
#ifndef CORTEN_CLI_CONFIRM_H
#define CORTEN_CLI_CONFIRM_H

#include <stdbool.h>

/* "WARNING! ... Are you sure you want to continue? [y/N] "; anything but y, on stdin, is no. */
bool confirm(const char *warning);

#endif
