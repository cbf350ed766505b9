#include "kern/lsm/lsm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/proc/procfs.h"

#define LSM_PATH_MAX      256
#define LSM_SELINUX_MAGIC 0xf97cff8cU

static int lsm_open(const char *sys, const char *path, int flags)
{
	char full[LSM_PATH_MAX];
	int len = snprintf(full, sizeof(full), "%s/%s", sys, path);

	if (len < 0 || (size_t)len >= sizeof(full))
		return FD_NONE;
	return open(full, flags | O_CLOEXEC);
}

bool lsm_apparmor_is_enabled(const char *sys)
{
	char answer = 'N';
	auto_fd shown = lsm_open(sys, "kernel/security/apparmor", O_PATH);
	auto_fd enabled = lsm_open(sys, "module/apparmor/parameters/enabled", O_RDONLY);

	return shown >= 0 && enabled >= 0 && fd_read_full(enabled, &answer, 1) == 1 &&
	       answer == 'Y';
}

bool lsm_selinux_is_initial(const char *context)
{
	return context[strspn(context, "\n")] == '\0' || strcmp(context, "kernel") == 0 ||
	       strcmp(context, "kernel\n") == 0;
}

bool lsm_selinux_is_enabled(const char *sys, int procfd)
{
	char context[LSM_LABEL_MAX];
	struct err ignored;
	struct statfs fs;
	auto_fd mounted = lsm_open(sys, "fs/selinux", O_PATH | O_DIRECTORY);

	if (mounted < 0 || fstatfs(mounted, &fs) < 0 || (uint32_t)fs.f_type != LSM_SELINUX_MAGIC ||
	    ((unsigned long)fs.f_flags & ST_RDONLY) != 0)
		return false;
	return procfs_read_at(procfd, "self/attr/current", context, sizeof(context), &ignored) >=
		       0 &&
	       !lsm_selinux_is_initial(context);
}

int lsm_check_label(const char *label, const char *what, struct err *err)
{
	size_t len = strlen(label);

	if (len > LSM_LABEL_MAX)
		return err_set(err, ERR_INVALID, ENAMETOOLONG, "%s '%.64s...': over %d bytes", what,
			       label, LSM_LABEL_MAX);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)label[i] < ' ' || label[i] == '"' || label[i] == 0x7f)
			return err_set(err, ERR_INVALID, EINVAL,
				       "%s '%.64s': a control character or a quote in it", what,
				       label);
	return 0;
}

int lsm_selinux_set_file(int fd, const char *context, struct err *err)
{
	if (fsetxattr(fd, "security.selinux", context, strlen(context), 0) < 0)
		return err_errno(err, "set the SELinux context '%.128s'", context);
	return 0;
}
