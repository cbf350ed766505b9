/*
 * lsm.h - which of the kernel's mandatory access controls are active: AppArmor, SELinux.
 *
 * Purpose    Labels of a configuration are refused with words where the kernel has nobody to heed them. The
 *            rules are runc's: AppArmor counts as active when securityfs shows it and its module says Y;
 *            SELinux when its filesystem is mounted, may be written, and a policy is loaded.
 * Ownership  Nothing is kept. `sys` is where sysfs is ("/sys"); tests give a made tree.
 */
#ifndef CORTEN_KERN_LSM_LSM_H
#define CORTEN_KERN_LSM_LSM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define LSM_LABEL_MAX 4000 /* of a profile's name or a context: the kernel takes less than a page */

bool lsm_apparmor_is_enabled(const char *sys);

/* procfd: procfs, for the context of the caller. */
bool lsm_selinux_is_enabled(const char *sys, int procfd);

/* A context of its caller that only a kernel without policy has: "kernel", or none. */
bool lsm_selinux_is_initial(const char *context);

/*
 * Refuses what is no single line of printable text or over LSM_LABEL_MAX; `what` is its name in errors. A
 * quote would end a mount's option early.
 */
int lsm_check_label(const char *label, const char *what, struct err *err);

/* Labels what fd names: "security.selinux". */
int lsm_selinux_set_file(int fd, const char *context, struct err *err);

#endif
