/*
 * resctrl.h - groups of the resctrl filesystem: shares of caches and of memory bandwidth (Intel RDT, AMD QoS).
 *
 * Purpose    Make, join and remove the group of a container, as linux.intelRdt asks.
 * Ownership  A plan points into what its maker gave; descriptors are the caller's, O_CLOEXEC.
 * Errors     ERR_UNSUPPORTED where no resctrl is mounted, ERR_NOT_FOUND for a class that should be
 *            there, ERR_CONFLICT for one with other shares. What the kernel says in
 *            info/last_cmd_status is in the text.
 * Limits     RESCTRL_TEXT_MAX bytes of schemata.
 * Heap       Only where mountinfo must be read.
 */
#ifndef CORTEN_KERN_RESCTRL_RESCTRL_H
#define CORTEN_KERN_RESCTRL_RESCTRL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

#define RESCTRL_PLACE    "/sys/fs/resctrl"
#define RESCTRL_NAME_MAX 255
#define RESCTRL_TEXT_MAX 16384
#define RESCTRL_PATH_MAX (2 * RESCTRL_NAME_MAX + 16)

/* What is asked for. Lines are without line breaks; NULL or "": none. */
struct resctrl_wish {
	const char *id;       /* the container's */
	const char *class_id; /* NULL: a class of its own, called id; "/": the default class */
	const char *l3;
	const char *bandwidth;
	const char *const *lines;
	size_t line_count;
	bool monitor; /* with a monitoring group of its own */
};

/* What it takes, relative to the root of the filesystem. */
struct resctrl_plan {
	char class_path[RESCTRL_PATH_MAX];   /* "." is the default class */
	char monitor_path[RESCTRL_PATH_MAX]; /* "": none */
	bool make_class;                     /* it is not there yet */
	bool remove_class;                   /* and goes with the container */
};

/* The root of the mounted filesystem: at its usual place, or where mountinfo says. */
int resctrl_open(struct err *err);

/* Finds the first resctrl mount in a text like /proc/self/mountinfo. 0, or -ENOENT. */
int resctrl_find_mount(const char *mountinfo, char *ret_path, size_t size);

/* Which groups these are, by their names alone. */
int resctrl_name(const struct resctrl_wish *wish, struct resctrl_plan *ret_plan, struct err *err);

/* The same, and what of it is there. Changes nothing. */
int resctrl_plan(int root, const struct resctrl_wish *wish, struct resctrl_plan *ret_plan,
		 struct err *err);

/*
 * Makes what the plan lacks and writes the schemata. Of a class that is there already the shares are compared
 * first. On failure what was made is removed.
 */
int resctrl_make(int root, const struct resctrl_wish *wish, const struct resctrl_plan *plan,
		 struct err *err);

/*
 * Writes other schemata for the class of a container that runs. A class that it shares with others changes for
 * them as well.
 */
int resctrl_update(int root, const struct resctrl_wish *wish, struct err *err);

/* Moves a process into the groups; pid 0: the caller. Its children are born there. */
int resctrl_join(int root, const struct resctrl_plan *plan, pid_t pid, struct err *err);

/* Removes a group by its path relative to the root. One that is gone is none to remove. */
int resctrl_remove(int root, const char *path, struct err *err);

/*
 * Whether the class's schemata hold a line: the same resource, and for each of its domains that the line names
 * the same value, whatever the order, blanks, and leading zeros.
 */
bool resctrl_holds(const char *schemata, const char *line);

#endif
