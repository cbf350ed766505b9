#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "kern/mount/fsconfig.h"
#include "kern/mount/mount.h"
#include "kern/uapi.h"

/*
 * One superblock for all mounts (of a namespace, for some): its flags are not one mount's affair.
 */
static const char *const fs_shared[] = {
	"binfmt_misc", "cgroup", "cgroup2", "configfs",   "debugfs",   "devtmpfs", "efivarfs",
	"fusectl",     "mqueue", "pstore",  "securityfs", "selinuxfs", "sysfs",    "tracefs",
};

static bool fs_is_shared(const char *type)
{
	for (size_t i = 0; i < sizeof(fs_shared) / sizeof(fs_shared[0]); i++)
		if (strcmp(type, fs_shared[i]) == 0)
			return true;
	return false;
}

/* "i_version" is a filesystem's own word; those without it refuse. */
static const struct {
	uint32_t flag;
	const char *name;
} fs_flags[] = {
	{MS_SYNCHRONOUS, "sync"},  {MS_DIRSYNC, "dirsync"},     {MS_MANDLOCK, "mand"},
	{MS_LAZYTIME, "lazytime"}, {MS_I_VERSION, "i_version"},
};

static int fs_set_flags(int fs, const char *type, uint32_t sb_flags, uint64_t attr, struct err *err)
{
	int rc = 0;

	if ((attr & MOUNT_ATTR_RDONLY) && !fs_is_shared(type))
		rc = fsconfig_set(fs, "ro", NULL, err);
	for (size_t i = 0; rc == 0 && i < sizeof(fs_flags) / sizeof(fs_flags[0]); i++)
		if (sb_flags & fs_flags[i].flag)
			rc = fsconfig_set(fs, fs_flags[i].name, NULL, err);
	return rc;
}

int mount_fs_create(const char *type, const char *source, const char *data, uint32_t sb_flags,
		    uint64_t attr, struct err *err)
{
	auto_fd fs = fsconfig_open(type, err);
	if (fs < 0)
		return fs;

	int rc = 0;
	if (source != NULL && source[0] != '\0')
		rc = fsconfig_set(fs, "source", source, err);
	if (rc == 0)
		rc = fs_set_flags(fs, type, sb_flags, attr, err);
	if (rc == 0 && data != NULL)
		rc = fsconfig_set_list(fs, data, err);
	if (rc < 0)
		return err_wrap(err, rc, "filesystem '%s'", type);
	return fsconfig_mount(fs, type, attr, err);
}

int mount_fs_create_with(const char *type, const char *source, const struct mount_options *options,
			 struct err *err)
{
	return mount_fs_create(type, source, options->data, options->sb_flags, options->attr_set,
			       err);
}
