/*
 * fsconfig.h - a filesystem in the making: the context between fsopen and fsmount.
 *
 * Ownership  fsconfig_open() returns a descriptor, O_CLOEXEC, the caller's.
 * Errors     Name the filesystem and the option, with what the kernel logged about it.
 * Heap       None.
 */
#ifndef CORTEN_KERN_MOUNT_FSCONFIG_H
#define CORTEN_KERN_MOUNT_FSCONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

int fsconfig_open(const char *type, struct err *err);

/* value NULL: a flag. */
int fsconfig_set(int fs, const char *key, const char *value, struct err *err);

/*
 * Comma separated "key" and "key=value"; a value in double quotes may hold commas (SELinux
 * contexts), and so may one that escapes them with a backslash (overlay's folders).
 */
int fsconfig_set_list(int fs, const char *list, struct err *err);

/* Whether every value of the list is short enough for fsconfig. */
bool fsconfig_list_fits(const char *list);

/* Gives a filesystem that was picked (fspick) what was set. */
int fsconfig_reconfigure(int fs, struct err *err);

/* Creates the superblock and returns its detached mount. */
int fsconfig_mount(int fs, const char *type, uint64_t attr, struct err *err);

#endif
