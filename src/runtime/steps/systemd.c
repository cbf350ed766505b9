/*
 * systemd's part of the cgroup: the unit's plan, its start and its end. A scope needs a process to start
 * with, and the container's first one is not there yet: a holder, which does nothing, stands in until
 * the first process has been born into the cgroup.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "kern/cgroup/limits.h"
#include "kern/cgroup/systemd.h"
#include "kern/ns/ns.h"
#include "kern/pidfd/pidfd.h"
#include "runtime/resources.h"
#include "runtime/steps/steps.h"

#define PROPERTY_PREFIX "org.systemd.property."

struct start_systemd {
	struct cgroup_systemd plan;
	struct dbus bus; /* closed once the unit runs */
	const char *description;
	struct cgroup_property *properties;
	size_t property_count;
	pid_t holder;
	int holder_fd;
};

/* The text of 'text', without the quotes, when it is that plain. */
static const char *systemd_unquote(struct arena *arena, const char *value)
{
	size_t len = strlen(value);

	if (len < 2 || (value[0] != '\'' && value[0] != '"') || value[len - 1] != value[0] ||
	    strchr(value, '\\') != NULL)
		return NULL;
	return arena_strndup(arena, value + 1, len - 2);
}

/* The description tells this unit from another of its name, also to a later `delete`. */
static int systemd_describe(struct start *start, struct start_systemd *systemd, struct err *err)
{
	struct arena *arena = &start->container.arena;
	const json_pairs *annotations = &start->config->annotations;
	char text[CONTAINER_ID_MAX + 128];

	(void)snprintf(text, sizeof(text), "Corten container %s, made %s", start->options->id,
		       start->container.record.created);
	systemd->description = arena_strndup(arena, text, strlen(text));
	systemd->properties =
		arena_alloc(arena, (annotations->count + 1) * sizeof(*systemd->properties));
	if (systemd->description == NULL || systemd->properties == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "the unit's properties");
	for (size_t i = 0; i < annotations->count; i++) {
		const char *name = str_after(annotations->items[i].key, PROPERTY_PREFIX);
		struct cgroup_property property = {name, annotations->items[i].value};
		if (name == NULL)
			continue;
		int rc = cgroup_property_check(&property, err);
		if (rc < 0)
			return err_wrap(err, rc, "annotation '%.100s'", annotations->items[i].key);
		if (strcmp(name, "Description") == 0) {
			systemd->description = systemd_unquote(arena, property.value);
			if (systemd->description == NULL)
				return err_set(err, ERR_INVALID, 0,
					       "annotation '" PROPERTY_PREFIX
					       "Description' is no plain text in quotes");
			continue;
		}
		systemd->properties[systemd->property_count++] = property;
	}
	return 0;
}

int step_systemd_plan(struct start *start, const char **ret_path, struct err *err)
{
	bool user = cgroup_systemd_is_user();
	struct start_systemd *systemd = arena_alloc(&start->container.arena, sizeof(*systemd));

	if (systemd == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "the unit's plan");
	systemd->holder_fd = FD_NONE;
	int rc = systemd_describe(start, systemd, err);
	if (rc == 0)
		rc = cgroup_systemd_open(user, &systemd->bus, err);
	if (rc < 0)
		return rc;
	start->systemd = systemd;
	rc = cgroup_systemd_plan(&systemd->bus, user, start->config->linux->cgroups_path,
				 start->options->id, &systemd->plan, err);
	if (rc < 0)
		return rc;
	start->container.record.systemd_unit = systemd->plan.unit;
	start->container.record.systemd_description = systemd->description;
	start->container.record.systemd_user = user;
	*ret_path = systemd->plan.path;
	return 0;
}

/* The holder: without descriptors, deaf to all signals but SIGKILL, gone when the runtime is. */
static void systemd_hold(pid_t parent)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)syscall(SYS_close_range, 0, ~0U, 0);
	while (getppid() == parent)
		(void)pause();
	_exit(0);
}

static int systemd_start_holder(struct start_systemd *systemd, struct err *err)
{
	pid_t parent = getpid();
	pid_t pid = ns_clone(0, FD_NONE, &systemd->holder_fd, err);

	if (pid == 0)
		systemd_hold(parent);
	systemd->holder = pid > 0 ? pid : 0;
	return pid < 0 ? err_wrap(err, pid, "start the process that holds the scope") : 0;
}

static int systemd_start_unit(struct start *start, const struct cgroup_limits *limits,
			      struct err *err)
{
	struct start_systemd *systemd = start->systemd;
	const struct cgroup_systemd_start how = {
		.plan = &systemd->plan,
		.description = systemd->description,
		.pid = systemd->holder,
		.limits = limits,
		.properties = systemd->properties,
		.property_count = systemd->property_count,
	};
	int rc = cgroup_systemd_start(&systemd->bus, &start->cgroup_host, &how, err);

	dbus_close(&systemd->bus); /* the container's side shall not find it open */
	return rc;
}

int step_systemd_start(struct start *start, struct err *err)
{
	struct start_systemd *systemd = start->systemd;
	struct cgroup_limits limits;
	uint32_t warnings = 0;
	int rc = resources_convert(start->config->linux->resources, &start->container.arena,
				   &limits, err);

	start->devices_first = step_rules_deny_nodes(start);
	if (start->devices_first)
		limits.device_count = 0; /* systemd has no words for such rules at all */
	if (rc == 0 && !systemd->plan.is_slice)
		rc = systemd_start_holder(systemd, err);
	if (rc == 0)
		rc = systemd_start_unit(start, &limits, err);
	if (rc < 0) {
		step_systemd_settle(start);
		return rc; /* what is there may be another's: nothing of ours is in it */
	}
	rc = cgroup_adopt(&start->cgroup, err);
	/* systemd knows not all of them, and rounds some. */
	if (rc == 0)
		rc = cgroup_apply(&start->cgroup, &limits, &warnings, err);
	if (rc == 0)
		rc = cgroup_entry_open(&start->cgroup, NULL, &start->cgroup_entry, err);
	if (rc < 0) {
		step_cgroup_remove(start);
		return rc;
	}
	/* To be born in it takes a right to both cgroups, and to what is above both. */
	if (step_systemd_attaches(start))
		fd_closep(&start->cgroup_entry.clone_fd);
	for (uint32_t bit = 1; bit != 0 && bit <= warnings; bit <<= 1)
		if (warnings & bit)
			start_warn(start, "%s", cgroup_warning_text((enum cgroup_warning)bit));
	return 0;
}

bool step_systemd_attaches(const struct start *start)
{
	return start->systemd != NULL && start->systemd->plan.user;
}

int step_systemd_attach(struct start *start, struct err *err)
{
	const struct start_systemd *systemd = start->systemd;
	struct dbus bus;

	if (!step_systemd_attaches(start))
		return 0;
	int rc = cgroup_systemd_open(true, &bus, err);
	if (rc < 0)
		return rc;
	rc = cgroup_systemd_attach(&bus, systemd->plan.unit, start->pid, err);
	dbus_close(&bus);
	return rc;
}

void step_systemd_settle(struct start *start)
{
	struct start_systemd *systemd = start->systemd;
	struct err ignored;
	int status;

	if (systemd == NULL || systemd->holder <= 0)
		return;
	(void)pidfd_signal(systemd->holder_fd, SIGKILL, &ignored);
	(void)pidfd_wait(systemd->holder_fd, -1, &status, &ignored);
	fd_closep(&systemd->holder_fd);
	systemd->holder = 0;
}

void step_systemd_stop(struct start *start)
{
	struct start_systemd *systemd = start->systemd;
	struct dbus bus;
	struct err ignored;

	if (systemd == NULL)
		return;
	step_systemd_settle(start);
	if (cgroup_systemd_open(systemd->plan.user, &bus, &ignored) < 0)
		return;
	(void)cgroup_systemd_stop(&bus, systemd->plan.unit, systemd->description, &ignored);
	dbus_close(&bus);
}

void step_systemd_done(struct start *start)
{
	step_systemd_settle(start);
	if (start->systemd != NULL)
		dbus_close(&start->systemd->bus);
	start->systemd = NULL;
}
