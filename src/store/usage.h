/*
 * usage.h - how much a tree takes.
 *
 * Purpose    What `system df` and a container's size are made of: files counted through descriptors, no link
 *            followed, no other filesystem entered, hard links counted once a tree.
 * Errors     What vanishes meanwhile counts as nothing; a tree too large for USAGE_MEMORY_MAX is ERR_INVALID.
 */
#ifndef CORTEN_STORE_USAGE_H
#define CORTEN_STORE_USAGE_H

#include <stdint.h>

#include "base/err.h"

#define USAGE_MEMORY_MAX (256 << 20)

struct store_usage {
	int64_t size_bytes; /* of files and links, as they say */
	int64_t disk_bytes; /* of everything, as the filesystem says */
	int64_t entries;    /* the tree's top included */
};

/* Adds what dirfd/name is and holds to *usage; what is not there adds nothing. */
int store_usage_tree(int dirfd, const char *name, struct store_usage *usage, struct err *err);

#endif
