/* device_util.h - rows of config.json's linux.devices, shared by the steps that make their nodes. */
#ifndef CORTEN_RUNTIME_STEPS_DEVICE_UTIL_H
#define CORTEN_RUNTIME_STEPS_DEVICE_UTIL_H

#include <sys/types.h>

#include "base/limits.h"
#include "runtime/start.h"

struct device {
	const char *path;
	mode_t mode; /* with S_IFCHR and its like */
	unsigned int major;
	unsigned int minor;
	uid_t uid;
	gid_t gid;
};

/* Row i; clean (PATH_LENGTH_MAX bytes) holds its path: "/dev/x/" is "/dev/x", as to runc and crun. */
int device_row(const struct start *start, size_t i, char *clean, struct device *ret_device,
	       struct err *err);

/* Whether st is of that very device; mode and owner do not count. */
bool device_is_same(const struct device *device, const struct stat *st);

#define DEVICE_NODE_NAME_SIZE 12

/* The name of row i's node in start->nodes_fd. */
void device_node_name(size_t i, char name[DEVICE_NODE_NAME_SIZE]);

#endif
