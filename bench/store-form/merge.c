/* Layers as one tree: what overlay does at each lookup, done once. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "form.h"

#define WHITEOUT_PREFIX ".wh."
#define WHITEOUT_META   ".wh..wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

static int no_memory(struct err *err)
{
	return err_set(err, ERR_SYSTEM, ENOMEM, "merge the layers");
}

static int compare_name(const char *name, const char *text, size_t len)
{
	int order = strncmp(name, text, len);

	return order != 0 ? order : (name[len] != '\0');
}

/* Where the name is among the children, or would be. */
static uint32_t position(const struct form_node *node, const char *name, size_t len,
			 bool *ret_found)
{
	uint32_t low = 0, high = node->child_count;

	*ret_found = false;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = compare_name(node->children[middle]->name, name, len);
		if (order == 0) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct form_node *find(const struct form_node *node, const char *name, size_t len)
{
	bool found;
	uint32_t at = position(node, name, len, &found);

	return found ? node->children[at] : NULL;
}

static struct form_inode *new_inode(const struct form_record *record)
{
	struct form_inode *inode = calloc(1, sizeof(*inode));

	if (inode == NULL)
		return NULL;
	if (record != NULL)
		inode->record = *record;
	else
		inode->record.head.mode = S_IFDIR | 0755;
	return inode;
}

static struct form_node *insert(struct form_node *node, const char *name, size_t len)
{
	bool found;
	uint32_t at = position(node, name, len, &found);

	if (found)
		return node->children[at];
	if (node->child_count == node->child_room) {
		uint32_t room = node->child_room ? node->child_room * 2 : 8;
		void *grown = reallocarray(node->children, room, sizeof(*node->children));
		if (grown == NULL)
			return NULL;
		node->children = grown;
		node->child_room = room;
	}
	struct form_node *child = calloc(1, sizeof(*child));
	if (child == NULL || (child->name = strndup(name, len)) == NULL)
		return NULL;
	child->parent = node;
	memmove(node->children + at + 1, node->children + at,
		(node->child_count - at) * sizeof(*node->children));
	node->children[at] = child;
	node->child_count++;
	return child;
}

static void drop(struct form_node *node, const char *name, size_t len)
{
	bool found;
	uint32_t at = position(node, name, len, &found);

	if (!found)
		return;
	node->child_count--;
	memmove(node->children + at, node->children + at + 1,
		(node->child_count - at) * sizeof(*node->children));
}

static bool is_folder(const struct form_node *node)
{
	return node->inode != NULL && S_ISDIR(node->inode->record.head.mode);
}

/* The node of a folder, or NULL when it is not there and not to be made. */
static struct form_node *walk(struct form_node *node, const char *path, size_t len, bool make)
{
	const char *end = path + len;

	for (const char *at = path; at < end && node != NULL;) {
		const char *slash = memchr(at, '/', (size_t)(end - at));
		size_t part = (size_t)((slash ? slash : end) - at);
		node = make ? insert(node, at, part) : find(node, at, part);
		if (make && node != NULL && !is_folder(node)) {
			node->child_count = 0;
			node->inode = new_inode(NULL);
		}
		at += part + 1;
	}
	return node;
}

static size_t parent_length(const struct form_record *record, const char **ret_base,
			    size_t *ret_base_len)
{
	const char *slash = memrchr(record->path, '/', record->head.path_len);
	size_t parent = slash ? (size_t)(slash - record->path) : 0;
	size_t skip = slash ? parent + 1 : 0;

	*ret_base = record->path + skip;
	*ret_base_len = record->head.path_len - skip;
	return parent;
}

static bool starts(const char *text, size_t len, const char *with)
{
	return len >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

/* Whiteouts speak of the layers below, wherever they stand in the archive. */
static void hide(struct form_node *root, const struct form_record *record)
{
	const char *base;
	size_t base_len, parent_len = parent_length(record, &base, &base_len);

	if (!starts(base, base_len, WHITEOUT_PREFIX))
		return;
	struct form_node *parent = walk(root, record->path, parent_len, false);
	if (parent == NULL)
		return;
	if (base_len == strlen(WHITEOUT_OPAQUE) && starts(base, base_len, WHITEOUT_OPAQUE))
		parent->child_count = 0;
	else if (!starts(base, base_len, WHITEOUT_META))
		drop(parent, base + strlen(WHITEOUT_PREFIX), base_len - strlen(WHITEOUT_PREFIX));
}

static int add(struct form_node *root, const struct form_record *record, struct err *err)
{
	const char *base;
	size_t base_len, parent_len = parent_length(record, &base, &base_len);

	if (starts(base, base_len, WHITEOUT_PREFIX))
		return 0;
	struct form_node *node = walk(root, record->path, parent_len, true);
	if (node != NULL && base_len > 0)
		node = insert(node, base, base_len);
	if (node == NULL)
		return no_memory(err);
	if (record->head.is_hardlink) {
		struct form_node *target = walk(root, record->link, record->head.link_len, false);
		if (target == NULL || target->inode == NULL)
			return err_set(err, ERR_INVALID, 0,
				       "a hard link to '%.*s', which is not there",
				       record->head.link_len, record->link);
		node->inode = target->inode;
		node->child_count = 0;
		return 0;
	}
	if (!S_ISDIR(record->head.mode))
		node->child_count = 0;
	node->inode = new_inode(record);
	return node->inode == NULL ? no_memory(err) : 0;
}

static int merge_layer(struct form_node *root, const struct buf *index, struct err *err)
{
	struct form_record record;
	size_t offset = 0;
	int rc;

	while ((rc = form_index_next(index, &offset, &record, err)) > 0)
		hide(root, &record);
	offset = 0;
	while (rc == 0 && (rc = form_index_next(index, &offset, &record, err)) > 0)
		rc = add(root, &record, err);
	return rc;
}

int form_merge(const struct buf *indexes, uint32_t count, struct form_node **ret_root,
	       struct err *err)
{
	struct form_node *root = calloc(1, sizeof(*root));
	int rc = 0;

	if (root == NULL || (root->inode = new_inode(NULL)) == NULL)
		return no_memory(err);
	root->name = strdup("");
	root->parent = root;
	for (uint32_t i = 0; rc == 0 && i < count; i++)
		rc = merge_layer(root, &indexes[i], err);
	*ret_root = root;
	return rc;
}
