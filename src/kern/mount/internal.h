/* internal.h - shared by the files of this folder. */
#ifndef CORTEN_KERN_MOUNT_INTERNAL_H
#define CORTEN_KERN_MOUNT_INTERNAL_H

#include <stdint.h>

#include "base/err.h"

/* MS_* of mount(2) for MOUNT_ATTR_*; the access-time mode is always among them. */
unsigned long mount_attr_to_ms(uint64_t attr);

/*
 * Runs make in a forked child with a private mount namespace of its own; the detached mount that it
 * returns comes back. For what only mount(2) can make, which attaches at once.
 */
int mount_make_in_child(int (*make)(const void *what, struct err *err), const void *what,
			struct err *err);

#endif
