/* listing.h - a container as `state` and `list` show it: runc's members. */
#ifndef CORTEN_RUNTIME_COMMAND_LISTING_H
#define CORTEN_RUNTIME_COMMAND_LISTING_H

#include "runtime/container.h"

struct listing {
	const char *oci_version;
	const char *id;
	int32_t pid;
	int status; /* enum oci_status */
	const char *bundle;
	const char *rootfs;
	const char *created;
	json_pairs annotations;
	const char *owner;
};

extern const struct json_shape listing_shape;

/* Points into the container and its arena. */
struct listing listing_of(struct container *container);

#endif
