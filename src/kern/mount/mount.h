/*
 * mount.h - detached mounts, handled by descriptor.
 *
 * Purpose    Make a filesystem or a clone of a tree that no path leads to, change its attributes,
 *            then attach it on a descriptor: nothing is looked up twice, so nothing can be swapped
 *            between.
 * Ownership  Returned descriptors are O_CLOEXEC and belong to the caller; a detached mount dies
 *            with its last descriptor. An attached mount is still named by the descriptor.
 * Namespaces A clone can only be made of a mount of the caller's own mount namespace: descriptors
 *            opened before unshare or clone with CLONE_NEWNS are EINVAL. Detached mounts may be
 *            attached in any mount namespace of the same user namespace.
 * Errors     ERR_UNSUPPORTED where the kernel lacks a feature (and says from which version it has
 *            it). The kernel's own explanation of a refused filesystem option is in the text.
 * Heap       None; all of it may run between clone and exec. What cannot be made detached is made in
 *            a forked child, which ends with the call.
 */
#ifndef CORTEN_KERN_MOUNT_MOUNT_H
#define CORTEN_KERN_MOUNT_MOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "kern/mount/options.h"

/*
 * A new filesystem as a detached mount. data: the filesystem's own options, comma separated, "key"
 * or "key=value"; NULL for none. sb_flags: MS_SYNCHRONOUS, MS_DIRSYNC, MS_MANDLOCK, MS_LAZYTIME
 * (others are ignored). attr: MOUNT_ATTR_*. MOUNT_ATTR_RDONLY also makes the superblock read-only,
 * except where other mounts share it (sysfs, cgroup, mqueue, ...), whose writability must not
 * change with this one's.
 */
int mount_fs_create(const char *type, const char *source, const char *data, uint32_t sb_flags,
		    uint64_t attr, struct err *err);

/*
 * The same by mount(2) in a forked child: what mount_fs_create() does with values that are too long
 * for fsconfig (256 bytes), as an overlay's lowerdir can be. Needs /proc.
 */
int mount_fs_create_by_child(const char *type, const char *source, const char *data,
			     uint32_t sb_flags, uint64_t attr, struct err *err);

/* The same from parsed options: options->data, sb_flags and the attributes of the mount itself. */
int mount_fs_create_with(const char *type, const char *source, const struct mount_options *options,
			 struct err *err);

/*
 * The same, attached on the folder behind targetfd at once: mount(2) on the "." of that folder, two
 * calls where a detached mount takes six or more, and nothing to be swapped either. The working folder
 * is targetfd's after it. It says nothing when it fails: -EOPNOTSUPP where the options ask for more
 * than mount(2) does, or -errno; the detached way then explains.
 */
int mount_fs_attach(const char *type, const char *source, const struct mount_options *options,
		    int targetfd);

/*
 * And on the entry `name` of the working folder, one that nobody else can reach (see
 * mount_attach_name). MOUNT_ATTR_RDONLY is the superblock's too: not for one that others share.
 */
int mount_fs_attach_name(const char *type, const char *source, const char *data, uint64_t attr,
			 const char *name);

enum mount_tree_flag {
	MOUNT_TREE_RECURSIVE = 1, /* with the mounts below (rbind) */
	MOUNT_TREE_NOFOLLOW = 2,  /* a link as last component is itself cloned */
};

/*
 * A detached clone of the mount at path beneath dirfd; "" clones what dirfd itself names (O_PATH
 * will do).
 */
int mount_tree_clone(int dirfd, const char *path, unsigned int flags, struct err *err);

/* Attaches treefd's mount on the file or folder behind targetfd. */
int mount_attach(int treefd, int targetfd, struct err *err);

/*
 * The same on the entry `name` of a folder that nobody else can reach: of a filesystem that the caller has
 * just made. One call, and no link can be there.
 */
int mount_attach_name(int treefd, int dirfd, const char *name, struct err *err);

/*
 * Changes what treefd names. set, clear: MOUNT_ATTR_* (an atime mode replaces the former one;
 * clearing MOUNT_ATTR_NOATIME or _STRICTATIME goes back to relatime). propagation: 0, or one of
 * MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE. recursive: the whole tree. Where the kernel has
 * no mount_setattr (before 5.12) attributes fall back to a remount through /proc/self/fd, which
 * works for attached mounts only and never recursively: ERR_UNSUPPORTED otherwise; propagation
 * always works.
 */
int mount_set_attr(int treefd, uint64_t set, uint64_t clear, uint64_t propagation, bool recursive,
		   struct err *err);

/* The fallback of mount_set_attr(); public so that its test can force it. */
int mount_set_attr_by_remount(int treefd, uint64_t set, uint64_t clear, uint64_t propagation,
			      bool recursive, struct err *err);

/*
 * Attaches with all that options ask of the mount: attributes and recursive attributes before
 * (after, on kernels that can only then), propagation after, in the order given.
 */
int mount_attach_with(int treefd, int targetfd, const struct mount_options *options,
		      struct err *err);

/* The propagation that options ask for, in the order given. */
int mount_set_propagation(int treefd, const struct mount_options *options, struct err *err);

/*
 * Changes the attached mount behind fd as the option "remount" asks: the flags that are named, and
 * without "bind" the filesystem's own flags and data too. What is not named stays, as with mount(8).
 * "ro" is the mount's alone, since its filesystem may be the host's; "rw" is the filesystem's too
 * where that is read-only.
 */
int mount_remount(int fd, const struct mount_options *options, struct err *err);

/*
 * Unmounts what fd names, lazily. fd must name the root of an attached mount, a folder; it is the working
 * folder after it.
 */
int mount_detach(int fd, struct err *err);

/*
 * Makes the folder behind rootfd, a mount's root, the process's root; the old root is detached.
 * cwd is "/" after it.
 */
int mount_pivot(int rootfd, struct err *err);

/*
 * For --no-pivot (a ramfs root, where pivot_root is EINVAL): moves the mount behind rootfd over
 * "/" and enters it with chroot. The old root stays beneath, unreachable by path.
 */
int mount_move_root(int rootfd, struct err *err);

/* What hides paths: see mount_mask_at(). */
struct mount_mask {
	int null_fd; /* the caller's, not closed */
	int empty_fd; /* a read-only empty tmpfs, made for the first folder and on it; FD_NONE before */
	const char *label; /* SELinux context of the empty folder, the caller's; NULL or "": none */
};

/*
 * Verifies that null_fd is the character device 1:3 (the descriptor, not a path: a container may
 * have put a link at /dev/null). It must belong to the current mount namespace.
 */
int mount_mask_open(int null_fd, struct mount_mask *ret_mask, struct err *err);
void mount_mask_close(struct mount_mask *mask);

/*
 * Hides path beneath rootfd: a folder behind an empty read-only tmpfs, anything else behind
 * null_fd. Absent: 0.
 */
int mount_mask_at(struct mount_mask *mask, int rootfd, const char *path, struct err *err);

/*
 * Makes the tree at path beneath rootfd read-only by mounting it on itself; its other flags stay.
 * Absent: 0.
 */
int mount_readonly_at(int rootfd, const char *path, struct err *err);

/* An overlay. Folders by descriptor (O_PATH will do), of the current mount namespace. */
struct mount_overlay {
	const int *lower_fds; /* topmost first */
	size_t lower_count;   /* 1 to MOUNT_OVERLAY_LOWER_MAX */
	size_t data_count;    /* the last ones of lower_fds that are data-only */
	int upper_fd;         /* FD_NONE: read-only, without work_fd */
	int work_fd;
	const char *options; /* further comma separated options ("volatile,userxattr"), or NULL */
	uint64_t attr;       /* MOUNT_ATTR_* */
};
#define MOUNT_OVERLAY_LOWER_MAX 500

/*
 * A detached overlay mount. Layers one by one where the kernel can (lowerdir+, Linux 6.7); else by
 * mount(2) in a forked child's private mount namespace, whose clone comes back. Needs /proc.
 */
int mount_overlay_create(const struct mount_overlay *overlay, struct err *err);

/* The fallback; public so that its test can force it. */
int mount_overlay_create_by_child(const struct mount_overlay *overlay, struct err *err);

#endif
