#include "image/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/caps/caps.h"
#include "kern/mount/mount.h"
#include "kern/ns/ns.h"
#include "kern/uapi.h"

#define KEPT                                                                       \
	((1ULL << CAP_CHOWN) | (1ULL << CAP_DAC_OVERRIDE) | (1ULL << CAP_FOWNER) | \
	 (1ULL << CAP_FSETID) | (1ULL << CAP_MKNOD) | (1ULL << CAP_SETFCAP))

/* A mount of the folder alone. Of a mount in the host's namespace this works before unshare only. */
static int clone_folder(int fd, uint64_t attr, struct err *err)
{
	auto_fd tree = mount_tree_clone(fd, "", 0, err);

	if (tree < 0)
		return tree;
	int rc = mount_set_attr(tree, attr, 0, MS_PRIVATE, false, err);
	return rc < 0 ? rc : fd_take(&tree);
}

/* A descriptor for reading through the mount behind `tree`, in place of the one that was given. */
static int reopen(int tree, int given_fd, const char *what, struct err *err)
{
	auto_fd folder = openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (folder < 0 || dup3(folder, given_fd, O_CLOEXEC) < 0)
		return err_errno(err, "open the %s folder", what);
	return 0;
}

static int replace_folder(int given_fd, uint64_t attr, const char *what, struct err *err)
{
	struct stat st;

	if (fstat(given_fd, &st) < 0)
		return err_errno(err, "look at the %s", what);
	if (!S_ISDIR(st.st_mode))
		return 0;
	auto_fd tree = clone_folder(
		given_fd, attr | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, err);
	if (tree < 0)
		return err_wrap(err, tree, "close off the %s folder", what);
	/* The clone is an O_PATH descriptor; the ".." of what is opened through it ends at its root. */
	return reopen(tree, given_fd, what, err);
}

static int replace_folders(const struct confine_fds *fds, struct err *err)
{
	int rc = fds->input_detached
			 ? reopen(fds->input_fd, fds->input_fd, "input", err)
			 : replace_folder(fds->input_fd, MOUNT_ATTR_RDONLY, "input", err);
	return rc < 0 || fds->output_fd < 0 ? rc : replace_folder(fds->output_fd, 0, "output", err);
}

static int enter_root(int tree, struct err *err)
{
	auto_fd old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (old < 0)
		return err_errno(err, "open '/'");
	/* Nothing that is mounted from here on may travel to the host. */
	int rc = mount_set_attr(old, 0, 0, MS_PRIVATE, true, err);
	if (rc == 0)
		rc = mount_attach(tree, old, err);
	if (rc == 0)
		rc = mount_pivot(tree, err);
	if (rc == -EINVAL) /* an initial ramfs cannot be pivoted away */
		rc = mount_move_root(tree, err);
	return rc;
}

static int drop_rights(struct err *err)
{
	struct caps_sets sets = {.permitted = KEPT, .effective = KEPT};
	struct caps_sets own;

	int rc = caps_read(&own, err);
	if (rc < 0)
		return rc;
	(void)caps_restrict(&sets, &own);
	rc = caps_drop_bounding(0, err);
	return rc < 0 ? rc : caps_apply(&sets, err);
}

int confine(const struct confine_fds *fds, enum confine_input input, struct err *err)
{
	const struct rlimit no_core = {0, 0};
	int staging_fd = fds->staging_fd;
	auto_fd tree = clone_folder(staging_fd,
				    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, err);

	if (tree < 0)
		return err_wrap(err, tree, "close off the staging folder");
	int rc = replace_folders(fds, err);
	if (rc == 0)
		rc = ns_unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS, err);
	if (rc == 0)
		rc = enter_root(tree, err);
	if (rc < 0)
		return err_wrap(err, rc, "enter an empty root");
	fd_closep(&staging_fd); /* of the host's mount: its ".." would lead there */
	(void)umask(0);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	rc = drop_rights(err);
	return rc < 0 ? rc : confine_calls(input, err);
}
