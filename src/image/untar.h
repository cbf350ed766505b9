/*
 * untar.h - lays the entries of a layer's tar archive out as a folder that overlay can use.
 *
 * Purpose    Whiteouts become devices 0:0 and a list of opaque folders; all else is created as it is in
 *            the archive, beneath one folder and never through a link.
 * Rules      Names are relative; "..", a leading slash and an empty name are refused. When an entry
 *            needs a folder where something else is, that is replaced: what comes last wins. A hard
 *            link's target lies in the same layer. Of extended attributes, user.* (but user.overlay.*)
 *            and a well-formed security.capability are kept.
 * Headers    With a writer of headers.h (whose stream the tar reader reads), each file's content is told
 *            to it, and content that is replaced is moved to `kept` instead of going.
 * Ownership  struct untar is in place: untar_init(), untar_done(); descriptors are lent.
 * Errors     Name the entry, what is wrong with it or what the system refused.
 */
#ifndef CORTEN_IMAGE_UNTAR_H
#define CORTEN_IMAGE_UNTAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "image/headers.h"
#include "image/limits.h"
#include "image/tar.h"

struct untar {
	int root_fd;  /* of the empty folder to fill */
	int trash_fd; /* where folders that are replaced go: removal must not take time here */
	int64_t max_bytes;
	int64_t bytes;     /* of files, holes included */
	struct buf opaque; /* paths of opaque folders, a NUL after each; "" is the root */
	struct headers_writer *headers; /* lent; NULL: nothing is noted */
	int layer_fd;                   /* with headers: where `kept` is made when it is needed */
	/* Internal. */
	int kept_fd;
	struct buf folders; /* times to be set at the end */
	int parent_fd;
	char parent[TAR_PATH_MAX + 1];
	uint32_t trashed;
	bool inherits_group; /* a setgid folder is there: new files may not belong to group 0 */
};

int untar_init(struct untar *untar, int root_fd, int trash_fd, struct err *err);
void untar_done(struct untar *untar);

/* Creates tar->entry, reading its data. */
int untar_entry(struct untar *untar, struct tar *tar, struct err *err);

/* After the last entry: folders get their times, and replaced folders' files go to `kept`. */
int untar_finish(struct untar *untar, struct err *err);

/* Every entry of the archive, then untar_finish(). */
int untar_all(struct untar *untar, struct tar *tar, struct err *err);

#endif
