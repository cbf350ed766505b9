/*
 * systemd.h - the other driver: systemd makes a container's cgroup, as a transient scope or slice.
 *
 * Purpose    On hosts whose cgroup tree belongs to systemd: ask its manager for a unit, tell it the
 *            limits as properties, so that it keeps them over a daemon-reload, and ask it to stop
 *            the unit. Nothing of this runs unless a caller asks for it. Files of cgroups are then
 *            read and written as with the other driver: the unit is delegated.
 * Order      cgroup_systemd_plan, [write unit and description to the undo journal],
 *            cgroup_systemd_start, cgroup_adopt (cgroup.h), cgroup_apply, ..., cgroup_systemd_stop.
 *            A scope lives as long as a process is in it, so it starts with one (`pid`) that
 *            somebody keeps until the container's own is in.
 * Ownership  A struct cgroup_systemd is a plain value.
 * Errors     ERR_CONFLICT when a unit of that name is there; what systemd answers is passed on in its
 *            words; ETIMEDOUT when a job does not end.
 */
#ifndef CORTEN_KERN_CGROUP_SYSTEMD_H
#define CORTEN_KERN_CGROUP_SYSTEMD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "kern/cgroup/limits.h"
#include "kern/dbus/client.h"

#define CGROUP_UNIT_MAX 256 /* bytes of a unit's name, as systemd has it, NUL included */

struct cgroup_systemd {
	bool user;     /* of the user's own manager, not the system's */
	bool is_slice; /* else a scope */
	char unit[CGROUP_UNIT_MAX];
	char slice[CGROUP_UNIT_MAX]; /* the slice that it is in */
	char path[CGROUP_PATH_MAX];  /* "/a.slice/a-b.slice/x.scope", as cgroup_plan() takes it */
};

/* Whether the user's own manager is the one to ask: for all but the host's root. */
bool cgroup_systemd_is_user(void);

/* Connects to the manager's bus. */
int cgroup_systemd_open(bool user, struct dbus *ret_bus, struct err *err);

/*
 * What unit OCI's linux.cgroupsPath, "SLICE:PREFIX:NAME", asks for; NULL or "" is "::ID". Asks the
 * manager where its tree starts, and touches nothing.
 */
int cgroup_systemd_plan(struct dbus *bus, bool user, const char *cgroups_path, const char *id,
			struct cgroup_systemd *ret_plan, struct err *err);

/* The part of it that asks nobody; manager_path is "" for a manager at the top. */
int cgroup_systemd_parse(bool user, const char *cgroups_path, const char *id,
			 const char *manager_path, struct cgroup_systemd *ret_plan,
			 struct err *err);

/* "org.systemd.property.NAME": the name, and the value in the text form of GVariant. */
struct cgroup_property {
	const char *name;
	const char *value;
};

struct cgroup_systemd_start {
	const struct cgroup_systemd *plan;
	const char *description;                  /* tells this unit from another of its name */
	pid_t pid;                                /* for a scope */
	const struct cgroup_limits *limits;       /* become properties as far as there are any */
	const struct cgroup_property *properties; /* given last, so that they win */
	size_t property_count;
};

/* Starts the unit and waits until it is there. On failure there is none. */
int cgroup_systemd_start(struct dbus *bus, const struct cgroup_host *host,
			 const struct cgroup_systemd_start *how, struct err *err);

/*
 * Moves a process into the unit: what a user's manager can have done that the user may not do himself, when
 * the process is outside of his part of the tree.
 */
int cgroup_systemd_attach(struct dbus *bus, const char *unit, pid_t pid, struct err *err);

/* New limits of a unit that runs. */
int cgroup_systemd_update(struct dbus *bus, const struct cgroup_host *host, const char *unit,
			  const struct cgroup_limits *limits, struct err *err);

/*
 * Stops the unit and waits until it is gone, with all processes in it. A unit that is not there, or is
 * another (by its description), is fine and left alone.
 */
int cgroup_systemd_stop(struct dbus *bus, const char *unit, const char *description,
			struct err *err);

/* Whether systemd could take such a property: a good name, and a value that is understood. */
int cgroup_property_check(const struct cgroup_property *property, struct err *err);

#endif
