/*
 * diff.h - what differs between two stacks of layers, seen as overlay would merge them.
 *
 * Purpose    `image diff`, without a mount: each folder is read layer by layer through descriptors beneath the
 *            layers' own, whiteouts and opaque folders meaning what they mean to overlay.
 * Errors     A layer that has gone is ERR_NOT_FOUND; folders deeper than TREE_DEPTH_MAX, paths longer than
 *            PATH_LENGTH_MAX and folders too large for DIFF_MEMORY_MAX are ERR_INVALID.
 */
#ifndef CORTEN_STORE_DIFF_H
#define CORTEN_STORE_DIFF_H

#include "base/err.h"
#include "store/store.h"

#define DIFF_MEMORY_MAX (256 << 20)

enum store_change {
	STORE_ADDED,
	STORE_CHANGED,
	STORE_DELETED,
};

/* The path begins with "/". A negative return ends the walk. */
typedef int store_change_fn(void *arg, enum store_change change, const char *path, struct err *err);

struct store_diff {
	const json_strings *from; /* diff-ids, the lowest first; may be empty */
	const json_strings *to;
	store_change_fn *change;
	void *arg;
};

/*
 * Calls `change` for what leads from one to the other, folders before what is in them, names in order. As with Docker
 * and Podman: a folder whose content changed counts as changed, what is in a deleted folder is not told one by one.
 * Files that agree in mode, owner, size and time are compared by their content.
 */
int store_diff_layers(struct store *store, const struct store_diff *diff, struct err *err);

#endif
