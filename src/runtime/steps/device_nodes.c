/*
 * With a user namespace, which may make no nodes: those of linux.devices that the host has not, or not
 * with that mode and owner, are made on the host's side, in a tmpfs that no path leads to. The first
 * process binds them one by one; only the nodes themselves ever get to the container. A runtime that
 * may not make nodes either leaves it to the host's.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kern/mount/mount.h"
#include "kern/proc/procfs.h"
#include "runtime/steps/device_util.h"
#include "runtime/steps/steps.h"

#define NODES_MAP_SIZE (NS_MAP_LINES_MAX * 36) /* three numbers of ten digits, padded */

void device_node_name(size_t i, char name[DEVICE_NODE_NAME_SIZE])
{
	(void)snprintf(name, DEVICE_NODE_NAME_SIZE, "%zu", i % 1000000000);
}

/* Returns whether the id is mapped. */
static bool nodes_map_id(const oci_id_mappings *map, uint32_t inside, uint32_t *ret_outside)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct oci_id_mapping *line = &map->items[i];
		if (inside < line->container_id || inside - line->container_id >= line->size)
			continue;
		*ret_outside = line->host_id + (inside - line->container_id);
		return true;
	}
	return false;
}

/* An id that is not mapped asks for nothing; one whose mapping is not known yet may ask for anything. */
static bool nodes_owner_is(const oci_id_mappings *map, const uint32_t *wanted, uint32_t is)
{
	uint32_t outside;

	if (wanted == NULL)
		return true;
	if (map->count == 0)
		return false;
	return !nodes_map_id(map, *wanted, &outside) || outside == is;
}

static bool nodes_host_has(const struct start *start, size_t i, const struct device *device)
{
	const struct oci_linux *config = start->config->linux;
	const struct oci_device *row = &config->devices.items[i];
	struct stat st;

	return fstatat(AT_FDCWD, device->path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       device_is_same(device, &st) &&
	       (row->file_mode == NULL || (st.st_mode & 07777) == (device->mode & 07777)) &&
	       nodes_owner_is(&config->uid_mappings, row->uid, st.st_uid) &&
	       nodes_owner_is(&config->gid_mappings, row->gid, st.st_gid);
}

static int nodes_open(const struct start *start, struct err *err)
{
	const char *label = start->config->linux->mount_label;
	char data[STAGE_LABEL_MAX + 64];
	bool labelled = label != NULL && label[0] != '\0';

	int len = snprintf(data, sizeof(data), "mode=0711,size=1m%s%s%s",
			   labelled ? ",context=\"" : "", labelled ? label : "",
			   labelled ? "\"" : "");
	if (len < 0 || (size_t)len >= sizeof(data))
		return err_set(err, ERR_INVALID, ENAMETOOLONG, "linux.mountLabel");
	return mount_fs_create("tmpfs", "tmpfs", data, 0, MOUNT_ATTR_NOSUID, err);
}

static int nodes_make(struct start *start, size_t i, const struct device *device, struct err *err)
{
	char name[DEVICE_NODE_NAME_SIZE];

	if (start->nodes_fd < 0)
		start->nodes_fd = nodes_open(start, err);
	if (start->nodes_fd < 0)
		return start->nodes_fd;
	device_node_name(i, name);
	if (mknodat(start->nodes_fd, name, device->mode, makedev(device->major, device->minor)) < 0)
		return err_errno(err, "make the device '%s'", device->path);
	/* Not what the caller's umask left of it. */
	if (fchmodat(start->nodes_fd, name, device->mode & 07777, 0) < 0)
		return err_errno(err, "set the mode of the device '%s'", device->path);
	return 0;
}

int step_nodes_make(struct start *start, struct err *err)
{
	size_t count = step_has_userns(start) ? start->config->linux->devices.count : 0;
	struct err why;

	for (size_t i = 0; i < count; i++) {
		struct device device;
		char clean[PATH_LENGTH_MAX];
		int rc = device_row(start, i, clean, &device, &why);
		if (rc == 0 && !S_ISFIFO(device.mode) && !nodes_host_has(start, i, &device))
			rc = nodes_make(start, i, &device, &why);
		if (rc == -EPERM) {
			fd_closep(&start->nodes_fd);
			return 0;
		}
		if (rc < 0) {
			*err = why;
			return err_wrap(err, rc, "linux.devices[%zu]", i);
		}
	}
	return 0;
}

/* The map of a user namespace that was joined, from its first process there. */
static int nodes_read_map(struct start *start, int proc, const char *what, oci_id_mappings *ret_map,
			  struct err *err)
{
	char path[32], *at = arena_alloc(&start->container.arena, NODES_MAP_SIZE);
	struct oci_id_mapping *lines =
		arena_alloc(&start->container.arena, NS_MAP_LINES_MAX * sizeof(*lines));
	size_t count = 0;

	if (at == NULL || lines == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "mappings of ids");
	(void)snprintf(path, sizeof(path), "%d/%s", start->pid, what);
	ssize_t len = procfs_read_at(proc, path, at, NODES_MAP_SIZE, err);
	if (len < 0)
		return (int)len;
	for (char *end; count < NS_MAP_LINES_MAX; count++) {
		lines[count].container_id = (uint32_t)strtoul(at, &end, 10);
		if (end == at)
			break;
		lines[count].host_id = (uint32_t)strtoul(end, &end, 10);
		lines[count].size = (uint32_t)strtoul(end, &at, 10);
	}
	ret_map->items = lines;
	ret_map->count = count;
	return 0;
}

static int nodes_maps(struct start *start, oci_id_mappings *ret_uids, oci_id_mappings *ret_gids,
		      struct err *err)
{
	*ret_uids = start->config->linux->uid_mappings;
	*ret_gids = start->config->linux->gid_mappings;
	if (ret_uids->count > 0 && ret_gids->count > 0)
		return 0;
	auto_fd proc = procfs_open_by(PROCFS_HOST, err);
	int rc = proc < 0 ? proc : nodes_read_map(start, proc, "uid_map", ret_uids, err);
	return rc < 0 ? rc : nodes_read_map(start, proc, "gid_map", ret_gids, err);
}

/* The nodes' owners, once the user namespace is known; an id that it does not have stays the host's root. */
int step_nodes_own(struct start *start, struct err *err)
{
	oci_id_mappings uids, gids;
	int rc = start->nodes_fd < 0 ? 0 : nodes_maps(start, &uids, &gids, err);

	if (start->nodes_fd < 0 || rc < 0)
		return rc;
	for (size_t i = 0; i < start->config->linux->devices.count; i++) {
		struct device device;
		char clean[PATH_LENGTH_MAX], name[DEVICE_NODE_NAME_SIZE];
		uint32_t uid = 0, gid = 0;
		rc = device_row(start, i, clean, &device, err);
		if (rc < 0)
			return err_wrap(err, rc, "linux.devices[%zu]", i);
		(void)nodes_map_id(&uids, device.uid, &uid);
		(void)nodes_map_id(&gids, device.gid, &gid);
		device_node_name(i, name);
		if (fchownat(start->nodes_fd, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 &&
		    errno != ENOENT)
			return err_errno(err, "linux.devices[%zu]: give '%s' to %u:%u of the host",
					 i, clean, uid, gid);
	}
	fd_closep(&start->nodes_fd);
	return 0;
}
