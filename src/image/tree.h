/*
 * tree.h - writes a folder as a tar archive (PAX), the same bytes for the same tree.
 *
 * Purpose    What `import` of a folder reads. Names are sorted; hard links within the tree stay links;
 *            user.* attributes and file capabilities are kept; sockets are left out; nothing beyond a
 *            mount point is looked at. A file that changes while it is read keeps the size it had.
 * Errors     Name the path. A name that begins with ".wh." is refused: in a layer it would delete.
 */
#ifndef CORTEN_IMAGE_TREE_H
#define CORTEN_IMAGE_TREE_H

#include "base/err.h"

int tree_write(int folder_fd, int out_fd, struct err *err);

#endif
