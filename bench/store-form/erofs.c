/*
 * A writer of EROFS, as much of it as an image of metadata takes: no compression, extended inodes, files
 * as one hole with overlay's attributes. The layout follows the kernel's fs/erofs/erofs_fs.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "form.h"

#define BLOCK_BITS   12
#define BLOCK        (1U << BLOCK_BITS)
#define SUPER_OFFSET 1024
#define FIRST_INODE  (SUPER_OFFSET + 128)
#define SLOT         32 /* inodes are numbered by their place in such units */
#define MAGIC        0xE0F5E1E2U
#define CHUNKED_FILE 4 /* incompatible feature */
#define TAIL_MAX     (BLOCK / 2)

enum layout {
	LAYOUT_PLAIN = 0,
	LAYOUT_INLINE = 2,
	LAYOUT_CHUNKS = 4,
};

/* All little-endian, as the machines are that this is for. */
struct super {
	uint32_t magic;
	uint32_t checksum;
	uint32_t feature_compat;
	uint8_t block_bits;
	uint8_t extra_slots;
	uint16_t root_number;
	uint64_t inodes;
	uint64_t build_time;
	uint32_t build_time_ns;
	uint32_t blocks;
	uint32_t meta_block;
	uint32_t xattr_block;
	uint8_t uuid[16];
	uint8_t volume[16];
	uint32_t feature_incompat;
	uint8_t rest[44];
};

struct disk_inode {
	uint16_t format;
	uint16_t xattr_count;
	uint16_t mode;
	uint16_t reserved;
	uint64_t size;
	uint32_t u; /* first block, device, or chunk format */
	uint32_t number;
	uint32_t uid;
	uint32_t gid;
	uint64_t mtime;
	uint32_t mtime_ns;
	uint32_t links;
	uint8_t reserved2[16];
};

struct disk_dirent {
	uint64_t inode;
	uint16_t name_offset;
	uint8_t type;
	uint8_t reserved;
} __attribute__((packed));

struct writer {
	struct form_inode **inodes; /* in their order */
	struct form_node **folders; /* of inode i, or NULL */
	uint32_t count;
	uint32_t room;
	uint64_t end; /* of the inodes placed so far */
	uint32_t blocks;
	uint8_t *image;
};

_Static_assert(sizeof(struct super) == 128, "EROFS's superblock");
_Static_assert(sizeof(struct disk_inode) == 64, "EROFS's extended inode");
_Static_assert(sizeof(struct disk_dirent) == 12, "EROFS's directory entry");

/* ---- attributes ---- */

#define XATTR_HEAD    12
#define XATTR_TRUSTED 4
#define METACOPY      "overlay.metacopy"
#define REDIRECT      "overlay.redirect"
#define OVERLAY_BYTES \
	(20 + 88) /* both entries: 4 + 16 + 0, and 4 + 16 + 66, to multiples of four */

static uint32_t xattr_bytes(const struct form_head *head)
{
	uint32_t size = head->xattr_len + (head->has_object ? OVERLAY_BYTES : 0U);

	return size > 0 ? XATTR_HEAD + size : 0;
}

static uint8_t *put_xattr(uint8_t *at, const char *name, const char *value)
{
	size_t name_len = strlen(name), len = strlen(value);
	uint8_t head[4] = {(uint8_t)name_len, XATTR_TRUSTED, (uint8_t)len, (uint8_t)(len >> 8)};

	memcpy(at, head, sizeof(head));
	memcpy(at + 4, name, name_len);
	memcpy(at + 4 + name_len, value, len);
	return at + ((4 + name_len + len + 3) & ~(size_t)3);
}

static uint8_t *put_xattrs(uint8_t *at, const struct form_inode *inode)
{
	const struct form_record *record = &inode->record;
	uint8_t *end = at + inode->xattr_bytes;
	char path[68];

	if (inode->xattr_bytes == 0)
		return at;
	at += XATTR_HEAD;
	if (record->head.has_object) {
		form_object_path(record->head.object, path);
		at = put_xattr(at, METACOPY, "");
		at = put_xattr(at, REDIRECT, path);
	}
	memcpy(at, record->xattrs, record->head.xattr_len);
	return end;
}

/* ---- folders ---- */

/*
 * The name at a position, counted from 0 over children and dots in the order of bytes: "+" and "-x" come
 * before the dots.
 */
static const char *name_at(const struct form_node *folder, uint32_t position,
			   const struct form_node **ret_node)
{
	uint32_t before = 0; /* children that sort before ".", then before ".." */

	while (before < folder->child_count && strcmp(folder->children[before]->name, ".") < 0)
		before++;
	if (position == before) {
		*ret_node = folder;
		return ".";
	}
	uint32_t between = before;
	while (between < folder->child_count && strcmp(folder->children[between]->name, "..") < 0)
		between++;
	if (position == between + 1) {
		*ret_node = folder->parent;
		return "..";
	}
	uint32_t child = position - (position > before) - (position > between + 1);
	*ret_node = folder->children[child];
	return folder->children[child]->name;
}

/* How many names from `position` on fit one block; how many bytes they take. */
static uint32_t block_names(const struct form_node *folder, uint32_t position, uint32_t *ret_bytes)
{
	uint32_t count = 0, bytes = 0;
	const struct form_node *node;

	while (position + count < folder->child_count + 2) {
		size_t len = strlen(name_at(folder, position + count, &node));
		uint32_t more = (uint32_t)(sizeof(struct disk_dirent) + len);
		if (bytes + more > BLOCK)
			break;
		bytes += more;
		count++;
	}
	*ret_bytes = bytes;
	return count;
}

static uint8_t dirent_type(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return 1;
	case S_IFDIR:
		return 2;
	case S_IFCHR:
		return 3;
	case S_IFBLK:
		return 4;
	case S_IFIFO:
		return 5;
	case S_IFLNK:
		return 7;
	default:
		return 0;
	}
}

static void put_block(uint8_t *at, const struct form_node *folder, uint32_t position,
		      uint32_t count)
{
	uint16_t offset = (uint16_t)(count * sizeof(struct disk_dirent));
	const struct form_node *node;

	for (uint32_t i = 0; i < count; i++) {
		const char *name = name_at(folder, position + i, &node);
		struct disk_dirent entry = {
			.inode = node->inode->offset / SLOT,
			.name_offset = offset,
			.type = dirent_type(node->inode->record.head.mode),
		};
		memcpy(at + i * sizeof(entry), &entry, sizeof(entry));
		memcpy(at + offset, name, strlen(name));
		offset = (uint16_t)(offset + strlen(name));
	}
}

/* Its size: whole blocks, and what the last one needs. */
static void measure_folder(const struct form_node *folder)
{
	struct form_inode *inode = folder->inode;
	uint32_t blocks = 0, bytes = 0;

	for (uint32_t at = 0; at < folder->child_count + 2; blocks++)
		at += block_names(folder, at, &bytes);
	inode->size_bytes = (uint64_t)(blocks - 1) * BLOCK + bytes;
	inode->tail_bytes = bytes <= TAIL_MAX ? bytes : 0;
	inode->block_count = inode->tail_bytes > 0 ? blocks - 1 : blocks;
}

static void put_folder(const struct writer *writer, const struct form_node *folder, uint8_t *tail)
{
	const struct form_inode *inode = folder->inode;
	uint32_t block = 0, bytes, count;

	for (uint32_t at = 0; at < folder->child_count + 2; at += count) {
		count = block_names(folder, at, &bytes);
		uint8_t *to = block < inode->block_count
				      ? writer->image + (uint64_t)(inode->block + block) * BLOCK
				      : tail;
		put_block(to, folder, at, count);
		block++;
	}
}

/* ---- inodes ---- */

static void measure(const struct form_node *node)
{
	struct form_inode *inode = node->inode;
	const struct form_head *head = &inode->record.head;

	inode->xattr_bytes = xattr_bytes(head);
	switch (head->mode & S_IFMT) {
	case S_IFDIR:
		measure_folder(node);
		return;
	case S_IFLNK:
		inode->size_bytes = head->link_len;
		inode->tail_bytes = head->link_len <= TAIL_MAX ? head->link_len : 0;
		inode->block_count = inode->tail_bytes > 0 ? 0 : 1;
		return;
	case S_IFREG:
		inode->size_bytes = (uint64_t)head->size_bytes;
		inode->tail_bytes = head->has_object ? 4 : head->content_len;
		return;
	default:
		return;
	}
}

/* A tail may not cross a block's end. */
static void place(struct writer *writer, struct form_inode *inode)
{
	uint64_t head = sizeof(struct disk_inode) + inode->xattr_bytes;
	uint64_t at = writer->end;

	if (inode->tail_bytes > 0 && (at + head) % BLOCK + inode->tail_bytes > BLOCK) {
		at = (at + head + BLOCK - 1) / BLOCK * BLOCK - head;
		at = (at + SLOT - 1) / SLOT * SLOT;
	}
	inode->offset = at;
	writer->end = (at + head + inode->tail_bytes + SLOT - 1) / SLOT * SLOT;
}

static int note(struct writer *writer, struct form_node *node, struct err *err)
{
	struct form_inode *inode = node->inode;

	if (writer->count == writer->room) {
		uint32_t room = writer->room ? writer->room * 2 : 1024;
		void *inodes = reallocarray(writer->inodes, room, sizeof(*writer->inodes));
		void *folders = reallocarray(writer->folders, room, sizeof(*writer->folders));
		if (inodes == NULL || folders == NULL)
			return err_set(err, ERR_SYSTEM, ENOMEM, "write an EROFS image");
		writer->inodes = inodes;
		writer->folders = folders;
		writer->room = room;
	}
	inode->placed = true;
	inode->number = writer->count + 1;
	measure(node);
	place(writer, inode);
	writer->folders[writer->count] = S_ISDIR(inode->record.head.mode) ? node : NULL;
	writer->inodes[writer->count++] = inode;
	return 0;
}

/* Level by level within a folder, so that what is listed together lies together. */
static int note_children(struct writer *writer, struct form_node *node, struct err *err)
{
	int rc = 0;

	node->inode->link_count += 2;
	for (uint32_t i = 0; rc == 0 && i < node->child_count; i++) {
		struct form_node *child = node->children[i];
		if (!child->inode->placed)
			rc = note(writer, child, err);
		if (S_ISDIR(child->inode->record.head.mode))
			node->inode->link_count++;
		else
			child->inode->link_count++;
	}
	for (uint32_t i = 0; rc == 0 && i < node->child_count; i++)
		if (S_ISDIR(node->children[i]->inode->record.head.mode))
			rc = note_children(writer, node->children[i], err);
	return rc;
}

static uint32_t chunk_format(uint64_t size)
{
	uint32_t bits = BLOCK_BITS;

	while (((size - 1) >> bits) != 0)
		bits++;
	return bits - BLOCK_BITS;
}

static void put_inode(const struct writer *writer, uint32_t index)
{
	const struct form_inode *inode = writer->inodes[index];
	const struct form_head *head = &inode->record.head;
	bool device = S_ISCHR(head->mode) || S_ISBLK(head->mode);
	enum layout layout = head->has_object        ? LAYOUT_CHUNKS
			     : inode->tail_bytes > 0 ? LAYOUT_INLINE
						     : LAYOUT_PLAIN;
	struct disk_inode disk = {
		.format = (uint16_t)(1 | layout << 1),
		.xattr_count = (uint16_t)(inode->xattr_bytes > 0
						  ? (inode->xattr_bytes - XATTR_HEAD) / 4 + 1
						  : 0),
		.mode = (uint16_t)head->mode,
		.size = inode->size_bytes,
		.u = device             ? head->device
		     : head->has_object ? chunk_format(inode->size_bytes)
					: inode->block,
		.number = inode->number,
		.uid = head->uid,
		.gid = head->gid,
		.mtime = (uint64_t)head->mtime_s,
		.mtime_ns = head->mtime_ns,
		.links = inode->link_count,
	};
	uint8_t *at = writer->image + inode->offset;

	memcpy(at, &disk, sizeof(disk));
	at = put_xattrs(at + sizeof(disk), inode);
	if (writer->folders[index] != NULL) {
		put_folder(writer, writer->folders[index], at);
		return;
	}
	if (inode->block_count > 0)
		at = writer->image + (uint64_t)inode->block * BLOCK;
	if (head->has_object)
		memset(at, 0xff, 4); /* the one chunk is a hole */
	else if (S_ISLNK(head->mode))
		memcpy(at, inode->record.link, head->link_len);
	else
		memcpy(at, inode->record.content, head->content_len);
}

int form_erofs_write(struct form_node *root, int fd, struct err *err)
{
	struct writer writer = {.end = FIRST_INODE};

	int rc = note(&writer, root, err);
	if (rc == 0)
		rc = note_children(&writer, root, err);
	if (rc < 0)
		return rc;
	writer.blocks = (uint32_t)((writer.end + BLOCK - 1) / BLOCK);
	for (uint32_t i = 0; i < writer.count; i++) {
		writer.inodes[i]->block = writer.inodes[i]->block_count > 0 ? writer.blocks : 0;
		writer.blocks += writer.inodes[i]->block_count;
	}
	writer.image = calloc(writer.blocks, BLOCK);
	if (writer.image == NULL)
		return err_set(err, ERR_SYSTEM, ENOMEM, "write an EROFS image");
	const struct super super = {
		.magic = MAGIC,
		.block_bits = BLOCK_BITS,
		.root_number = (uint16_t)(root->inode->offset / SLOT),
		.inodes = writer.count,
		.blocks = writer.blocks,
		.feature_incompat = CHUNKED_FILE,
	};
	memcpy(writer.image + SUPER_OFFSET, &super, sizeof(super));
	for (uint32_t i = 0; i < writer.count; i++)
		put_inode(&writer, i);
	rc = fd_write_all(fd, writer.image, (size_t)writer.blocks * BLOCK);
	free(writer.image);
	free(writer.inodes);
	free(writer.folders);
	return rc < 0 ? err_set(err, ERR_SYSTEM, -rc, "write an EROFS image") : 0;
}
