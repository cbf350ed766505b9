/*
 * path.h - paths inside a root that cannot be left.
 *
 * Purpose    The only way into a container's tree: names are resolved as if the root's descriptor
 *            were "/", with links, absolute or relative, and ".." kept inside.
 * Ownership  Returned descriptors belong to the caller and are O_CLOEXEC.
 * Limits     PATH_LINKS_MAX links and PATH_MAX bytes on one resolution, in both implementations.
 * Errors     ERR_NOT_FOUND, ERR_DENIED, ERR_INVALID (ELOOP, ENAMETOOLONG, a wrong kind) name the
 *            path.
 * Heap       None; all of it may run between clone and exec.
 *
 * A leading "/" is optional everywhere; "", "." and "/" name the root itself.
 */
#ifndef CORTEN_BASE_PATH_H
#define CORTEN_BASE_PATH_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

#define PATH_LINKS_MAX 40

/*
 * Opens path beneath rootfd. flags are those of open(2) without O_CREAT and O_TMPFILE; O_CLOEXEC is
 * implied; O_NOFOLLOW holds for the last component. Magic links (/proc/self/fd/N) are refused
 * with ELOOP. Returns the descriptor.
 */
int path_open_in_root(int rootfd, const char *path, int flags, struct err *err);

/*
 * Opens the regular file at path beneath rootfd for reading, when it lies on a file system that
 * stores files: one of procfs, sysfs or a cgroup hierarchy is refused with EINVAL, as a folder, a
 * FIFO or a device is. For files that whoever owns the root may replace while a process with more
 * rights reads them: it is looked at through O_PATH before anything is opened, as opening alone can
 * act (a device outside its cgroup, /proc/kmsg). Where there is no /proc, as within a container,
 * it is opened by path and compared. Returns the descriptor.
 */
int path_open_regular_in_root(int rootfd, const char *path, struct err *err);

/*
 * path_open_in_root() without openat2: component by component. What it does where the call
 * is filtered away (ENOSYS, or EPERM from an old seccomp policy); callers have no reason to use it.
 */
int path_walk_in_root(int rootfd, const char *path, int flags, struct err *err);

enum path_kind {
	PATH_DIR,
	PATH_FILE,
};

/*
 * Returns an O_PATH descriptor of path beneath rootfd, having created what is missing: folders
 * with 0755 on the way, the target with mode; the umask applies. An existing target is left as it
 * is, but must be of the kind (PATH_FILE: anything but a folder). Links are followed inside the
 * root, dangling ones too: their target is created inside the root. Nothing is ever made outside.
 */
int path_make_in_root(int rootfd, const char *path, enum path_kind kind, mode_t mode,
		      struct err *err);

/*
 * Writes path to buf without "//", "." and "..", as an absolute path ("a/../../b" gives "/b"); it
 * knows nothing of links. Returns the length, or -ENAMETOOLONG.
 */
int path_clean(const char *path, char *buf, size_t size);

/*
 * 1 when the folder behind fd is that behind rootfd or lies beneath it, through the same mount of
 * the root; 0 when not; negative on failure. Folders only. Nothing can be deduced for later:
 * folders can be moved.
 */
int path_is_beneath(int rootfd, int fd, struct err *err);

#endif
