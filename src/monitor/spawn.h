/*
 * spawn.h - starts the programs that a monitor needs: the runtime, and what follows an exit.
 *
 * Purpose    Children start by a vfork-like clone, with default signal dispositions and an empty
 *            signal mask, and with no descriptor but those named.
 * Ownership  The caller reaps the child.
 */
#ifndef CORTEN_MONITOR_SPAWN_H
#define CORTEN_MONITOR_SPAWN_H

#include <sys/types.h>

#include "base/err.h"
#include "base/json.h"

#define SPAWN_ARGS_MAX 64

/* An argument list under construction; the strings are the caller's. */
struct spawn_args {
	const char *items[SPAWN_ARGS_MAX + 1];
	size_t count;
	bool full;
};

void spawn_args_add(struct spawn_args *args, const char *arg);
void spawn_args_add_all(struct spawn_args *args, const json_strings *list);

/* Starts args->items[0] with the three descriptors as stdio, and with keep_fd (or FD_NONE) under its own number. */
int spawn_start(const struct spawn_args *args, const int stdio[3], int keep_fd, pid_t *ret_pid,
		struct err *err);

/* Becomes the program; returns only on failure. */
int spawn_become(const struct spawn_args *args, struct err *err);

#endif
