/*
 * form.h - the second store form: content-addressed objects and one EROFS image of metadata per image.
 *
 * Purpose    A prototype, to be measured against plain layer trees; nothing of it ships.
 *              STORE/objects/XX/REST      file content, named by its SHA-256
 *              STORE/layers/NAME/index    what a layer's archive holds, content by name (zstd)
 *              STORE/layers/NAME/headers.zst   as plain layer trees keep it
 *              STORE/images/NAME.erofs    the image's one tree: names, owners, modes, times, attributes;
 *                                         a file has overlay's `redirect` to its object
 *            The reader of archives (src/image) is the same for both forms.
 * Ownership  Records point into the buffer that they were read from.
 * Errors     By struct err, as in src/.
 */
#ifndef CORTEN_BENCH_FORM_H
#define CORTEN_BENCH_FORM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "image/headers.h"
#include "image/tar.h"

#define FORM_INDEX_BYTES_MAX ((size_t)1 << 30)
#define FORM_INLINE_BYTES    64 /* as composefs: smaller content lies in the metadata image */
#define FORM_HASH_BYTES      32

/* One entry of a layer. In the index: these bytes, then path, link, content and attributes. */
struct form_head {
	int64_t size_bytes;
	int64_t mtime_s;
	uint32_t mtime_ns;
	uint32_t mode; /* with the type's bits */
	uint32_t uid;
	uint32_t gid;
	uint32_t device; /* as the kernel encodes it in 32 bits */
	uint16_t path_len;
	uint16_t link_len;
	uint16_t content_len; /* of content that is kept inline */
	uint16_t xattr_len;
	uint8_t is_hardlink;
	uint8_t has_object;
	uint8_t object[FORM_HASH_BYTES];
	uint8_t padding[2];
};

struct form_record {
	struct form_head head;
	const char *path; /* not terminated, as all that follows */
	const char *link;
	const char *content;
	const char *xattrs; /* EROFS's own encoding, entry after entry */
};

/* ---- layers ---- */

/* Unpacks an archive into STORE/layers/NAME/diff, as the store does it today. */
int form_layer_trees(int store_fd, const char *name, int archive_fd, struct err *err);

/* Unpacks it into objects, and its index into `index` and STORE/layers/NAME/index. */
int form_layer_objects(int store_fd, const char *name, int archive_fd, struct buf *index,
		       struct err *err);

/* The index of a layer that is there. 1: read; 0: the store has no such layer. */
int form_index_read(int store_fd, const char *name, struct buf *index, struct err *err);

/* Steps through an index. 1: a record; 0: the end. */
int form_index_next(const struct buf *index, size_t *offset, struct form_record *ret_record,
		    struct err *err);

/* ---- objects ---- */

/*
 * Takes the content of the running entry into the store. Content of up to FORM_INLINE_BYTES is put into
 * `content` instead.
 */
int form_object_put(int objects_fd, struct tar *tar, struct form_head *head, char *content,
		    struct err *err);

/* "/XX/REST" of an object. */
void form_object_path(const uint8_t object[FORM_HASH_BYTES], char ret_path[68]);

/* Removes objects that no layer's index names. */
int form_collect(int store_fd, struct err *err);

/* ---- equal files of plain layer trees, as hard links ---- */

int form_link_layer(int store_fd, const char *name, struct err *err);

/* ---- images ---- */

struct form_inode {
	struct form_record record;
	uint32_t link_count;
	bool placed;
	uint32_t number;
	uint64_t offset; /* in the image */
	uint32_t xattr_bytes;
	uint64_t size_bytes;  /* as the image's inode has it */
	uint32_t block_count; /* of data outside the inode */
	uint32_t tail_bytes;  /* of data behind the inode */
	uint32_t block;       /* first one */
};

struct form_node {
	char *name;
	struct form_inode *inode;
	struct form_node *parent;
	struct form_node **children; /* in the order of their names */
	uint32_t child_count;
	uint32_t child_room;
};

/* The layers as one tree, the lowest first. Lives until the process ends. */
int form_merge(const struct buf *indexes, uint32_t count, struct form_node **ret_root,
	       struct err *err);

int form_erofs_write(struct form_node *root, int fd, struct err *err);

#endif
