/*
 * userns.h - the id maps of a new user namespace, by whatever right the runtime has.
 *
 * Purpose    With CAP_SETUID and CAP_SETGID the maps are written as they are. Without, as an ordinary
 *            user: a map of one's own id alone is written too (setgroups is denied for good, as the
 *            kernel demands); any other takes newuidmap and newgidmap, which the distribution installs
 *            with the right to hand out the ranges of /etc/subuid and /etc/subgid.
 * Errors     ERR_DENIED says what is missing and what to install or write where.
 */
#ifndef CORTEN_RUNTIME_USERNS_H
#define CORTEN_RUNTIME_USERNS_H

#include "base/err.h"
#include "kern/ns/ns.h"

/* Writes both maps of the process, a child in a new user namespace. envp: whose PATH is searched. */
int userns_write(const struct ns_maps *maps, pid_t pid, char *const *envp, struct err *err);

#endif
