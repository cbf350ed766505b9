/*
 * sysctl.h - which kernel parameters a container may set, and setting them.
 *
 * Names are those of sysctl(8): "net.ipv4.ip_forward" or "net/ipv4/ip_forward"; the first separator
 * decides, the other character then stands for itself ("net/ipv4/conf/eth0.100/forwarding" is
 * "net.ipv4.conf.eth0/100.forwarding").
 *
 * Heap       None; callable between clone and exec.
 */
#ifndef CORTEN_KERN_PROC_SYSCTL_H
#define CORTEN_KERN_PROC_SYSCTL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * 0 when name belongs to a namespace that the container has for itself; namespaces: CLONE_NEWIPC,
 * CLONE_NEWNET, CLONE_NEWUTS, CLONE_NEWUSER of those that are not the runtime's own. ERR_INVALID
 * otherwise, with the reason.
 */
int sysctl_check_allowed(const char *name, uint64_t namespaces, struct err *err);

/* Writes value to name beneath procfs_open()'s handle, from inside the container's namespaces. */
int sysctl_write(int procfd, const char *name, const char *value, struct err *err);

/*
 * Writes the path beneath /proc ("sys/net/ipv4/ip_forward") to buf. ERR_INVALID for an empty name,
 * "..", or too long.
 */
int sysctl_path(const char *name, char *buf, size_t size, struct err *err);

#endif
