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

#include "base/err.h"

/*
 * staging_fd becomes "/" and is closed. The descriptor numbers input_fd and output_fd (FD_NONE: there is
 * none) stay valid; an output folder is replaced in the same way, by a clone that can be written to.
 */
int confine(int staging_fd, int input_fd, int output_fd, struct err *err);

/* The last part alone: no new rights, and only the system calls that unpacking takes. */
int confine_calls(struct err *err);

#endif
