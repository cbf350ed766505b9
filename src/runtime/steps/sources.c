/*
 * Trees that are cloned on the host's side and attached inside: with a user namespace the root and
 * all bind sources, which may lie behind folders that its root cannot enter, and binds whose ids
 * are mapped, which takes rights over the filesystem. For a new filesystem whose ids are mapped the
 * user namespace with the mapping is opened here. A runtime that may not clone mounts on the host, as
 * an ordinary user's, leaves it to the first process, before that takes on new ids.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>

#include "kern/idmap/idmap.h"
#include "kern/mount/mount.h"
#include "runtime/steps/mount_util.h"
#include "runtime/steps/steps.h"

bool mount_row_is_idmapped(const struct oci_mount *mount)
{
	if (mount->uid_mappings.count > 0)
		return true;
	for (size_t i = 0; i < mount->options.count; i++) {
		const char *option = mount->options.items[i];
		option += option[0] == 'r';
		if (strncmp(option, "idmap", 5) == 0 && (option[5] == '\0' || option[5] == '='))
			return true;
	}
	return false;
}

/*
 * A clone of a host's mount is in its peer group. Inside a user namespace no mount is ever its
 * peer, as the kernel has it for the namespace's own copies.
 */
static int sources_separate(struct start *start, int tree, struct err *err)
{
	uint32_t flags = 0;
	int rc = step_outer_propagation(start, &flags, err);

	if (rc < 0)
		return rc;
	/* The copies in a user namespace's own mount namespace are slaves, and so are their clones. */
	if (start->sources_inside)
		return 0;
	if ((flags & MS_SHARED) != 0 && step_has_userns(start))
		flags = MS_SLAVE | MS_REC;
	if ((flags & MS_SHARED) != 0)
		return 0;
	return mount_set_attr(tree, 0, 0, flags & ~(uint32_t)MS_REC, (flags & MS_REC) != 0, err);
}

/* The user namespace with the row's mapping: its own, or else the container's. */
static int sources_userns(struct start *start, size_t i, const struct mount_options *options,
			  struct err *err)
{
	const struct oci_mount *mount = &start->config->mounts.items[i];
	const struct oci_linux *linux_ = start->config->linux;
	struct arena *arena = &start->container.arena;
	struct idmap_table table;
	struct ns_maps maps, own;
	int rc = step_maps_convert(&linux_->uid_mappings, &linux_->gid_mappings, arena, &own, err);

	if (rc == 0 && mount->uid_mappings.count > 0) {
		rc = step_maps_convert(&mount->uid_mappings, &mount->gid_mappings, arena, &maps,
				       err);
	} else if (rc == 0 && options->idmap_text != NULL) {
		rc = idmap_parse(options->idmap_text, step_has_userns(start) ? &own : NULL, &table,
				 err);
		maps = table.maps;
	} else if (rc == 0 && start->join_fds[OCI_NS_USER] >= 0) {
		int userns = fcntl(start->join_fds[OCI_NS_USER], F_DUPFD_CLOEXEC, 3);
		return userns < 0 ? err_errno(err, "duplicate a descriptor") : userns;
	} else if (rc == 0 && step_has_userns(start)) {
		maps = own;
	} else if (rc == 0) {
		rc = err_set(err, ERR_INVALID, 0,
			     "idmap without uidMappings and gidMappings, and the container has no "
			     "user namespace whose mapping it could be");
	}
	return rc < 0 ? rc : idmap_userns_open(&maps, err);
}

static int sources_open_userns(struct start *start, size_t i, bool *ret_recursive, struct err *err)
{
	struct mount_options options;
	char data[MOUNT_DATA_MAX];
	int rc = mount_row_options(start, i, data, &options, err);

	if (rc < 0)
		return rc;
	*ret_recursive = options.idmap == MOUNT_IDMAP_RECURSIVE;
	return sources_userns(start, i, &options, err);
}

static int sources_open_tree(struct start *start, size_t i, bool idmapped, int tree,
			     struct err *err)
{
	bool recursive = false;
	int rc = sources_separate(start, tree, err);

	if (rc < 0 || !idmapped)
		return rc;
	auto_fd userns = sources_open_userns(start, i, &recursive, err);
	return userns < 0 ? userns : idmap_set(tree, userns, recursive, err);
}

static int sources_open_row(struct start *start, size_t i, struct err *err)
{
	const struct oci_mount *mount = &start->config->mounts.items[i];
	bool idmapped = mount_row_is_idmapped(mount), recursive;

	if (!idmapped && !step_has_userns(start))
		return 0;
	auto_fd fd = mount_source_open(start, i, err);
	if (fd < 0 && fd != FD_NONE)
		return fd;
	int rc = 0;
	if (fd >= 0)
		rc = sources_open_tree(start, i, idmapped, fd, err);
	else if (idmapped)
		rc = fd = sources_open_userns(start, i, &recursive, err);
	if (rc < 0)
		return err_wrap(err, rc, "mounts[%zu]: mount '%s' on '%s'", i,
				mount->source != NULL ? mount->source : "", mount->destination);
	start->mount_fds[i] = fd_take(&fd);
	return 0;
}

static int sources_open_root(struct start *start, struct err *err)
{
	const char *path = start->config->root->path;

	if (start->root_fd >= 0 || !step_has_userns(start))
		return 0;
	start->root_fd = mount_tree_clone(start->bundle_fd, path, MOUNT_TREE_RECURSIVE, err);
	int rc = start->root_fd < 0 ? start->root_fd : sources_separate(start, start->root_fd, err);
	if (rc < 0)
		fd_closep(&start->root_fd);
	return rc < 0 ? err_wrap(err, rc, "root.path '%s'", path) : 0;
}

static int sources_open_all(struct start *start, struct err *err)
{
	int rc = sources_open_root(start, err);

	for (size_t i = 0; rc == 0 && i < start->config->mounts.count; i++)
		if (start->mount_fds[i] < 0)
			rc = sources_open_row(start, i, err);
	return rc;
}

int step_sources_open_inside(struct start *start, struct err *err)
{
	if (!start->sources_inside)
		return 0;
	int rc = step_bundle_reopen(start, err);
	return rc < 0 ? rc : sources_open_all(start, err);
}

int step_sources_open(struct start *start, struct err *err)
{
	const struct oci_config *config = start->config;
	struct err why;

	start->mount_fds =
		arena_alloc(&start->container.arena, (config->mounts.count + 1) * sizeof(int));
	if (start->mount_fds == NULL)
		return err_set(err, ERR_INVALID, ENOMEM, "mounts: more than memory is allowed for");
	for (size_t i = 0; i < config->mounts.count; i++)
		start->mount_fds[i] = FD_NONE;
	start->root_fd = start->options->rootfs_fd;
	int rc = sources_open_all(start, &why);
	/* No rights over the host's mounts: the first process has them over its own. */
	start->sources_inside = rc == -EPERM && step_has_userns(start);
	if (rc < 0 && !start->sources_inside)
		*err = why;
	return start->sources_inside ? 0 : rc;
}
