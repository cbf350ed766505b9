/* Content-addressed objects. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/evp.h>

#include "base/fd.h"
#include "form.h"

/* Content up to here is hashed before anything is written: what the store has is not written again. */
#define WHOLE_BYTES ((int64_t)1 << 20)

void form_object_path(const uint8_t object[FORM_HASH_BYTES], char ret_path[68])
{
	static const char digits[] = "0123456789abcdef";
	char *out = ret_path;

	*out++ = '/';
	for (size_t i = 0; i < FORM_HASH_BYTES; i++) {
		*out++ = digits[object[i] >> 4];
		*out++ = digits[object[i] & 15];
		if (i == 0)
			*out++ = '/';
	}
	*out = '\0';
}

static int name_object(int objects_fd, const char *temporary, const char *path, struct err *err)
{
	char part[3] = {path[1], path[2], '\0'};

	if (renameat(objects_fd, temporary, objects_fd, path + 1) == 0)
		return 0;
	if (errno == ENOENT && (mkdirat(objects_fd, part, 0755) == 0 || errno == EEXIST) &&
	    renameat(objects_fd, temporary, objects_fd, path + 1) == 0)
		return 0;
	return err_errno(err, "name object '%s'", path);
}

static int write_object(int objects_fd, const char *path, const void *data, size_t size,
			struct err *err)
{
	char temporary[80];

	if (faccessat(objects_fd, path + 1, F_OK, 0) == 0)
		return 0;
	(void)snprintf(temporary, sizeof(temporary), "part.%d", gettid());
	auto_fd fd = openat(objects_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_errno(err, "make an object");
	int rc = fd_write_all(fd, data, size);
	if (rc < 0)
		return err_set(err, ERR_SYSTEM, -rc, "write an object");
	return name_object(objects_fd, temporary, path, err);
}

/* The content is whole in memory: in the decompressor's window, or gathered from several. */
static int put_whole(int objects_fd, struct tar *tar, struct form_head *head, char *content,
		     struct err *err)
{
	BUF_AUTO(gathered, WHOLE_BYTES);
	size_t left = (size_t)head->size_bytes, len = 0, used = left;
	const uint8_t *at;
	char path[68];

	int rc = tar_peek(tar, &at, &len, err);
	if (rc == 1 && len < left) {
		for (; rc == 1 && left > 0; rc = tar_peek(tar, &at, &len, err)) {
			len = len < left ? len : left;
			buf_add(&gathered, at, len);
			left -= len;
			tar_take(tar, len);
			if (left == 0)
				break;
		}
		at = (const uint8_t *)gathered.data;
		used = 0;
	}
	if (rc <= 0)
		return rc < 0 ? rc : err_set(err, ERR_INVALID, 0, "its data ends early");
	if (head->size_bytes <= FORM_INLINE_BYTES) {
		memcpy(content, at, (size_t)head->size_bytes);
		head->content_len = (uint16_t)head->size_bytes;
	} else {
		head->has_object = 1;
		(void)EVP_Digest(at, (size_t)head->size_bytes, head->object, NULL, EVP_sha256(),
				 NULL);
		form_object_path(head->object, path);
		rc = write_object(objects_fd, path, at, (size_t)head->size_bytes, err);
	}
	tar_take(tar, used);
	return rc < 0 ? rc : 0;
}

static int copy_hashed(int fd, struct tar *tar, int64_t size, EVP_MD_CTX *hash, struct err *err)
{
	while (size > 0) {
		const uint8_t *at;
		size_t len;
		int rc = tar_peek(tar, &at, &len, err);
		if (rc <= 0)
			return rc < 0 ? rc : err_set(err, ERR_INVALID, 0, "its data ends early");
		if ((int64_t)len > size)
			len = (size_t)size;
		(void)EVP_DigestUpdate(hash, at, len);
		rc = fd_write_all(fd, at, len);
		if (rc < 0)
			return err_set(err, ERR_SYSTEM, -rc, "write an object");
		tar_take(tar, len);
		size -= (int64_t)len;
	}
	return 0;
}

static int put_large(int objects_fd, struct tar *tar, struct form_head *head, struct err *err)
{
	char temporary[80], path[68];

	(void)snprintf(temporary, sizeof(temporary), "large.%d", gettid());
	auto_fd fd = openat(objects_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_errno(err, "make an object");
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	(void)EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
	int rc = copy_hashed(fd, tar, head->size_bytes, hash, err);
	(void)EVP_DigestFinal_ex(hash, head->object, NULL);
	EVP_MD_CTX_free(hash);
	if (rc < 0)
		return rc;
	head->has_object = 1;
	form_object_path(head->object, path);
	if (faccessat(objects_fd, path + 1, F_OK, 0) == 0)
		return unlinkat(objects_fd, temporary, 0);
	return name_object(objects_fd, temporary, path, err);
}

int form_object_put(int objects_fd, struct tar *tar, struct form_head *head, char *content,
		    struct err *err)
{
	if (tar->entry.sparse)
		return err_set(err, ERR_UNSUPPORTED, 0, "the prototype takes no sparse files");
	if (head->size_bytes <= WHOLE_BYTES)
		return put_whole(objects_fd, tar, head, content, err);
	return put_large(objects_fd, tar, head, err);
}

/* ---- garbage ---- */

static int compare_hashes(const void *a, const void *b)
{
	return memcmp(a, b, FORM_HASH_BYTES);
}

/* The objects that a layer's index names. */
static int note_layer(int store_fd, const char *name, struct buf *used, struct err *err)
{
	BUF_AUTO(index, FORM_INDEX_BYTES_MAX);
	struct form_record record;
	size_t offset = 0;

	int rc = form_index_read(store_fd, name, &index, err);
	while (rc > 0) {
		rc = form_index_next(&index, &offset, &record, err);
		if (rc > 0 && record.head.has_object)
			buf_add(used, record.head.object, FORM_HASH_BYTES);
	}
	return rc;
}

static int note_all(int store_fd, struct buf *used, struct err *err)
{
	int rc = 0, fd = openat(store_fd, "layers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *layers = fd < 0 ? NULL : fdopendir(fd);

	if (layers == NULL)
		return err_errno(err, "open folder 'layers'");
	for (struct dirent *entry; rc == 0 && (entry = readdir(layers)) != NULL;)
		if (entry->d_name[0] != '.')
			rc = note_layer(store_fd, entry->d_name, used, err);
	(void)closedir(layers);
	if (rc == 0 && used->len > 0)
		qsort(used->data, used->len / FORM_HASH_BYTES, FORM_HASH_BYTES, compare_hashes);
	return rc;
}

static bool is_used(const char *part, const char *rest, const struct buf *used)
{
	uint8_t hash[FORM_HASH_BYTES];
	char name[68];

	(void)snprintf(name, sizeof(name), "%.2s%.62s", part, rest);
	for (size_t i = 0; i < FORM_HASH_BYTES; i++) {
		char digits[3] = {name[2 * i], name[2 * i + 1], '\0'};
		hash[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return used->len > 0 && bsearch(hash, used->data, used->len / FORM_HASH_BYTES,
					FORM_HASH_BYTES, compare_hashes) != NULL;
}

int form_collect(int store_fd, struct err *err)
{
	BUF_AUTO(used, FORM_INDEX_BYTES_MAX);
	char path[16];

	int rc = note_all(store_fd, &used, err);
	if (rc < 0)
		return rc;
	for (int i = 0; i < 256; i++) {
		(void)snprintf(path, sizeof(path), "objects/%02x", i);
		int fd = openat(store_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		DIR *part = fd < 0 ? NULL : fdopendir(fd);
		if (part == NULL)
			continue;
		for (struct dirent *entry; (entry = readdir(part)) != NULL;)
			if (entry->d_name[0] != '.' &&
			    !is_used(path + strlen("objects/"), entry->d_name, &used))
				(void)unlinkat(fd, entry->d_name, 0);
		(void)closedir(part);
	}
	return 0;
}
