#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "image/untar_internal.h"
#include "kern/uapi.h"
#include "store/wire.h"

static int open_kept(struct untar *untar, struct err *err)
{
	if (untar->kept_fd >= 0)
		return 0;
	if (mkdirat(untar->layer_fd, WIRE_KEPT, 0700) < 0)
		return err_errno(err, "make the folder of replaced content");
	untar->kept_fd =
		openat(untar->layer_fd, WIRE_KEPT, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (untar->kept_fd < 0)
		return err_errno(err, "open the folder of replaced content");
	return 0;
}

int untar_keep(struct untar *untar, int parent_fd, const char *base, const struct stat *st,
	       struct err *err)
{
	char name[32];

	int rc = open_kept(untar, err);
	if (rc < 0)
		return rc;
	(void)snprintf(name, sizeof(name), "%llu", (unsigned long long)st->st_ino);
	if (renameat2(parent_fd, base, untar->kept_fd, name, RENAME_NOREPLACE) == 0)
		return 0;
	/* Another hard link of the file was kept before. */
	if (errno != EEXIST || unlinkat(parent_fd, base, 0) < 0)
		return err_errno(err, "keep what is replaced");
	return 0;
}

/* One entry of a folder that gave way; 1 when it was taken out. */
static int take_out(struct untar *untar, int folder, const char *name, struct err *err)
{
	struct stat st;
	char to[32];

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, "look at '%.200s' in a replaced folder", name);
	if (S_ISREG(st.st_mode) && st.st_size > 0) {
		int rc = untar_keep(untar, folder, name, &st, err);
		return rc < 0 ? rc : 1;
	}
	if (!S_ISDIR(st.st_mode))
		return 0;
	/* To the top, where its turn comes: however deep they lie, no folder is within another. */
	(void)snprintf(to, sizeof(to), "%u", untar->trashed++);
	if (renameat(folder, name, untar->trash_fd, to) < 0)
		return err_errno(err, "take replaced folders apart");
	return 1;
}

static int take_apart(struct untar *untar, int folder, struct err *err)
{
	auto_fd own = fcntl(folder, F_DUPFD_CLOEXEC, 0);
	DIR *dir = own < 0 ? NULL : fdopendir(own);
	struct dirent *entry;
	int taken = 1;
	int rc = 0;

	if (dir == NULL)
		return err_errno(err, "read a replaced folder");
	(void)fd_take(&own);
	/* What goes while a folder is read may hide others: until nothing is left to take. */
	while (rc >= 0 && taken > 0) {
		taken = 0;
		rewinddir(dir);
		while (rc >= 0 && (entry = readdir(dir)) != NULL) {
			rc = take_out(untar, folder, entry->d_name, err);
			taken += rc > 0;
		}
	}
	(void)closedir(dir);
	return rc < 0 ? rc : 0;
}

int untar_keep_trashed(struct untar *untar, struct err *err)
{
	char name[32];

	for (uint32_t i = 0; i < untar->trashed; i++) {
		(void)snprintf(name, sizeof(name), "%u", i);
		auto_fd folder = openat(untar->trash_fd, name,
					O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (folder < 0)
			return err_errno(err, "open a replaced folder");
		int rc = take_apart(untar, folder, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}
