/*
 * Equal files of plain layer trees as hard links of one inode: what such trees can share of what objects
 * share. Equal are content, owner, mode and time; files with attributes are left alone. It is a pass of
 * its own over a layer that is unpacked, as it could run off the path.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <openssl/evp.h>

#include "base/fd.h"
#include "form.h"

static int hash_file(const char *path, const struct stat *st, char ret_name[68], struct err *err)
{
	uint8_t hash[FORM_HASH_BYTES];
	const int64_t meta[] = {st->st_mode, st->st_uid, st->st_gid, st->st_mtim.tv_sec,
				st->st_mtim.tv_nsec};
	size_t size = (size_t)st->st_size;

	auto_fd fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "open '%s'", path);
	void *content = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (content == MAP_FAILED)
		return err_errno(err, "map '%s'", path);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	(void)EVP_DigestInit_ex(context, EVP_sha256(), NULL);
	(void)EVP_DigestUpdate(context, meta, sizeof(meta));
	(void)EVP_DigestUpdate(context, content, size);
	(void)EVP_DigestFinal_ex(context, hash, NULL);
	EVP_MD_CTX_free(context);
	(void)munmap(content, size);
	form_object_path(hash, ret_name);
	return 0;
}

/* Puts the pool's inode in the file's place, or the file into the pool. */
static int link_file(int pool_fd, const char *path, const char *name, struct err *err)
{
	char part[3] = {name[1], name[2], '\0'};
	char beside[4096];

	if (mkdirat(pool_fd, part, 0755) < 0 && errno != EEXIST)
		return err_errno(err, "make folder '%s'", part);
	if (linkat(AT_FDCWD, path, pool_fd, name + 1, 0) == 0)
		return 0;
	if (errno != EEXIST)
		return err_errno(err, "link '%s'", path);
	(void)snprintf(beside, sizeof(beside), "%s.link", path);
	if (linkat(pool_fd, name + 1, AT_FDCWD, beside, 0) < 0)
		return errno == EMLINK ? 0 : err_errno(err, "link '%s'", beside);
	return rename(beside, path) < 0 ? err_errno(err, "rename '%s'", beside) : 0;
}

static int link_entry(int pool_fd, const FTSENT *entry, struct err *err)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, entry->fts_statp->st_mtim};
	char name[68];

	/* A folder's time, before its files were replaced. */
	if (entry->fts_info == FTS_DP)
		return utimensat(AT_FDCWD, entry->fts_path, times, 0) < 0
			       ? err_errno(err, "set the time of '%s'", entry->fts_path)
			       : 0;
	if (entry->fts_info != FTS_F || !S_ISREG(entry->fts_statp->st_mode) ||
	    entry->fts_statp->st_size == 0 || entry->fts_statp->st_nlink != 1 ||
	    llistxattr(entry->fts_path, NULL, 0) != 0)
		return 0;
	int rc = hash_file(entry->fts_path, entry->fts_statp, name, err);
	return rc < 0 ? rc : link_file(pool_fd, entry->fts_path, name, err);
}

int form_link_layer(int store_fd, const char *name, struct err *err)
{
	char path[256];
	int rc = 0;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/layers/%s/diff", store_fd, name);
	char *const paths[] = {path, NULL};
	if (mkdirat(store_fd, "links", 0755) < 0 && errno != EEXIST)
		return err_errno(err, "make folder 'links'");
	auto_fd pool_fd = openat(store_fd, "links", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FTS *walk = pool_fd < 0 ? NULL : fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (walk == NULL)
		return err_errno(err, "walk layer '%s'", name);
	for (FTSENT *entry; rc == 0 && (entry = fts_read(walk)) != NULL;)
		rc = link_entry(pool_fd, entry, err);
	(void)fts_close(walk);
	return rc;
}
