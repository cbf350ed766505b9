#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "store/internal.h"

#define LOCK_END ".lock"

/*
 * The lock file comes first and is locked before the folder exists, so that whoever finds the lock
 * free may remove both. A sweeper that wins between open and flock unlinks the file: then try again.
 */
static int make_lock(int folder, const char *name, int *ret_fd, struct err *err)
{
	char lock[48];
	struct stat st;

	(void)snprintf(lock, sizeof(lock), "%s" LOCK_END, name);
	auto_fd fd = openat(folder, lock, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, "make 'staging/%s'", lock);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0 || st.st_nlink == 0)
		return -EAGAIN;
	*ret_fd = fd_take(&fd);
	return 0;
}

int store_staging_make(const struct store *store, struct store_staging *ret_staging,
		       struct err *err)
{
	struct store_staging staging = {.dir_fd = FD_NONE, .lock_fd = FD_NONE};
	auto_fd folder = store_folder_open(store, "staging", err);
	int rc = folder;

	if (folder < 0)
		return rc;
	do {
		uint64_t random;
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return err_errno(err, "get random bytes");
		(void)snprintf(staging.name, sizeof(staging.name), "%016llx",
			       (unsigned long long)random);
		rc = make_lock(folder, staging.name, &staging.lock_fd, err);
	} while (rc == -EAGAIN);
	if (rc < 0)
		return rc;
	if (mkdirat(folder, staging.name, 0700) < 0)
		rc = err_errno(err, "make 'staging/%s'", staging.name);
	if (rc == 0) {
		staging.dir_fd = openat(folder, staging.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (staging.dir_fd < 0)
			rc = err_errno(err, "open 'staging/%s'", staging.name);
	}
	if (rc < 0) {
		fd_closep(&staging.lock_fd); /* the next sweep removes what is there */
		return rc;
	}
	*ret_staging = staging;
	return 0;
}

/* The folder goes before its lock file: what is left of a crash between them is swept again. */
static int discard(struct store *store, int folder, const char *name, struct err *err)
{
	char lock[48];

	int rc = store_trash_put(store, folder, name, err);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	(void)snprintf(lock, sizeof(lock), "%s" LOCK_END, name);
	if (unlinkat(folder, lock, 0) < 0 && errno != ENOENT)
		return err_errno(err, "remove 'staging/%s'", lock);
	return 0;
}

void store_staging_done(struct store *store, struct store_staging *staging)
{
	struct err ignored;
	auto_fd folder = store_folder_open(store, "staging", &ignored);

	if (staging->lock_fd < 0)
		return;
	fd_closep(&staging->dir_fd);
	if (folder >= 0)
		(void)discard(store, folder, staging->name, &ignored);
	fd_closep(&staging->lock_fd);
}

static int sweep_one(struct store *store, int folder, const char *lock, struct err *err)
{
	char name[32];
	struct stat held;
	size_t len = strlen(lock);

	if (len <= strlen(LOCK_END) || strcmp(lock + len - strlen(LOCK_END), LOCK_END) != 0)
		return 0;
	len -= strlen(LOCK_END);
	if (len >= sizeof(name))
		return 0;
	memcpy(name, lock, len);
	name[len] = '\0';
	auto_fd fd = openat(folder, lock, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return 0;
	/* It was removed before it was locked: what has its name now is another's. */
	if (fstat(fd, &held) < 0 || held.st_nlink == 0)
		return 0;
	return discard(store, folder, name, err);
}

int store_staging_sweep(struct store *store, struct err *err)
{
	int folder = store_folder_open(store, "staging", err);

	if (folder < 0)
		return folder;
	DIR *dir = fdopendir(folder);
	if (dir == NULL) {
		(void)close(folder);
		return err_errno(err, "read '%s/staging'", store->root);
	}
	int rc = 0;
	struct dirent *entry;
	while (rc == 0 && (entry = readdir(dir)) != NULL)
		rc = sweep_one(store, dirfd(dir), entry->d_name, err);
	(void)closedir(dir);
	return rc;
}
