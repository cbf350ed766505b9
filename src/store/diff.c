#include "store/diff.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/limits.h"
#include "kern/uapi.h"
#include "store/internal.h"

#define CHUNK   65536
#define CAP_MAX 256

/* What of a file can differ. */
struct facts {
	mode_t mode;
	uid_t uid;
	gid_t gid;
	dev_t rdev;
	off_t size;
	struct timespec mtime;
};

/* One name in one layer's folder. */
struct found {
	const char *name;
	size_t layer;
	struct facts facts;
};

/* One name in the merged folder: the topmost layer that has it and, for a folder, those that it merges. */
struct entry {
	const char *name;
	const struct facts *facts;
	size_t layer; /* index into the side's layers */
	const struct found *found;
	size_t merged; /* how many of found[] are the folder's, the topmost first */
};

struct entries {
	struct entry *items;
	size_t count;
};

/* A folder that is being compared; its ancestors are told to have changed once something inside did. */
struct folder {
	struct folder *parent;
	bool told;
	size_t len; /* of its path */
};

struct walk {
	struct store *store;
	const struct store_diff *diff;
	char path[PATH_LENGTH_MAX]; /* "" is the top */
	unsigned depth;
	struct err *err;
};

struct found_list {
	struct found *items;
	size_t count;
	size_t room;
};

static int compare_folder(struct walk *walk, const struct entry *from, const struct entry *to,
			  struct folder *folder);

static int too_large(struct walk *walk)
{
	return err_set(walk->err, ERR_INVALID, ENOMEM, "the folder '%s/' is too large", walk->path);
}

static bool is_whiteout(const struct facts *facts)
{
	return S_ISCHR(facts->mode) && facts->rdev == 0;
}

/* The layer's folder or file at the walk's path; FD_NONE: it has none. */
static int open_at(struct walk *walk, const char *diff_id, uint64_t flags)
{
	struct open_how how = {.flags = flags | O_NOFOLLOW | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
	auto_fd layer = store_layer_open(walk->store, diff_id, walk->err);

	if (layer < 0)
		return layer;
	int fd = uapi_openat2(layer, walk->path[0] != '\0' ? walk->path + 1 : ".", &how);
	return fd < 0 ? err_errno(walk->err, "open '%s/' of layer sha256:%.12s", walk->path,
				  diff_id)
		      : fd;
}

static int add_found(struct walk *walk, struct found_list *list, struct arena *arena, int fd,
		     const char *name, size_t layer)
{
	struct stat st;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(walk->err, "look at '%s/%s'", walk->path, name);
	if (list->count == list->room) {
		size_t room = list->room > 0 ? list->room * 2 : 32;
		struct found *items = arena_alloc(arena, room * sizeof(*items));
		if (items == NULL)
			return too_large(walk);
		if (list->count > 0)
			memcpy(items, list->items, list->count * sizeof(*items));
		list->items = items;
		list->room = room;
	}
	const char *copy = arena_strndup(arena, name, strlen(name));
	if (copy == NULL)
		return too_large(walk);
	list->items[list->count++] = (struct found){
		.name = copy,
		.layer = layer,
		.facts = {st.st_mode, st.st_uid, st.st_gid, st.st_rdev, st.st_size, st.st_mtim}};
	return 0;
}

/* 1: what lies below in other layers is hidden. The top of a layer hides nothing, as overlay has it. */
static int read_layer(struct walk *walk, const char *diff_id, size_t layer, struct arena *arena,
		      struct found_list *list)
{
	char value[2];
	int fd = open_at(walk, diff_id, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return fd;
	bool opaque = walk->path[0] != '\0' &&
		      fgetxattr(fd, "trusted.overlay.opaque", value, sizeof(value)) == 1 &&
		      value[0] == 'y';
	DIR *dir = fdopendir(fd);
	if (dir == NULL) {
		(void)close(fd);
		return err_errno(walk->err, "read '%s/'", walk->path);
	}
	int rc = 0;
	struct dirent *entry;
	while (rc == 0 && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = add_found(walk, list, arena, dirfd(dir), entry->d_name, layer);
	}
	(void)closedir(dir);
	return rc < 0 ? rc : opaque;
}

/* By name, the topmost layer first. */
static int by_name(const void *a, const void *b)
{
	const struct found *one = a, *two = b;
	int order = strcmp(one->name, two->name);

	return order != 0 ? order : (one->layer < two->layer) - (one->layer > two->layer);
}

static int merge(struct walk *walk, const struct found_list *list, struct arena *arena,
		 struct entries *ret_entries)
{
	struct entries entries = {arena_alloc(arena, (list->count + 1) * sizeof(*entries.items)),
				  0};

	if (entries.items == NULL)
		return too_large(walk);
	for (size_t i = 0, next; i < list->count; i = next) {
		const struct found *top = &list->items[i];
		size_t merged = 0;
		for (next = i; next < list->count && strcmp(list->items[next].name, top->name) == 0;
		     next++) {
			if (merged == next - i && S_ISDIR(list->items[next].facts.mode))
				merged++;
		}
		if (!is_whiteout(&top->facts))
			entries.items[entries.count++] =
				(struct entry){top->name, &top->facts, top->layer, top, merged};
	}
	*ret_entries = entries;
	return 0;
}

/* The entries of a merged folder; NULL, or what is no folder, has none. */
static int read_merged(struct walk *walk, const json_strings *layers, const struct entry *folder,
		       struct arena *arena, struct entries *ret_entries)
{
	struct found_list list = {0};
	int rc = 0;

	*ret_entries = (struct entries){0};
	for (size_t i = 0; folder != NULL && rc == 0 && i < folder->merged; i++) {
		size_t layer = folder->found[i].layer;
		rc = read_layer(walk, layers->items[layer], layer, arena, &list);
	}
	if (rc < 0)
		return rc;
	if (list.count > 0)
		qsort(list.items, list.count, sizeof(*list.items), by_name);
	return merge(walk, &list, arena, ret_entries);
}

/* ---- telling ---- */

/* Folders around that have not been told yet come first. */
static int tell_folders(struct walk *walk, struct folder *folder)
{
	char kept;

	if (folder == NULL || folder->told)
		return 0;
	int rc = tell_folders(walk, folder->parent);
	folder->told = true;
	if (rc < 0 || folder->len == 0)
		return rc;
	kept = walk->path[folder->len];
	walk->path[folder->len] = '\0';
	rc = walk->diff->change(walk->diff->arg, STORE_CHANGED, walk->path, walk->err);
	walk->path[folder->len] = kept;
	return rc;
}

static int tell(struct walk *walk, struct folder *folder, enum store_change change)
{
	int rc = tell_folders(walk, folder);

	return rc < 0 ? rc : walk->diff->change(walk->diff->arg, change, walk->path, walk->err);
}

/* ---- comparing ---- */

static bool facts_differ(const struct facts *a, const struct facts *b)
{
	if (a->mode != b->mode || a->uid != b->uid || a->gid != b->gid || a->rdev != b->rdev)
		return true;
	/* A folder's size and time say nothing of it. */
	return !S_ISDIR(a->mode) && (a->size != b->size || a->mtime.tv_sec != b->mtime.tv_sec ||
				     a->mtime.tv_nsec != b->mtime.tv_nsec);
}

static bool capabilities_differ(int one, int two)
{
	char a[CAP_MAX], b[CAP_MAX];
	ssize_t a_len = fgetxattr(one, "security.capability", a, sizeof(a));
	ssize_t b_len = fgetxattr(two, "security.capability", b, sizeof(b));

	return a_len != b_len || (a_len > 0 && memcmp(a, b, (size_t)a_len) != 0);
}

/* 1: the two files' bytes differ. */
static int bytes_differ(struct walk *walk, int one, int two)
{
	char a[CHUNK], b[CHUNK];

	for (;;) {
		ssize_t a_len = fd_read_full(one, a, sizeof(a));
		ssize_t b_len = fd_read_full(two, b, sizeof(b));
		if (a_len < 0 || b_len < 0)
			return err_set(walk->err, ERR_SYSTEM, (int)-(a_len < 0 ? a_len : b_len),
				       "read '%s'", walk->path);
		if (a_len != b_len || memcmp(a, b, (size_t)a_len) != 0)
			return 1;
		if (a_len == 0)
			return 0;
	}
}

/* 1: they differ, though they look alike from outside. */
static int content_differs(struct walk *walk, const char *from_id, const char *to_id, mode_t mode)
{
	char a[PATH_LENGTH_MAX], b[PATH_LENGTH_MAX];
	uint64_t flags = S_ISLNK(mode) ? O_PATH : O_RDONLY | O_NONBLOCK;

	if (!S_ISREG(mode) && !S_ISLNK(mode))
		return 0;
	auto_fd one = open_at(walk, from_id, flags);
	if (one < 0)
		return one;
	auto_fd two = open_at(walk, to_id, flags);
	if (two < 0)
		return two;
	if (S_ISREG(mode))
		return capabilities_differ(one, two) ? 1 : bytes_differ(walk, one, two);
	ssize_t a_len = readlinkat(one, "", a, sizeof(a));
	ssize_t b_len = readlinkat(two, "", b, sizeof(b));
	return a_len < 0 || b_len < 0 || a_len != b_len || memcmp(a, b, (size_t)a_len) != 0;
}

/* Whether both are made of the very same layers: then so is all that is beneath. */
static bool same_layers(const struct walk *walk, const struct entry *from, const struct entry *to)
{
	const json_strings *a = walk->diff->from, *b = walk->diff->to;
	bool folders = S_ISDIR(from->facts->mode);

	if (folders && from->merged != to->merged)
		return false;
	if (strcmp(a->items[from->layer], b->items[to->layer]) != 0)
		return false;
	for (size_t i = 1; folders && i < from->merged; i++) {
		if (strcmp(a->items[from->found[i].layer], b->items[to->found[i].layer]) != 0)
			return false;
	}
	return true;
}

/* One name on both sides. */
static int compare_both(struct walk *walk, const struct entry *from, const struct entry *to,
			struct folder *parent)
{
	struct folder folder = {.parent = parent, .len = strlen(walk->path)};
	bool from_folder = S_ISDIR(from->facts->mode), to_folder = S_ISDIR(to->facts->mode);

	if (from_folder == to_folder && same_layers(walk, from, to))
		return 0;
	int differ = facts_differ(from->facts, to->facts);
	if (!differ)
		differ = content_differs(walk, walk->diff->from->items[from->layer],
					 walk->diff->to->items[to->layer], to->facts->mode);
	if (differ < 0)
		return differ;
	folder.told = differ;
	int rc = differ ? tell(walk, parent, STORE_CHANGED) : 0;
	if (rc < 0 || !to_folder)
		return rc;
	return compare_folder(walk, from_folder ? from : NULL, to, &folder);
}

static int compare_added(struct walk *walk, const struct entry *to, struct folder *parent)
{
	struct folder folder = {.parent = parent, .told = true, .len = strlen(walk->path)};
	int rc = tell(walk, parent, STORE_ADDED);

	return rc < 0 || !S_ISDIR(to->facts->mode) ? rc : compare_folder(walk, NULL, to, &folder);
}

/* from, to: what each side has of that name; NULL: nothing. */
static int compare_entry(struct walk *walk, const char *name, const struct entry *from,
			 const struct entry *to, struct folder *folder)
{
	size_t before = strlen(walk->path), len = strlen(name);
	int rc;

	if (before + len + 2 > sizeof(walk->path))
		return err_set(walk->err, ERR_INVALID, ENAMETOOLONG, "the path '%s/%s'", walk->path,
			       name);
	walk->path[before] = '/';
	memcpy(walk->path + before + 1, name, len + 1);
	if (to == NULL)
		rc = tell(walk, folder, STORE_DELETED);
	else if (from == NULL)
		rc = compare_added(walk, to, folder);
	else
		rc = compare_both(walk, from, to, folder);
	walk->path[before] = '\0';
	return rc;
}

static int compare_folder(struct walk *walk, const struct entry *from, const struct entry *to,
			  struct folder *folder)
{
	ARENA_AUTO(arena, DIFF_MEMORY_MAX);
	struct entries old, new;
	size_t i = 0, j = 0;

	if (walk->depth >= TREE_DEPTH_MAX)
		return err_set(walk->err, ERR_INVALID, ELOOP, "folders deeper than %d at '%.200s'",
			       TREE_DEPTH_MAX, walk->path);
	walk->depth++;
	int rc = read_merged(walk, walk->diff->from, from, &arena, &old);
	if (rc == 0)
		rc = read_merged(walk, walk->diff->to, to, &arena, &new);
	while (rc == 0 && (i < old.count || j < new.count)) {
		int order = i == old.count   ? 1
			    : j == new.count ? -1
					     : strcmp(old.items[i].name, new.items[j].name);
		const struct entry *gone = order <= 0 ? &old.items[i] : NULL;
		const struct entry *here = order >= 0 ? &new.items[j] : NULL;
		rc = compare_entry(walk, gone != NULL ? gone->name : new.items[j].name, gone, here,
				   folder);
		i += order <= 0;
		j += order >= 0;
	}
	walk->depth--;
	return rc;
}

/* The top of a stack: every layer's own top, the topmost first. */
static int top_of(const json_strings *layers, struct arena *arena, struct entry *ret_top)
{
	static const struct facts folder = {.mode = S_IFDIR};
	struct found *found = arena_alloc(arena, (layers->count + 1) * sizeof(*found));

	if (found == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < layers->count; i++)
		found[i].layer = layers->count - 1 - i;
	*ret_top = (struct entry){"", &folder, 0, found, layers->count};
	return 0;
}

int store_diff_layers(struct store *store, const struct store_diff *diff, struct err *err)
{
	ARENA_AUTO(arena, 1 << 20);
	struct walk walk = {.store = store, .diff = diff, .err = err};
	struct folder top = {.told = true};
	struct entry from, to;

	if (top_of(diff->from, &arena, &from) < 0 || top_of(diff->to, &arena, &to) < 0)
		return err_set(err, ERR_INVALID, ENOMEM, "compare images of so many layers");
	return compare_folder(&walk, &from, &to, &top);
}
