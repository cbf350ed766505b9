/* Makes the default devices, those of the configuration, and the links that every /dev has. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/path.h"
#include "kern/mount/mount.h"
#include "runtime/steps/mount_util.h"
#include "runtime/steps/steps.h"

struct device {
	const char *path;
	mode_t mode; /* with S_IFCHR and its like */
	unsigned int major;
	unsigned int minor;
	uid_t uid;
	gid_t gid;
};

static const struct device default_devices[] = {
	{"/dev/null", S_IFCHR | 0666, 1, 3, 0, 0},    {"/dev/zero", S_IFCHR | 0666, 1, 5, 0, 0},
	{"/dev/full", S_IFCHR | 0666, 1, 7, 0, 0},    {"/dev/random", S_IFCHR | 0666, 1, 8, 0, 0},
	{"/dev/urandom", S_IFCHR | 0666, 1, 9, 0, 0}, {"/dev/tty", S_IFCHR | 0666, 5, 0, 0, 0},
};

static const struct {
	const char *target;
	const char *name;
} default_links[] = {
	{"/proc/self/fd", "fd"},       {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"},
	{"/proc/self/fd/2", "stderr"}, {"pts/ptmx", "ptmx"},         {"/proc/kcore", "core"},
};

/* A user namespace may not make nodes: the host's is bound instead. */
static int device_bind(struct start *start, const struct device *device, struct err *err)
{
	struct stat st;
	auto_fd tree = mount_tree_clone(AT_FDCWD, device->path, MOUNT_TREE_NOFOLLOW, err);

	if (tree < 0)
		return tree;
	if (fstat(tree, &st) < 0 || (st.st_mode & S_IFMT) != (device->mode & S_IFMT) ||
	    st.st_rdev != makedev(device->major, device->minor))
		return err_set(err, ERR_DENIED, 0, "the host's '%s' is not device %u:%u",
			       device->path, device->major, device->minor);
	auto_fd target = path_make_in_root(start->root_fd, device->path, PATH_FILE, 0644, err);
	if (target < 0)
		return target;
	return mount_attach(tree, target, err);
}

/* The folder that the last device went to; most go to the same. */
struct device_parent {
	int fd;
	char path[PATH_LENGTH_MAX];
};

/* Returns parent->fd, which stays the parent's. */
static int device_open_parent(struct start *start, struct device_parent *parent, const char *path,
			      const char **ret_name, struct err *err)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);

	if (slash == NULL || slash[1] == '\0' || len >= sizeof(parent->path))
		return err_set(err, ERR_INVALID, EINVAL, "device path '%s'", path);
	*ret_name = slash + 1;
	if (parent->fd >= 0 && strncmp(parent->path, path, len) == 0 && parent->path[len] == '\0')
		return parent->fd;
	fd_closep(&parent->fd);
	(void)snprintf(parent->path, sizeof(parent->path), "%.*s", (int)len, path);
	parent->fd = path_make_in_root(start->root_fd, parent->path, PATH_DIR, 0755, err);
	return parent->fd;
}

/* One that is there already must be the same device: an image may have planted another. */
static int device_check_existing(int parent, const char *name, const struct device *device,
				 struct err *err)
{
	struct stat st;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, "look at '%s'", device->path);
	if ((st.st_mode & S_IFMT) != (device->mode & S_IFMT) ||
	    (S_ISFIFO(st.st_mode) ? false : st.st_rdev != makedev(device->major, device->minor)))
		return err_set(err, ERR_DENIED, EEXIST,
			       "'%s' is in the image already, as something else", device->path);
	return 0;
}

static int device_make(struct start *start, struct device_parent *folder,
		       const struct device *device, struct err *err)
{
	const char *name = NULL;

	if (step_has_userns(start) && !S_ISFIFO(device->mode))
		return device_bind(start, device, err);
	int parent = device_open_parent(start, folder, device->path, &name, err);
	if (parent < 0)
		return parent;
	if (mknodat(parent, name, device->mode, makedev(device->major, device->minor)) < 0) {
		/* A runtime that is root of a user namespace alone may make no node either. */
		if (errno == EPERM && !S_ISFIFO(device->mode))
			return device_bind(start, device, err);
		if (errno != EEXIST)
			return err_errno(err, "make the device '%s'", device->path);
		return device_check_existing(parent, name, device, err);
	}
	if ((device->uid != 0 || device->gid != 0) &&
	    fchownat(parent, name, device->uid, device->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, "give the device '%s' to %u:%u", device->path, device->uid,
				 device->gid);
	return 0;
}

static mode_t device_type_of(const char *type)
{
	switch (type[0]) {
	case 'b':
		return S_IFBLK;
	case 'p':
		return S_IFIFO;
	default:
		return S_IFCHR;
	}
}

static int devices_of_config(struct start *start, struct device_parent *folder, struct err *err)
{
	const struct oci_linux *config = start->config->linux;

	for (size_t i = 0; i < config->devices.count; i++) {
		const struct oci_device *from = &config->devices.items[i];
		struct device device = {
			.mode = device_type_of(from->type) |
				(from->file_mode != NULL ? *from->file_mode & 07777 : 0666),
			.major = from->major != NULL ? (unsigned int)*from->major : 0,
			.minor = from->minor != NULL ? (unsigned int)*from->minor : 0,
			.uid = from->uid != NULL ? *from->uid : 0,
			.gid = from->gid != NULL ? *from->gid : 0,
		};
		char clean[PATH_LENGTH_MAX]; /* "/dev/x/" is "/dev/x", as to runc and crun */
		int rc = path_clean(from->path, clean, sizeof(clean));
		if (rc < 0)
			return err_set(err, ERR_INVALID, -rc, "linux.devices[%zu]: path '%s'", i,
				       from->path);
		device.path = clean;
		rc = device_make(start, folder, &device, err);
		if (rc < 0)
			return err_wrap(err, rc, "linux.devices[%zu]", i);
	}
	return 0;
}

/* A /dev bound from elsewhere is its owner's business. */
static bool devices_are_bound(const struct start *start)
{
	for (size_t i = 0; i < start->config->mounts.count; i++) {
		const struct oci_mount *mount = &start->config->mounts.items[i];
		char clean[PATH_LENGTH_MAX];
		if (path_clean(mount->destination, clean, sizeof(clean)) < 0 ||
		    strcmp(clean, "/dev") != 0)
			continue;
		if (mount_row_is_bind(mount))
			return true;
	}
	return false;
}

static int devices_link(struct start *start, struct device_parent *folder, struct err *err)
{
	const char *name;
	int dev = device_open_parent(start, folder, "/dev/ptmx", &name, err);

	if (dev < 0)
		return dev;
	for (size_t i = 0; i < sizeof(default_links) / sizeof(default_links[0]); i++) {
		int rc = symlinkat(default_links[i].target, dev, default_links[i].name);
		/* ptmx may be a node of the image's; it must lead to the container's own devpts. */
		if (rc < 0 && errno == EEXIST && strcmp(default_links[i].name, "ptmx") == 0 &&
		    unlinkat(dev, "ptmx", 0) == 0)
			rc = symlinkat(default_links[i].target, dev, default_links[i].name);
		if (rc < 0 && errno != EEXIST)
			return err_errno(err, "make the link '/dev/%s'", default_links[i].name);
	}
	return 0;
}

int step_devices_make(struct start *start, struct err *err)
{
	struct device_parent folder = {.fd = FD_NONE};
	int rc;

	if (devices_are_bound(start))
		return 0;
	/* The configuration's come first: what it says of the mode and owner of a default one holds. */
	rc = devices_of_config(start, &folder, err);
	for (size_t i = 0; rc == 0 && i < sizeof(default_devices) / sizeof(default_devices[0]); i++)
		rc = device_make(start, &folder, &default_devices[i], err);
	if (rc == 0)
		rc = devices_link(start, &folder, err);
	fd_closep(&folder.fd);
	return rc;
}
