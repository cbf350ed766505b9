/* Makes the default devices, those of the configuration, and the links that every /dev has. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/path.h"
#include "kern/mount/mount.h"
#include "runtime/steps/device_util.h"
#include "runtime/steps/mount_util.h"
#include "runtime/steps/steps.h"

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

bool device_is_same(const struct device *device, const struct stat *st)
{
	if ((st->st_mode & S_IFMT) != (device->mode & S_IFMT))
		return false;
	return S_ISFIFO(st->st_mode) || st->st_rdev == makedev(device->major, device->minor);
}

/* A user namespace may not make nodes: the host's is bound instead. */
static int device_clone_hosts(const struct device *device, struct err *err)
{
	struct stat st;
	auto_fd tree = mount_tree_clone(AT_FDCWD, device->path, MOUNT_TREE_NOFOLLOW, err);
	char type = S_ISBLK(device->mode) ? 'b' : 'c';

	if (tree == -ENOENT)
		return err_set(
			err, ERR_DENIED, ENOENT,
			"the host has no '%s' (%c %u:%u) to bind, and the runtime, which is "
			"not the host's root, may not make it: ask for a device that the host "
			"has, at its own path",
			device->path, type, device->major, device->minor);
	if (tree < 0)
		return tree;
	if (fstat(tree, &st) < 0 || !device_is_same(device, &st))
		return err_set(err, ERR_DENIED, 0, "the host's '%s' is not device %c %u:%u",
			       device->path, type, device->major, device->minor);
	return fd_take(&tree);
}

/* That of step_nodes_make(); FD_NONE where there is none. */
static int device_clone_made(struct start *start, const char *name, struct err *err)
{
	struct err absent;
	int tree = start->nodes_fd < 0 || name == NULL
			   ? FD_NONE
			   : mount_tree_clone(start->nodes_fd, name, MOUNT_TREE_NOFOLLOW, &absent);

	if (tree >= 0 || tree == FD_NONE || tree == -ENOENT)
		return tree >= 0 ? tree : FD_NONE;
	*err = absent;
	return tree;
}

static int device_bind(struct start *start, const struct device *device, const char *made,
		       struct err *err)
{
	auto_fd tree = device_clone_made(start, made, err);

	if (tree == FD_NONE)
		tree = device_clone_hosts(device, err);
	if (tree < 0)
		return tree;
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
	if (!device_is_same(device, &st))
		return err_set(err, ERR_DENIED, EEXIST,
			       "'%s' is in the image already, as something else", device->path);
	return 0;
}

/* made: the name of the node that the host's side may have made. */
static int device_make(struct start *start, struct device_parent *folder,
		       const struct device *device, const char *made, struct err *err)
{
	const char *name = NULL;

	if (step_has_userns(start) && !S_ISFIFO(device->mode))
		return device_bind(start, device, made, err);
	int parent = device_open_parent(start, folder, device->path, &name, err);
	if (parent < 0)
		return parent;
	if (mknodat(parent, name, device->mode, makedev(device->major, device->minor)) < 0) {
		/* A runtime that is root of a user namespace alone may make no node either. */
		if (errno == EPERM && !S_ISFIFO(device->mode))
			return device_bind(start, device, made, err);
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

int device_row(const struct start *start, size_t i, char *clean, struct device *ret_device,
	       struct err *err)
{
	const struct oci_device *from = &start->config->linux->devices.items[i];
	int rc = path_clean(from->path, clean, PATH_LENGTH_MAX);

	*ret_device = (struct device){
		.path = clean,
		.mode = device_type_of(from->type) |
			(from->file_mode != NULL ? *from->file_mode & 07777 : 0666),
		.major = from->major != NULL ? (unsigned int)*from->major : 0,
		.minor = from->minor != NULL ? (unsigned int)*from->minor : 0,
		.uid = from->uid != NULL ? *from->uid : 0,
		.gid = from->gid != NULL ? *from->gid : 0,
	};
	return rc < 0 ? err_set(err, ERR_INVALID, -rc, "path '%s'", from->path) : 0;
}

static int devices_of_config(struct start *start, struct device_parent *folder, struct err *err)
{
	for (size_t i = 0; i < start->config->linux->devices.count; i++) {
		struct device device;
		char clean[PATH_LENGTH_MAX], name[DEVICE_NODE_NAME_SIZE];
		int rc = device_row(start, i, clean, &device, err);
		device_node_name(i, name);
		if (rc == 0)
			rc = device_make(start, folder, &device, name, err);
		if (rc < 0)
			return err_wrap(err, rc, "linux.devices[%zu]", i);
	}
	return 0;
}

/*
 * Nodes can be cloned from a mount of this namespace alone: for that moment their tmpfs lies over the
 * container's root, which everything here goes beneath by its descriptor.
 */
static int devices_of_config_with_nodes(struct start *start, struct device_parent *folder,
					struct err *err)
{
	struct err second;
	int rc = start->nodes_fd < 0 ? 0 : mount_attach(start->nodes_fd, start->root_fd, err);

	if (rc < 0)
		return err_wrap(err, rc, "reach the devices that were made for the container");
	rc = devices_of_config(start, folder, err);
	if (start->nodes_fd < 0)
		return rc;
	int detach_rc = mount_detach(start->nodes_fd, &second);
	fd_closep(&start->nodes_fd);
	if (rc == 0 && detach_rc < 0)
		*err = second;
	return rc < 0 ? rc : detach_rc;
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

/* A bind, unlike a node that is there, would cover what the configuration asked for. */
static bool devices_are_bound_already(const struct start *start, const char *path)
{
	size_t count = step_has_userns(start) ? start->config->linux->devices.count : 0;
	struct err ignored;

	for (size_t i = 0; i < count; i++) {
		struct device device;
		char clean[PATH_LENGTH_MAX];
		if (device_row(start, i, clean, &device, &ignored) == 0 && strcmp(clean, path) == 0)
			return true;
	}
	return false;
}

int step_devices_make(struct start *start, struct err *err)
{
	struct device_parent folder = {.fd = FD_NONE};
	int rc;

	if (devices_are_bound(start))
		return 0;
	/* The configuration's come first: what it says of the mode and owner of a default one holds. */
	rc = devices_of_config_with_nodes(start, &folder, err);
	for (size_t i = 0; rc == 0 && i < sizeof(default_devices) / sizeof(default_devices[0]); i++)
		rc = devices_are_bound_already(start, default_devices[i].path)
			     ? 0
			     : device_make(start, &folder, &default_devices[i], NULL, err);
	if (rc == 0)
		rc = devices_link(start, &folder, err);
	fd_closep(&folder.fd);
	return rc;
}
