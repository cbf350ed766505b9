/*
 * untar_internal.h - what the files of untar share.
 */
#ifndef CORTEN_IMAGE_UNTAR_INTERNAL_H
#define CORTEN_IMAGE_UNTAR_INTERNAL_H

#include <sys/stat.h>

#include "image/untar.h"

/* A name taken apart; base is "" for the root itself. */
struct untar_place {
	char path[TAR_PATH_MAX + 1]; /* normalised: no "." and no empty components */
	char parent[TAR_PATH_MAX + 1];
	const char *base; /* in path */
};

/* Normalises and checks a name; `what` is "name" or "link target". */
int untar_place_set(struct untar_place *place, const char *name, const char *what, struct err *err);

/* A descriptor (lent, until the next call) of the folder `path`, made where missing. */
int untar_parent(struct untar *untar, const char *path, struct err *err);

/* Removes whatever parent_fd/base is. 1: it was a whiteout; 0: it was not, or nothing was there. */
int untar_clear(struct untar *untar, int parent_fd, const char *base, struct err *err);

/* Moves the content of a file that gives way to `kept`. */
int untar_keep(struct untar *untar, int parent_fd, const char *base, const struct stat *st,
	       struct err *err);

/* The same for all files of the folders that gave way. */
int untar_keep_trashed(struct untar *untar, struct err *err);

int untar_note_opaque(struct untar *untar, const char *path, struct err *err);

/* Owner, mode and time of what is not open: links, devices, folders (their time comes last). */
int untar_set_meta(struct untar *untar, int parent_fd, const char *base,
		   const struct tar_entry *entry, struct err *err);

/* The same for an open file or folder, with extended attributes. */
int untar_set_meta_fd(struct untar *untar, int fd, const struct tar_entry *entry, struct err *err);

/* Creates the file and writes its data. */
int untar_file(struct untar *untar, int parent_fd, const struct untar_place *place, struct tar *tar,
	       struct err *err);

#endif
