/*
 * idmap.h - mounts that show other owners than the filesystem stores.
 *
 * Purpose    Make the user namespace that carries a mapping, and put it on a detached mount: a file
 *            of id `inside` appears as that of id `outside`.
 * Ownership  Returned descriptors are O_CLOEXEC and the caller's. A mount keeps its mapping without
 *            the descriptor.
 * Errors     ERR_UNSUPPORTED before Linux 5.12 and for filesystems that cannot; ERR_INVALID names
 *            the place in a mapping's text.
 * Heap       None. idmap_userns_open() forks for a moment; what it forks ends with the call.
 */
#ifndef CORTEN_KERN_IDMAP_IDMAP_H
#define CORTEN_KERN_IDMAP_IDMAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "kern/ns/ns.h"

/* Maps ids of a detached mount through the user namespace behind userns_fd. Linux 5.12. */
int idmap_set(int treefd, int userns_fd, bool recursive, struct err *err);

/* A new user namespace that nobody is in, with these mappings. Needs /proc. */
int idmap_userns_open(const struct ns_maps *maps, struct err *err);

/* A mapping read from text. maps points into the struct: it must stay where it is. */
struct idmap_table {
	struct ns_id_map uids[NS_MAP_LINES_MAX];
	struct ns_id_map gids[NS_MAP_LINES_MAX];
	struct ns_maps maps;
};

/*
 * Reads crun's text for a mount's mapping, "uids=0-1000-1#1-2000-5;gids=0-1000-1": triples of the
 * filesystem's id, the host's and a length. After "@" a triple's second id is one inside `own`, the
 * container's user namespace (NULL: it has none), and is turned into the host's; the triple must
 * lie within one line of it. Both kinds must be given.
 */
int idmap_parse(const char *text, const struct ns_maps *own, struct idmap_table *ret_table,
		struct err *err);

#endif
