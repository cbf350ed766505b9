#include <errno.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "kern/mount/fsconfig.h"
#include "kern/mount/internal.h"
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

/* The kernel's own words for a superblock's flags. dirsync has none for its absence. */
static const struct {
	uint32_t flag;
	const char *name;
	const char *absent;
} fs_flags[] = {
	{MS_SYNCHRONOUS, "sync", "async"},
	{MS_DIRSYNC, "dirsync", NULL},
	{MS_MANDLOCK, "mand", "nomand"},
	{MS_LAZYTIME, "lazytime", "nolazytime"},
};

/*
 * "i_version" is a word of the filesystems that have the choice. Others count always or never, and
 * mount(2) tells nobody: the flag is left out where it is unknown.
 */
static int fs_set_iversion(int fs, struct err *err)
{
	struct err why = {0};
	int rc = fsconfig_set(fs, "i_version", NULL, &why);

	if (rc < 0 && rc != -EINVAL)
		*err = why;
	return rc == -EINVAL ? 0 : rc;
}

static int fs_set_flags(int fs, uint32_t set, uint32_t clear, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(fs_flags) / sizeof(fs_flags[0]); i++) {
		if (set & fs_flags[i].flag)
			rc = fsconfig_set(fs, fs_flags[i].name, NULL, err);
		else if ((clear & fs_flags[i].flag) && fs_flags[i].absent != NULL)
			rc = fsconfig_set(fs, fs_flags[i].absent, NULL, err);
	}
	return rc == 0 && (set & MS_I_VERSION) ? fs_set_iversion(fs, err) : rc;
}

struct fs_request {
	const char *type;
	const char *source;
	const char *data;
	unsigned long flags;
};

static int fs_mount_privately(const void *what, struct err *err)
{
	const struct fs_request *request = what;

	/* Any folder will do; what is on top of it is seen by this process alone. */
	if (mount(request->source, "/proc", request->type, request->flags, request->data) < 0)
		return err_errno(err, "mount filesystem '%s'", request->type);
	return mount_tree_clone(AT_FDCWD, "/proc", 0, err);
}

int mount_fs_create_by_child(const char *type, const char *source, const char *data,
			     uint32_t sb_flags, uint64_t attr, struct err *err)
{
	struct fs_request request = {
		.type = type,
		.source = source != NULL ? source : type,
		.data = data,
		.flags = sb_flags | mount_attr_to_ms(attr),
	};

	return mount_make_in_child(fs_mount_privately, &request, err);
}

int mount_fs_create(const char *type, const char *source, const char *data, uint32_t sb_flags,
		    uint64_t attr, struct err *err)
{
	if (data != NULL && !fsconfig_list_fits(data))
		return mount_fs_create_by_child(type, source, data, sb_flags, attr, err);
	auto_fd fs = fsconfig_open(type, err);
	if (fs < 0)
		return fs;

	int rc = 0;
	if (source != NULL && source[0] != '\0')
		rc = fsconfig_set(fs, "source", source, err);
	if (rc == 0 && (attr & MOUNT_ATTR_RDONLY) && !fs_is_shared(type))
		rc = fsconfig_set(fs, "ro", NULL, err);
	if (rc == 0)
		rc = fs_set_flags(fs, sb_flags, 0, err);
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

/* The part of a remount that concerns the superblock, which may have other mounts. */
static int fs_reconfigure(int fd, const struct mount_options *options, bool writable,
			  struct err *err)
{
	auto_fd fs = uapi_fspick(fd, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);

	if (fs < 0)
		return err_errno(err, "open the filesystem to configure it anew");
	int rc = writable ? fsconfig_set(fs, "rw", NULL, err) : 0;
	if (rc == 0)
		rc = fs_set_flags(fs, options->sb_flags, options->sb_clear, err);
	if (rc == 0)
		rc = fsconfig_set_list(fs, options->data, err);
	return rc < 0 ? rc : fsconfig_reconfigure(fs, err);
}

int mount_remount(int fd, const struct mount_options *options, struct err *err)
{
	uint32_t known = MS_SYNCHRONOUS | MS_DIRSYNC | MS_MANDLOCK | MS_LAZYTIME | MS_I_VERSION;
	bool configure =
		options->data[0] != '\0' || ((options->sb_flags | options->sb_clear) & known) != 0;
	struct statfs fs;
	int rc = mount_set_attr(fd, options->attr_set, options->attr_clear, 0, false, err);

	if (rc == 0)
		rc = mount_set_attr(fd, options->rec_attr_set, options->rec_attr_clear, 0, true,
				    err);
	if (rc < 0 || options->bind)
		return rc < 0 ? rc : mount_set_propagation(fd, options, err);
	/* "rw" of a filesystem that was itself made read-only. */
	bool writable = (options->attr_clear & MOUNT_ATTR_RDONLY) != 0 && fstatfs(fd, &fs) == 0 &&
			(fs.f_flags & 1 /* ST_RDONLY */) != 0;
	if (configure || writable)
		rc = fs_reconfigure(fd, options, writable, err);
	return rc < 0 ? rc : mount_set_propagation(fd, options, err);
}

int mount_fs_attach(const char *type, const char *source, const struct mount_options *options,
		    int targetfd)
{
	unsigned long flags = options->sb_flags | mount_attr_to_ms(options->attr_set);
	bool plain = options->rec_attr_set == 0 && options->rec_attr_clear == 0 &&
		     options->sb_clear == 0 && options->propagation_count == 0;

	if (!plain || ((options->attr_set & MOUNT_ATTR_RDONLY) && fs_is_shared(type)))
		return -EOPNOTSUPP;
	if (fchdir(targetfd) < 0 || mount(source, ".", type, flags, options->data) < 0)
		return -errno;
	return 0;
}

int mount_fs_attach_name(const char *type, const char *source, const char *data, uint64_t attr,
			 const char *name)
{
	return mount(source, name, type, mount_attr_to_ms(attr), data) < 0 ? -errno : 0;
}
