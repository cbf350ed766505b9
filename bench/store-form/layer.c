/* One layer's archive: into a tree as the store does it, or into objects and an index. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <zstd.h>

#include "base/fd.h"
#include "form.h"
#include "image/digest.h"
#include "image/inflate.h"
#include "image/untar.h"
#include "image/untar_internal.h"

#define XATTR_USER     1 /* EROFS's numbers of name prefixes */
#define XATTR_SECURITY 6

static int folder(int dirfd, const char *name, struct err *err)
{
	if (mkdirat(dirfd, name, 0755) < 0 && errno != EEXIST)
		return err_errno(err, "make folder '%s'", name);
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_errno(err, "open folder '%s'", name) : fd;
}

static int layer_folder(int store_fd, const char *name, struct err *err)
{
	auto_fd layers = folder(store_fd, "layers", err);

	return layers < 0 ? layers : folder(layers, name, err);
}

/* The chain of streams that the store has as well: read, hash, inflate, hash, note headers, untar. */
struct line {
	struct file_stream file;
	struct digest packed;
	struct digest unpacked;
	struct inflate *inflate;
	struct headers_writer *headers;
	int headers_fd;
	struct tar tar;
};

static int line_open(struct line *line, int archive_fd, int layer_fd, struct err *err)
{
	int rc = file_stream_init(&line->file, archive_fd, 0, -1, err);

	if (rc == 0)
		rc = digest_init(&line->packed, err);
	line->file.digest = &line->packed;
	line->file.stream.pass = NULL;
	if (rc == 0)
		rc = digest_init(&line->unpacked, err);
	if (rc == 0)
		rc = inflate_new(&line->file.stream, &line->unpacked, IMAGE_LAYER_BYTES_MAX,
				 &line->inflate, err);
	if (rc < 0)
		return rc;
	line->headers_fd =
		openat(layer_fd, "headers.zst", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (line->headers_fd < 0)
		return err_errno(err, "make 'headers.zst'");
	rc = headers_writer_new(inflate_stream(line->inflate), line->headers_fd, &line->headers,
				err);
	if (rc == 0)
		tar_init(&line->tar, headers_writer_stream(line->headers));
	return rc;
}

/* What follows the archive's end belongs to the digest; the name must be it. */
static int line_end(struct line *line, const char *name, struct err *err)
{
	char hex[65];

	int64_t rest = stream_drain(headers_writer_stream(line->headers), err);
	int rc = rest < 0 ? (int)rest : headers_writer_end(line->headers, err);
	if (rc < 0)
		return rc;
	digest_hex(&line->packed, hex);
	digest_hex(&line->unpacked, hex);
	if (strcmp(hex, name) != 0)
		return err_set(err, ERR_INVALID, 0, "layer '%s' has the diff-id %s", name, hex);
	return 0;
}

static void line_close(struct line *line)
{
	tar_done(&line->tar);
	headers_writer_free(line->headers);
	fd_closep(&line->headers_fd);
	inflate_free(line->inflate);
	digest_done(&line->packed);
	digest_done(&line->unpacked);
	file_stream_done(&line->file);
}

/* What the program that unpacks has no right to do, and the store does for it. */
static int set_opaque(int diff, const struct buf *list, struct err *err)
{
	for (size_t at = 0; at < list->len; at += strlen(list->data + at) + 1) {
		auto_fd fd = openat(diff, list->data[at] ? list->data + at : ".",
				    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0) < 0)
			return err_errno(err, "make '%s' opaque", list->data + at);
	}
	return 0;
}

static int fill_tree(struct line *line, int layer_fd, struct err *err)
{
	struct untar untar;

	auto_fd diff = folder(layer_fd, "diff", err);
	auto_fd trash = diff < 0 ? diff : folder(layer_fd, "trash", err);
	if (trash < 0)
		return trash;
	int rc = untar_init(&untar, diff, trash, err);
	if (rc < 0)
		return rc;
	untar.headers = line->headers;
	untar.layer_fd = layer_fd;
	rc = untar_all(&untar, &line->tar, err);
	if (rc == 0)
		rc = set_opaque(diff, &untar.opaque, err);
	untar_done(&untar);
	return rc;
}

int form_layer_trees(int store_fd, const char *name, int archive_fd, struct err *err)
{
	struct line line = {.headers_fd = FD_NONE};
	auto_fd layer_fd = layer_folder(store_fd, name, err);

	if (layer_fd < 0)
		return layer_fd;
	int rc = line_open(&line, archive_fd, layer_fd, err);
	if (rc == 0)
		rc = fill_tree(&line, layer_fd, err);
	if (rc == 0)
		rc = line_end(&line, name, err);
	line_close(&line);
	return rc;
}

/* ---- objects ---- */

static uint32_t type_bits(enum tar_type type)
{
	switch (type) {
	case TAR_SYMLINK:
		return S_IFLNK;
	case TAR_CHARACTER:
		return S_IFCHR;
	case TAR_BLOCK:
		return S_IFBLK;
	case TAR_FOLDER:
		return S_IFDIR;
	case TAR_FIFO:
		return S_IFIFO;
	case TAR_FILE:
	case TAR_HARDLINK:
		break;
	}
	return S_IFREG;
}

/* The attributes that the store keeps, as EROFS has them: lengths, prefix, rest of the name, value. */
static void add_xattrs(const struct tar_entry *entry, struct buf *out)
{
	for (size_t i = 0; i < entry->xattr_count; i++) {
		const struct tar_xattr *xattr = &entry->xattrs[i];
		bool user = strncmp(xattr->name, "user.", 5) == 0;
		const char *name = user ? xattr->name + 5 : "capability";
		if (!user && strcmp(xattr->name, "security.capability") != 0)
			continue;
		uint8_t head[4] = {(uint8_t)strlen(name), user ? XATTR_USER : XATTR_SECURITY,
				   (uint8_t)xattr->size, (uint8_t)(xattr->size >> 8)};
		buf_add(out, head, sizeof(head));
		buf_str(out, name);
		buf_add(out, xattr->value, xattr->size);
		while (out->len % 4 != 0)
			buf_char(out, '\0');
	}
}

/* Content first: its name is part of the record. */
static int add_entry(struct line *line, int objects_fd, struct buf *index, uint64_t *key,
		     struct err *err)
{
	const struct tar_entry *entry = &line->tar.entry;
	struct untar_place place, target;
	const char *link = entry->link;
	char content[FORM_INLINE_BYTES];
	BUF_AUTO(xattrs, UINT16_MAX);

	int rc = untar_place_set(&place, entry->name, "name", err);
	if (rc == 0 && entry->type == TAR_HARDLINK) {
		rc = untar_place_set(&target, entry->link, "link target", err);
		link = target.path;
	}
	if (rc < 0)
		return rc;
	struct form_head head = {
		.size_bytes = entry->size_bytes,
		.mtime_s = entry->mtime.tv_sec,
		.mtime_ns = (uint32_t)entry->mtime.tv_nsec,
		.mode = entry->mode | type_bits(entry->type),
		.uid = entry->uid,
		.gid = entry->gid,
		.device = (entry->minor & 0xff) | entry->major << 8 | (entry->minor & ~0xffU) << 12,
		.is_hardlink = entry->type == TAR_HARDLINK,
	};
	if (entry->type == TAR_FILE && entry->size_bytes > 0) {
		rc = headers_writer_file(line->headers, place.path, ++*key, err);
		if (rc == 0)
			rc = headers_writer_content(line->headers, 0, entry->size_bytes, err);
		if (rc == 0)
			rc = form_object_put(objects_fd, &line->tar, &head, content, err);
		if (rc < 0)
			return rc;
	}
	add_xattrs(entry, &xattrs);
	head.path_len = (uint16_t)strlen(place.path);
	head.link_len = (uint16_t)strlen(link);
	head.xattr_len = (uint16_t)xattrs.len;
	buf_add(index, &head, sizeof(head));
	buf_add(index, place.path, head.path_len);
	buf_add(index, link, head.link_len);
	buf_add(index, content, head.content_len);
	buf_add(index, xattrs.data, xattrs.len);
	return buf_check(index, "a layer's index", err);
}

static int fill_objects(struct line *line, int objects_fd, struct buf *index, struct err *err)
{
	uint64_t key = 0;

	for (;;) {
		int rc = tar_next(&line->tar, err);
		if (rc <= 0)
			return rc;
		rc = add_entry(line, objects_fd, index, &key, err);
		if (rc < 0)
			return err_wrap(err, rc, "entry '%.200s'", line->tar.entry.name);
	}
}

static int index_write(int layer_fd, const struct buf *index, struct err *err)
{
	BUF_AUTO(packed, FORM_INDEX_BYTES_MAX);
	size_t room = ZSTD_compressBound(index->len);
	char *out = buf_reserve(&packed, room);

	if (out == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "pack the index");
	size_t size = ZSTD_compress(out, room, index->data, index->len, 1);
	if (ZSTD_isError(size))
		return err_set(err, ERR_SYSTEM, 0, "pack the index: %s", ZSTD_getErrorName(size));
	return fd_replace_file_at(layer_fd, "index", out, size, 0644, err);
}

int form_layer_objects(int store_fd, const char *name, int archive_fd, struct buf *index,
		       struct err *err)
{
	struct line line = {.headers_fd = FD_NONE};
	auto_fd objects_fd = folder(store_fd, "objects", err);
	auto_fd layer_fd = objects_fd < 0 ? objects_fd : layer_folder(store_fd, name, err);

	if (layer_fd < 0)
		return layer_fd;
	int rc = line_open(&line, archive_fd, layer_fd, err);
	if (rc == 0)
		rc = fill_objects(&line, objects_fd, index, err);
	if (rc == 0)
		rc = line_end(&line, name, err);
	if (rc == 0)
		rc = index_write(layer_fd, index, err);
	line_close(&line);
	return rc;
}

int form_index_read(int store_fd, const char *name, struct buf *index, struct err *err)
{
	auto_fd layer_fd = layer_folder(store_fd, name, err);
	BUF_AUTO(packed, FORM_INDEX_BYTES_MAX);

	if (layer_fd < 0)
		return layer_fd;
	auto_fd fd = openat(layer_fd, "index", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_errno(err, "open the index");
	int rc = fd_read_all(fd, "index", &packed, err);
	if (rc < 0)
		return rc;
	unsigned long long size = ZSTD_getFrameContentSize(packed.data, packed.len);
	char *out = size < FORM_INDEX_BYTES_MAX ? buf_reserve(index, size) : NULL;
	if (out == NULL)
		return err_set(err, ERR_INVALID, 0, "the index of layer '%s' is broken", name);
	size_t done = ZSTD_decompress(out, size, packed.data, packed.len);
	if (ZSTD_isError(done))
		return err_set(err, ERR_INVALID, 0, "the index of layer '%s': %s", name,
			       ZSTD_getErrorName(done));
	index->len += done;
	return 1;
}

int form_index_next(const struct buf *index, size_t *offset, struct form_record *ret_record,
		    struct err *err)
{
	const char *at = index->data + *offset;
	size_t left = index->len - *offset;

	if (left == 0)
		return 0;
	if (left < sizeof(ret_record->head))
		return err_set(err, ERR_INVALID, 0, "an index is cut");
	memcpy(&ret_record->head, at, sizeof(ret_record->head));
	const struct form_head *head = &ret_record->head;
	ret_record->path = at + sizeof(*head);
	ret_record->link = ret_record->path + head->path_len;
	ret_record->content = ret_record->link + head->link_len;
	ret_record->xattrs = ret_record->content + head->content_len;
	size_t size = (size_t)(ret_record->xattrs - at) + head->xattr_len;
	if (size > left)
		return err_set(err, ERR_INVALID, 0, "an index is cut");
	*offset += size;
	return 1;
}
