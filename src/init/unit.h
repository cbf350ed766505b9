/*
 * unit.h - a system container as a Quadlet `.container` file says it.
 *
 * Purpose    The [Container] section's Image, ContainerName, Exec, Volume, Environment, Network and
 *            ReadOnly become the arguments of `corten run`. Another key there is refused by name;
 *            other sections are for other readers.
 * Ownership  A unit's strings live in its own text: it must not be moved.
 * Errors     ERR_INVALID naming the file and the line.
 */
#ifndef CORTEN_INIT_UNIT_H
#define CORTEN_INIT_UNIT_H

#include <stddef.h>

#include "base/err.h"

#define UNIT_FILE_MAX 4096
#define UNIT_ARGS_MAX 64

struct unit {
	const char *name;                    /* ContainerName, or the file's name without its end */
	const char *argv[UNIT_ARGS_MAX + 1]; /* corten run --rm ... IMAGE ARGS, NULL at the end */
	size_t argc;
	char text[2 * UNIT_FILE_MAX]; /* what the pointers point into */
	size_t used;
};

/* program: the first argument. file_name: "web.container". */
int unit_parse(const char *program, const char *file_name, const char *text, size_t len,
	       struct unit *ret_unit, struct err *err);

#endif
