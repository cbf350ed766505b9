/*
 * output.h - a file or folder that a command writes, which shows under its name only when it is whole.
 *
 * Purpose    A file without a name where the filesystem can, else one with a temporary name beside it; a
 *            folder always with a temporary name. A process that does nothing but wait removes what has a
 *            temporary name when this one ends before output_commit(), however it ends. What is no regular file (a pipe, a terminal, /dev/null)
 *            is written to as it is.
 * Ownership  output_open() and output_done(), which removes what output_commit() did not name.
 * Errors     Name the path.
 */
#ifndef CORTEN_ENGINE_OUTPUT_H
#define CORTEN_ENGINE_OUTPUT_H

#include <limits.h>
#include <stdbool.h>

#include "base/err.h"

struct output {
	int fd; /* to write to, or the folder */
	/* Internal. */
	int parent_fd; /* FD_NONE: there is no name to give */
	bool folder;
	char name[NAME_MAX + 1]; /* beneath the parent */
	int keeper_fd;           /* closed without a word: what is temporary goes */
	int keeper_pid;
	char temporary[32]; /* "": the file has no name yet */
};

/* path NULL or "-": stdout, refused when it is a terminal. */
int output_open(struct output *output, const char *path, bool folder, struct err *err);

/* Synced, then named. An empty folder of the name is replaced, another one is ERR_CONFLICT. */
int output_commit(struct output *output, struct err *err);
void output_done(struct output *output);

#endif
