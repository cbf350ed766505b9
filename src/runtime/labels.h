/*
 * labels.h - AppArmor profiles and SELinux contexts of a configuration.
 *
 * The stage writes them, as its execution of the payload is the one that they are for; a mount's are options.
 */
#ifndef CORTEN_RUNTIME_LABELS_H
#define CORTEN_RUNTIME_LABELS_H

#include <stdbool.h>

#include "base/err.h"
#include "oci/process.h"

/* NULL for none. Pointers into the configuration. */
struct labels {
	const char *apparmor; /* a profile */
	const char *selinux;  /* a context */
	int proc_fd;          /* procfs as the process itself sees it; FD_NONE without labels */
};

/*
 * The process's labels, checked; mount_label (NULL: none) is checked too. ERR_UNSUPPORTED with runc's words when
 * the kernel has nobody to heed one.
 */
int labels_resolve(const struct oci_process *process, const char *mount_label,
		   struct labels *ret_labels, struct err *err);

/*
 * What keys the calling process makes until its next exec are labelled with: the SELinux context. procfd: procfs
 * that shows the caller.
 */
int labels_set_keyring(const struct labels *labels, int procfd, struct err *err);

static inline bool labels_are_set(const struct labels *labels)
{
	return labels->apparmor != NULL || labels->selinux != NULL;
}

#endif
