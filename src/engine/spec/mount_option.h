/*
 * mount_option.h - `-v`, `--mount` and `--tmpfs` as plain data.
 *
 * Ownership  Results take their text from the arena.
 * Errors     ERR_INVALID naming the option and its text. Nothing here looks at a file system.
 */
#ifndef CORTEN_ENGINE_SPEC_MOUNT_OPTION_H
#define CORTEN_ENGINE_SPEC_MOUNT_OPTION_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

enum mount_option_type {
	MOUNT_OPTION_BIND,
	MOUNT_OPTION_TMPFS,
	MOUNT_OPTION_VOLUME, /* an anonymous one: a folder of the container's own */
};

struct mount_option {
	enum mount_option_type type;
	const char *source;      /* of a bind; NULL for others */
	const char *target;      /* absolute, without "." and ".." and doubled slashes */
	const char *propagation; /* "rprivate" unless given */
	const char *
		data; /* comma-separated words of a tmpfs or of a bind of Corten's own; NULL: none */
	bool read_only;
	bool nonrecursive;
	bool create_source; /* -v makes a missing folder on the host; --mount does not */
	bool no_copy;       /* a volume stays empty */
};

/* `CTR`, `HOST:CTR`, `HOST:CTR:ro,z,rshared`. */
int mount_option_parse_volume(const char *text, struct arena *arena, struct mount_option *ret_mount,
			      struct err *err);

/* `type=bind,source=/a,target=/b,readonly`: comma-separated, with CSV's double quotes. */
int mount_option_parse_mount(const char *text, struct arena *arena, struct mount_option *ret_mount,
			     struct err *err);

/* `/run` or `/run:rw,size=64m,mode=1777,exec`. */
int mount_option_parse_tmpfs(const char *text, struct arena *arena, struct mount_option *ret_mount,
			     struct err *err);

/* Cleans an absolute path by its text alone: "/a//b/../c/" is "/a/c". NULL when memory is out. */
char *mount_option_clean_path(const char *path, struct arena *arena);

#endif
