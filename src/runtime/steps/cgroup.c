/* Makes and limits the cgroup on the host's side; enters it on the container's. */
#include <errno.h>
#include <string.h>

#include "kern/cgroup/limits.h"
#include "runtime/resources.h"
#include "runtime/steps/steps.h"
#include "runtime/sync.h"

#define CGROUP_REMOVE_TIMEOUT_MS 2000

/*
 * Whether the rules forbid to make a node that linux.devices may want: the default rules, which come
 * last, allow making all of them where nothing is allowed but by a rule.
 */
bool step_rules_deny_nodes(const struct start *start)
{
	const struct oci_resources *resources = start->config->linux->resources;
	bool open = false, denied = false;

	if (resources == NULL || step_has_userns(start))
		return false; /* there, nodes are bound and not made */
	for (size_t i = 0; i < resources->devices.count; i++) {
		const struct oci_device_rule *rule = &resources->devices.items[i];
		char type = rule->type != NULL ? rule->type[0] : 'a';
		if (type == 'a' || type == '\0') {
			open = rule->allow;
			denied = false;
		} else if (open && !rule->allow &&
			   (rule->access == NULL || rule->access[0] == '\0' ||
			    strchr(rule->access, 'm') != NULL)) {
			denied = true;
		}
	}
	return denied;
}

static void cgroup_tell(struct start *start, uint32_t warnings)
{
	for (uint32_t bit = 1; bit != 0 && bit <= warnings; bit <<= 1)
		if (warnings & bit)
			start_warn(start, "%s", cgroup_warning_text((enum cgroup_warning)bit));
}

/* --cgroup-manager disabled: the container stays where the caller is, and cannot be limited there. */
static int cgroup_stay(struct start *start, struct err *err)
{
	const struct oci_resources *resources = start->config->linux->resources;
	struct cgroup_limits limits;
	int rc = resources_convert(resources, &start->container.arena, &limits, err);

	if (rc < 0)
		return rc;
	const char *field = cgroup_limits_asked(&limits);
	if (field != NULL)
		return err_set(err, ERR_INVALID, 0,
			       "linux.resources.%s: no limit can be set without a cgroup; take it "
			       "out, or do not give --cgroup-manager disabled",
			       field);
	if (resources != NULL && resources->devices.count > 0)
		start_warn(start, "devices are not filtered: --cgroup-manager disabled");
	return 0;
}

/* Writes down which hierarchies have the cgroup, some having been left out. */
static void cgroup_keep_made(struct start *start)
{
	start->cgroup_dir_count = 0;
	for (size_t i = 0; i < start->cgroup_host.count; i++) {
		const char *dir = cgroup_dir(&start->cgroup, i);
		if (dir[0] != '\0')
			start->cgroup_dirs[start->cgroup_dir_count++] =
				arena_strndup(&start->container.arena, dir, strlen(dir));
	}
	start->container.record.cgroup_paths.count = start->cgroup_dir_count;
}

/* denial: why some hierarchies were left out, or NULL. */
static int cgroup_limit(struct start *start, const struct err *denial, struct err *err)
{
	struct cgroup_limits limits;
	uint32_t warnings = 0;
	int rc = resources_convert(start->config->linux->resources, &start->container.arena,
				   &limits, err);

	if (rc < 0)
		return rc;
	start->devices_first = step_rules_deny_nodes(start);
	/* The kernel takes its time to check a program: meanwhile the first process is at work. */
	start->devices_beside =
		denial == NULL && cgroup_host_find(&start->cgroup_host, CGROUP_DEVICES) < 0;
	/* Those that are left out may be the devices'. */
	if (start->devices_first || start->devices_beside ||
	    (denial != NULL && !step_cgroup_is_privileged(start)))
		limits.device_count = 0;
	rc = cgroup_apply(&start->cgroup, &limits, &warnings, err);
	if (rc < 0 && denial != NULL && err->kind == ERR_UNSUPPORTED) {
		const char *asked = cgroup_limits_asked(&limits);
		return step_cgroup_refuse(asked != NULL ? asked : "devices", denial, err);
	}
	if (rc == 0)
		rc = cgroup_entry_open(&start->cgroup, NULL, &start->cgroup_entry, err);
	if (rc == 0)
		cgroup_tell(start, warnings);
	return rc;
}

int step_cgroup_create(struct start *start, struct err *err)
{
	struct err denial, why;

	if (start->systemd != NULL)
		return step_systemd_start(start, err);
	if (start->options->cgroups == START_CGROUP_DISABLED)
		return cgroup_stay(start, err);
	if (start->cgroup_dir_count == 0)
		return step_cgroup_do_without(start, &start->cgroup_denial, err);
	int denied = cgroup_create_allowed(&start->cgroup, &denial, err);
	if (denied < 0)
		return denied; /* it may be another's: nothing of ours is in it */
	if (denied > 0)
		cgroup_keep_made(start);
	if (start->cgroup_dir_count == 0)
		return step_cgroup_do_without(start, &denial, err);
	int rc = cgroup_limit(start, denied > 0 ? &denial : NULL, &why);
	if (rc == 0)
		return 0;
	step_cgroup_remove(start);
	/* It was there, but may not be written: mounted read-only, or another's. */
	if (rc == -EROFS || (cgroup_is_denial(rc) && !step_cgroup_is_privileged(start)))
		return step_cgroup_do_without(start, &why, err);
	*err = why;
	return rc;
}

/* The process waits, and nothing of the user's has run, until the rules hold. */
int step_device_rules_apply(struct start *start, struct err *err)
{
	struct cgroup_limits limits;
	uint32_t warnings = 0;

	int rc = 0;

	if (!start->devices_first && !start->devices_beside)
		return 0;
	if (start->devices_first)
		rc = sync_await(start->sync_fds[0], SYNC_DEVICES, start->options->warn,
				start->options->log_context, err);
	if (rc == 0)
		rc = resources_convert(start->config->linux->resources, &start->container.arena,
				       &limits, err);
	if (rc < 0)
		return rc;
	struct cgroup_limits devices = {.devices = limits.devices,
					.device_count = limits.device_count};
	/* Beside, it is as fresh as the first time. */
	rc = start->devices_beside ? cgroup_apply(&start->cgroup, &devices, &warnings, err)
				   : cgroup_update(&start->cgroup, &devices, &warnings, err);
	if (rc < 0)
		return rc;
	cgroup_tell(start, warnings);
	return start->devices_first ? sync_send(start->sync_fds[0], SYNC_GO, NULL, err) : 0;
}

int step_device_rules_await(struct start *start, struct err *err)
{
	struct sync_message message;

	if (!start->devices_first)
		return 0;
	int rc = sync_send(start->sync_fds[1], SYNC_DEVICES, NULL, err);
	return rc < 0 ? rc : sync_receive(start->sync_fds[1], &message, err);
}

void step_cgroup_remove(struct start *start)
{
	struct err ignored;

	step_systemd_stop(start);
	if (start->cgroup_dir_count > 0)
		(void)cgroup_remove(start->cgroup_dirs, start->cgroup_dir_count,
				    CGROUP_REMOVE_TIMEOUT_MS, CGROUP_REMOVE_KILL, &ignored);
}

int step_cgroup_enter(struct start *start, struct err *err)
{
	return cgroup_enter_self(&start->cgroup_entry, err);
}
