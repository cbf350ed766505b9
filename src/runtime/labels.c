#include "runtime/labels.h"

#include "base/fd.h"
#include "kern/lsm/lsm.h"
#include "kern/proc/procfs.h"

static const char *labels_given(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

static int labels_check_apparmor(const char *profile, struct err *err)
{
	if (profile == NULL)
		return 0;
	if (!lsm_apparmor_is_enabled("/sys"))
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "process.apparmorProfile '%.128s': apparmor: config provided but "
			       "apparmor not supported by this kernel, or not enabled in it",
			       profile);
	return lsm_check_label(profile, "process.apparmorProfile", err);
}

static int labels_check_selinux(const char *context, const char *what, struct err *err)
{
	if (context == NULL)
		return 0;
	auto_fd proc = procfs_open_by(PROCFS_HOST, err);
	if (proc < 0)
		return proc;
	if (!lsm_selinux_is_enabled("/sys", proc))
		return err_set(err, ERR_UNSUPPORTED, 0,
			       "%s '%.128s': selinux label is specified in config, but selinux is "
			       "disabled or not supported",
			       what, context);
	return lsm_check_label(context, what, err);
}

int labels_resolve(const struct oci_process *process, const char *mount_label,
		   struct labels *ret_labels, struct err *err)
{
	struct labels labels = {
		.apparmor = labels_given(process->apparmor_profile),
		.selinux = labels_given(process->selinux_label),
		.proc_fd = FD_NONE,
	};
	int rc = labels_check_apparmor(labels.apparmor, err);

	if (rc == 0)
		rc = labels_check_selinux(labels.selinux, "process.selinuxLabel", err);
	if (rc == 0)
		rc = labels_check_selinux(labels_given(mount_label), "linux.mountLabel", err);
	if (rc == 0)
		*ret_labels = labels;
	return rc;
}

int labels_set_keyring(const struct labels *labels, int procfd, struct err *err)
{
	if (labels->selinux == NULL)
		return 0;
	int rc = procfs_write_at(procfd, "self/attr/keycreate", labels->selinux, err);
	return rc < 0 ? err_wrap(err, rc, "label the session keyring (process.selinuxLabel)") : 0;
}
