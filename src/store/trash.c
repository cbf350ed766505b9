#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "store/internal.h"

#define DEPTH_MAX 64 /* descriptors held at once; deeper folders are lifted to the top first */

struct kernel_dirent {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

struct remover {
	int top_fd; /* where folders that lie too deep are moved */
	uint32_t lifted;
};

static int remove_folder(struct remover *remover, int dirfd, const char *name, int depth);

/* Moves a folder to the top, where the next pass finds it. */
static int lift(struct remover *remover, int dirfd, const char *name)
{
	char to[32];

	for (;;) {
		(void)snprintf(to, sizeof(to), "deep-%u", remover->lifted++);
		if (renameat2(dirfd, name, remover->top_fd, to, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
}

static int remove_entry(struct remover *remover, int dirfd, const struct kernel_dirent *entry,
			int depth)
{
	if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
		return 0;
	if (entry->type != 4 /* DT_DIR */) {
		if (unlinkat(dirfd, entry->name, 0) == 0 || errno == ENOENT)
			return 0;
		if (errno != EISDIR)
			return -errno;
	}
	return depth < DEPTH_MAX ? remove_folder(remover, dirfd, entry->name, depth + 1)
				 : lift(remover, dirfd, entry->name);
}

static int empty_folder(struct remover *remover, int fd, int depth)
{
	_Alignas(struct kernel_dirent) char block[2048];

	for (;;) {
		long got = syscall(SYS_getdents64, fd, block, sizeof(block));
		if (got <= 0)
			return got < 0 ? -errno : 0;
		for (long at = 0; at < got;) {
			const struct kernel_dirent *entry =
				(const struct kernel_dirent *)(const void *)(block + at);
			at += entry->reclen;
			int rc = remove_entry(remover, fd, entry, depth);
			if (rc < 0)
				return rc;
		}
	}
}

static int remove_folder(struct remover *remover, int dirfd, const char *name, int depth)
{
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	auto_fd fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* Entries that go while the folder is read may hide others: read it until it is empty. */
	for (int pass = 0; pass < 1000; pass++) {
		int rc = empty_folder(remover, fd, depth);
		if (rc < 0)
			return rc;
		if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (errno != ENOTEMPTY && errno != EEXIST)
			return -errno;
		if (lseek(fd, 0, SEEK_SET) < 0)
			return -errno;
	}
	return -ENOTEMPTY;
}

int store_tree_remove(int dirfd, const char *name, struct err *err)
{
	struct remover remover = {.top_fd = dirfd};

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	int rc = errno == EISDIR || errno == EPERM ? remove_folder(&remover, dirfd, name, 0)
						   : -errno;
	if (rc < 0) {
		errno = -rc;
		return err_errno(err, "remove '%s'", name);
	}
	return 0;
}

int store_trash_put(struct store *store, int dirfd, const char *name, struct err *err)
{
	auto_fd trash = store_folder_open(store, "trash", err);
	uint64_t random[2];
	char to[48];

	if (trash < 0)
		return trash;
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return err_errno(err, "get random bytes");
	(void)snprintf(to, sizeof(to), "%016llx%016llx", (unsigned long long)random[0],
		       (unsigned long long)random[1]);
	if (renameat(dirfd, name, trash, to) < 0)
		return err_errno(err, "move '%s' to the trash", name);
	return 0;
}

/* One pass over the trash; 1 when something was there. */
static int empty_pass(int trash, struct err *err)
{
	_Alignas(struct kernel_dirent) char block[2048];
	int found = 0;

	if (lseek(trash, 0, SEEK_SET) < 0)
		return err_errno(err, "read the trash");
	for (;;) {
		long got = syscall(SYS_getdents64, trash, block, sizeof(block));
		if (got < 0)
			return err_errno(err, "read the trash");
		if (got == 0)
			return found;
		for (long at = 0; at < got;) {
			const struct kernel_dirent *entry =
				(const struct kernel_dirent *)(const void *)(block + at);
			at += entry->reclen;
			if (entry->name[0] == '.')
				continue;
			int rc = store_tree_remove(trash, entry->name, err);
			if (rc < 0)
				return rc;
			found = 1;
		}
	}
}

int store_trash_empty(struct store *store, struct err *err)
{
	auto_fd trash = store_folder_open(store, "trash", err);

	if (trash < 0)
		return trash;
	if (flock(trash, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? 0 : err_errno(err, "lock the trash");
	int rc = store_staging_sweep(store, err);
	while (rc >= 0) {
		rc = empty_pass(trash, err);
		if (rc <= 0)
			return rc;
	}
	return rc;
}

int store_trash_empty_later(struct store *store, const char *program, struct err *err)
{
	char *const argv[] = {(char[]){"corten-image"}, (char[]){"clean"}, store->root, NULL};
	char *const environment[] = {NULL};
	int status;
	pid_t pid;

	/* The program detaches by itself: what is waited for here is its first half. */
	int sys = posix_spawn(&pid, program, NULL, NULL, argv, environment);
	if (sys != 0)
		return err_set(err, err_kind_of(sys), sys, "start '%s'", program);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return err_errno(err, "wait for '%s'", program);
	}
	return 0;
}
