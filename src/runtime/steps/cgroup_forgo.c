/*
 * Where no cgroup can be made (an ordinary user without delegation, a read-only or absent
 * /sys/fs/cgroup) the container runs without, unless something is asked for that needs one.
 */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <unistd.h>

#include "kern/cgroup/limits.h"
#include "runtime/resources.h"
#include "runtime/steps/steps.h"

bool step_cgroup_is_privileged(const struct start *start)
{
	return geteuid() == 0 && !step_has_userns(start) && !cgroup_in_user_namespace();
}

static bool cgroup_has_dev_mount(const struct start *start)
{
	for (size_t i = 0; i < start->config->mounts.count; i++)
		if (strcmp(start->config->mounts.items[i].destination, "/dev") == 0)
			return true;
	return false;
}

/*
 * Device rules that no cgroup enforces. A container that may make no nodes is held to them by a root whose
 * nodes cannot be used; one that may make them is not.
 */
static const char *cgroup_devices_asked(struct start *start)
{
	const struct oci_resources *resources = start->config->linux->resources;

	if (resources == NULL || resources->devices.count == 0 || !step_cgroup_is_privileged(start))
		return NULL;
	if ((start->caps.bounding >> CAP_MKNOD & 1) != 0 || !cgroup_has_dev_mount(start))
		return "devices";
	start->root_nodev = true;
	return NULL;
}

static const char *cgroup_remedy(const struct err *denial)
{
	if (denial->sys == EROFS)
		return "mount the cgroup hierarchies writable, or ask for no limit";
	if (cgroup_is_denial(-denial->sys))
		return "have a cgroup delegated to this user (systemd: systemd-run --user --scope "
		       "-p "
		       "Delegate=yes ...) and name one beneath it, or ask for no limit";
	return "mount cgroup2 on " CGROUP_ROOT ", or ask for no limit";
}

int step_cgroup_refuse(const char *field, const struct err *denial, struct err *err)
{
	char why[sizeof(denial->text)];

	return err_set(err, denial->kind, 0,
		       "linux.resources.%s: no control group can be made (%s): %s", field,
		       err_format(denial, why, sizeof(why)), cgroup_remedy(denial));
}

int step_cgroup_do_without(struct start *start, const struct err *denial, struct err *err)
{
	const struct oci_namespace *pid = oci_config_namespace(start->config, OCI_NS_PID);
	struct cgroup_limits limits;
	char why[sizeof(denial->text)];
	int rc = resources_convert(start->config->linux->resources, &start->container.arena,
				   &limits, err);

	if (rc < 0)
		return rc;
	if (start->options->needs_cgroup)
		return err_set(err, denial->kind, 0,
			       "no control group can be made (%s), and --rootless false wants one",
			       err_format(denial, why, sizeof(why)));
	const char *asked = cgroup_limits_asked(&limits);
	if (asked == NULL)
		asked = cgroup_devices_asked(start);
	if (asked != NULL)
		return step_cgroup_refuse(asked, denial, err);
	if (pid == NULL || (pid->path != NULL && pid->path[0] != '\0'))
		return err_set(
			err, ERR_DENIED, 0,
			"no control group can be made (%s): without one, the container needs "
			"a new PID namespace, or its processes could not be ended with it",
			err_format(denial, why, sizeof(why)));
	start->cgroup_dir_count = 0;
	start->devices_first = false;
	start->devices_beside = false;
	start->container.record.cgroup_paths = (json_strings){NULL, 0};
	start_warn(start, "the container runs without a control group: %s",
		   err_format(denial, why, sizeof(why)));
	return 0;
}

int step_cgroup_forgo(struct start *start, const struct err *denial, struct err *err)
{
	cgroup_entry_done(&start->cgroup_entry);
	step_cgroup_remove(start);
	return step_cgroup_do_without(start, denial, err);
}
