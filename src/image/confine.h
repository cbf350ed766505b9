/*
 * confine.h - what the program gives up before it reads the first hostile byte.
 *
 * Purpose    After confine() the process sees its own staging folder as "/" and nothing else: no host
 *            path, no network, no other process by name; it cannot mount, trace, execute or gain rights.
 *            It may still own files: the six capabilities that laying out a root filesystem takes.
 *            CAP_SYS_ADMIN is not among them: overlay's own attributes are set by the store.
 * Input      A folder is replaced by a read-only clone of its mount whose ".." leads nowhere; folders
 *            mounted below it are not seen.
 * Errors     ERR_DENIED without the right to make namespaces; ERR_UNSUPPORTED on too old kernels.
 */
#ifndef CORTEN_IMAGE_CONFINE_H
#define CORTEN_IMAGE_CONFINE_H

#include <stdbool.h>

#include "base/err.h"

struct confine_fds {
	int staging_fd; /* becomes "/" and is closed */
	int input_fd;   /* its number stays valid, as the output's */
	int output_fd; /* FD_NONE: none; a folder is replaced like the input, by a writable clone */
	bool input_detached; /* the input is a detached mount: its ".." leads nowhere as it is */
};

enum confine_input {
	CONFINE_ARCHIVE,
	CONFINE_SOCKET, /* connected already; none can be made or connected */
};

int confine(const struct confine_fds *fds, enum confine_input input, struct err *err);

/* The last part alone: no new rights, and only the system calls that unpacking takes. */
int confine_calls(enum confine_input input, struct err *err);

#endif
