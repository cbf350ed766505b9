/*
 * options.h - the mount options of an OCI configuration, as flags.
 *
 * Purpose    One table knows every option of the runtime specification, runc and crun.
 * Ownership  mount_options.data points into the caller's buffer, idmap_text into the option.
 * Errors     ERR_INVALID names the option: propagation inside a list twice is allowed, a comma or a
 *            newline inside an option is not; ERR_INVALID too when data does not fit.
 * Heap       None.
 */
#ifndef CORTEN_KERN_MOUNT_OPTIONS_H
#define CORTEN_KERN_MOUNT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define MOUNT_PROPAGATION_MAX 8

enum mount_idmap {
	MOUNT_IDMAP_NONE,
	MOUNT_IDMAP_ONE,       /* "idmap" */
	MOUNT_IDMAP_RECURSIVE, /* "ridmap" */
};

struct mount_options {
	/* MOUNT_ATTR_*, of the mount itself */
	uint64_t attr_set;
	uint64_t attr_clear;
	/* the same, of the whole tree: rro, rnosuid, ... */
	uint64_t rec_attr_set;
	uint64_t rec_attr_clear;
	/* MS_SYNCHRONOUS, MS_DIRSYNC, MS_MANDLOCK, MS_LAZYTIME, MS_I_VERSION, MS_SILENT */
	uint32_t sb_flags;
	uint32_t sb_clear; /* the same, of those named as absent: async, nolazytime, ... */
	/* MS_SHARED, ... with or without MS_REC, in the order given */
	uint32_t propagation[MOUNT_PROPAGATION_MAX];
	size_t propagation_count;
	bool bind;      /* "bind" or "rbind" */
	bool recursive; /* "rbind" */
	bool remount;
	bool tmpcopyup;
	bool copy_symlink;  /* crun: a link as source is made anew at the target */
	bool src_nofollow;  /* crun: a link as source is mounted itself */
	bool dest_nofollow; /* crun: a link as target is mounted on itself */
	enum mount_idmap idmap;
	/* crun: the mappings of "idmap=uids=0-1000-1;gids=...", in the option itself; or NULL */
	const char *idmap_text;
	/* what the table does not know, comma separated, for the filesystem; "" for none */
	const char *data;
};

/* Parses count options. data is filled with what is left for the filesystem. */
int mount_options_parse(const char *const *options, size_t count, char *data, size_t data_size,
			struct mount_options *ret_options, struct err *err);

/* The names known, sorted; NULL past the last. For the features command. */
const char *mount_option_name(size_t index);

/*
 * MS_* flags (with MS_REC) of a propagation name ("rslave"), as linux.rootfsPropagation has; 0
 * when unknown.
 */
uint32_t mount_propagation_of(const char *name);

#endif
