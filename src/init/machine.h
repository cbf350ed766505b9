/*
 * machine.h - what a machine's PID 1 prepares before anything else can run.
 *
 * Purpose    One function a step. Each can be repeated: what is there already is left alone.
 * Errors     struct err; whoever calls tells the console and goes on, for a machine that came up in
 *            part can still be looked at.
 */
#ifndef CORTEN_INIT_MACHINE_H
#define CORTEN_INIT_MACHINE_H

#include <stdbool.h>

#include "base/err.h"

/*
 * pivot_root(2) refuses a process whose root is the kernel's own first mount, as in an initramfs.
 * Moves into a bind mount of it. Nothing to do on another root.
 */
int machine_leave_initramfs(struct err *err);

/* proc, sys, dev, run, tmp, and what is beneath; cgroup2. Tries all; err tells the first failure. */
int machine_mount(struct err *err);

/* Loads the modules that the file `list` names, one path a line. No file: nothing to do. */
int machine_load_modules(const char *list, struct err *err);

int machine_raise_loopback(struct err *err);

/* The hostname from the file `path`. No file: nothing to do. */
int machine_set_hostname(const char *path, struct err *err);

/* Lets what is started have many open files. */
int machine_raise_limits(struct err *err);

/* Arms the watchdog. Returns its descriptor; ERR_NOT_FOUND without one. */
int machine_watchdog_open(int timeout_s, struct err *err);
void machine_watchdog_keep(int fd);

/* Syncs and ends the machine; returns only on failure. */
int machine_end(bool restart, struct err *err);

#endif
