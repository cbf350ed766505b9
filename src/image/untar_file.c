#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "image/untar_internal.h"

#define CAPABILITY "security.capability"

/* Sizes and versions of linux/capability.h's vfs_cap_data and vfs_ns_cap_data. */
static bool capability_valid(const struct tar_xattr *xattr)
{
	const uint8_t *bytes = (const uint8_t *)xattr->value;

	if (xattr->size != 20 && xattr->size != 24)
		return false;
	/* Little endian: flags in the low byte, the version in the high one. */
	return bytes[3] == (xattr->size == 20 ? 2 : 3) && bytes[2] == 0 && bytes[1] == 0 &&
	       (bytes[0] & ~1) == 0;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static int set_xattrs(int fd, const struct tar_entry *entry, struct err *err)
{
	for (size_t i = 0; i < entry->xattr_count; i++) {
		const struct tar_xattr *xattr = &entry->xattrs[i];
		bool user = begins(xattr->name, "user.") && !begins(xattr->name, "user.overlay.");
		bool capability = strcmp(xattr->name, CAPABILITY) == 0;

		/* Of a folder it would mean nothing; trusted.* and other labels are this host's. */
		if (!user && !(capability && entry->type == TAR_FILE))
			continue;
		if (capability && !capability_valid(xattr))
			return err_set(err, ERR_INVALID, EINVAL, "a malformed " CAPABILITY);
		if (fsetxattr(fd, xattr->name, xattr->value, xattr->size, 0) == 0)
			continue;
		if (user && errno == EOPNOTSUPP)
			continue; /* the filesystem keeps none */
		return err_errno(err, "set extended attribute '%.100s'", xattr->name);
	}
	return 0;
}

static bool needs_chown(const struct untar *untar, const struct tar_entry *entry)
{
	return entry->uid != 0 || entry->gid != 0 || untar->inherits_group;
}

int untar_set_meta(struct untar *untar, int parent_fd, const char *base,
		   const struct tar_entry *entry, struct err *err)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, entry->mtime};

	if ((needs_chown(untar, entry) || entry->type == TAR_FOLDER) &&
	    fchownat(parent_fd, base, entry->uid, entry->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, "set owner %u:%u", entry->uid, entry->gid);
	/* The name was made, or found to be a folder, a moment ago, and nobody else is here. */
	if (entry->type != TAR_SYMLINK && fchmodat(parent_fd, base, entry->mode, 0) < 0)
		return err_errno(err, "set mode %04o", entry->mode);
	if (entry->type == TAR_FOLDER) {
		untar->inherits_group |= (entry->mode & S_ISGID) != 0;
		return 0;
	}
	if (utimensat(parent_fd, base, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, "set the time");
	return 0;
}

/* The owner first: changing it takes setuid, setgid and file capabilities away. */
int untar_set_meta_fd(struct untar *untar, int fd, const struct tar_entry *entry, struct err *err)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, entry->mtime};

	if ((needs_chown(untar, entry) || entry->type == TAR_FOLDER) &&
	    fchown(fd, entry->uid, entry->gid) < 0)
		return err_errno(err, "set owner %u:%u", entry->uid, entry->gid);
	if (fchmod(fd, entry->mode) < 0)
		return err_errno(err, "set mode %04o", entry->mode);
	int rc = set_xattrs(fd, entry, err);
	if (rc < 0)
		return rc;
	if (entry->type == TAR_FOLDER) {
		untar->inherits_group |= (entry->mode & S_ISGID) != 0;
		return 0;
	}
	if (futimens(fd, times) < 0)
		return err_errno(err, "set the time");
	return 0;
}

static int write_at(int fd, const uint8_t *data, size_t size, int64_t offset)
{
	while (size > 0) {
		ssize_t done = pwrite(fd, data, size, offset);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		data += done;
		size -= (size_t)done;
		offset += done;
	}
	return 0;
}

/* One stretch of the entry's data to one place of the file. */
static int write_part(const struct untar *untar, int fd, struct tar *tar,
		      const struct tar_segment *part, struct err *err)
{
	int64_t offset = part->offset;
	int64_t size = part->size;

	if (untar->headers != NULL) {
		int rc = headers_writer_content(untar->headers, offset, size, err);
		if (rc < 0)
			return rc;
	}
	while (size > 0) {
		const uint8_t *at;
		size_t len;
		int rc = tar_peek(tar, &at, &len, err);
		if (rc <= 0)
			return rc < 0 ? rc : err_set(err, ERR_INVALID, 0, "its data ends early");
		if ((int64_t)len > size)
			len = (size_t)size;
		if (write_at(fd, at, len, offset) < 0)
			return err_errno(err, "write");
		tar_take(tar, len);
		offset += (int64_t)len;
		size -= (int64_t)len;
	}
	return 0;
}

static int write_sparse(const struct untar *untar, int fd, struct tar *tar, struct err *err)
{
	const struct tar_entry *entry = &tar->entry;

	for (size_t i = 0; i < entry->segment_count; i++) {
		int rc = write_part(untar, fd, tar, &entry->segments[i], err);
		if (rc < 0)
			return rc;
	}
	if (ftruncate(fd, entry->size_bytes) < 0)
		return err_errno(err, "set size %lld", (long long)entry->size_bytes);
	return 0;
}

static int write_data(const struct untar *untar, int fd, const char *path, struct tar *tar,
		      struct err *err)
{
	const struct tar_segment whole = {0, tar->entry.size_bytes};
	struct stat st;

	if (untar->headers != NULL && tar->data_left > 0) {
		if (fstat(fd, &st) < 0)
			return err_errno(err, "look at the file");
		int rc = headers_writer_file(untar->headers, path, st.st_ino, err);
		if (rc < 0)
			return rc;
	}
	return tar->entry.sparse ? write_sparse(untar, fd, tar, err)
				 : write_part(untar, fd, tar, &whole, err);
}

int untar_file(struct untar *untar, int parent_fd, const struct untar_place *place, struct tar *tar,
	       struct err *err)
{
	const struct tar_entry *entry = &tar->entry;
	const char *base = place->base;
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

	/* Holes count: a copy of the file may have to fill them. */
	if (entry->size_bytes > untar->max_bytes - untar->bytes)
		return err_set(err, ERR_INVALID, EFBIG,
			       "the layer's files are larger than %lld bytes",
			       (long long)untar->max_bytes);
	untar->bytes += entry->size_bytes;
	auto_fd fd = openat(parent_fd, base, flags, 0600);
	if (fd < 0 && errno == EEXIST) {
		int rc = untar_clear(untar, parent_fd, base, err);
		if (rc < 0)
			return rc;
		fd = openat(parent_fd, base, flags, 0600);
	}
	if (fd < 0)
		return err_errno(err, "create file");
	int rc = write_data(untar, fd, place->path, tar, err);
	return rc < 0 ? rc : untar_set_meta_fd(untar, fd, entry, err);
}
