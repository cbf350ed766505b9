/*
 * netlink.h - requests to the kernel's routing netlink, and what it answers.
 *
 * Purpose    The few messages that moving a network device takes; no library.
 * Ownership  netlink_open() returns a descriptor, O_CLOEXEC, the caller's. It speaks to the network
 *            namespace in which it was opened, wherever its user goes.
 * Errors     What the kernel answers, as an errno.
 * Limits     A request has NETLINK_REQUEST_MAX bytes, a packet of answers NETLINK_PACKET_MAX.
 * Heap       None; callable between clone and exec.
 */
#ifndef CORTEN_KERN_NETLINK_NETLINK_H
#define CORTEN_KERN_NETLINK_NETLINK_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define NETLINK_REQUEST_MAX 512
#define NETLINK_PACKET_MAX  32768 /* the kernel's own largest */

/* A request being built; `full` once something did not fit. */
struct netlink_request {
	_Alignas(4) unsigned char data[NETLINK_REQUEST_MAX];
	size_t used;
	bool full;
};

/* Starts one with a copy of the family's fixed header. flags: NLM_F_* beside NLM_F_REQUEST. */
void netlink_begin(struct netlink_request *request, uint16_t type, uint16_t flags,
		   const void *header, size_t size);
void netlink_add(struct netlink_request *request, uint16_t attribute, const void *value,
		 size_t size);

int netlink_open(struct err *err);

/*
 * Sends it and hands every message of the answer to `take` (may be NULL), until the kernel says that
 * this was all. `what` names the operation in errors. A negative value of `take` ends it.
 */
int netlink_talk(int fd, struct netlink_request *request, const char *what,
		 int (*take)(void *context, const struct nlmsghdr *message), void *context,
		 struct err *err);

/*
 * Reads one packet of answers: 0: more is to come, 1: it was all, negative: the errno that the
 * kernel answered, or -EPROTO for a packet that is none.
 */
int netlink_read_packet(const void *packet, size_t size,
			int (*take)(void *context, const struct nlmsghdr *message), void *context);

/*
 * Finds the attributes of a message behind its fixed header: ret[type] for each type below `count`, NULL
 * when absent. Of a type that comes twice the last is taken. -EPROTO when they do not fit.
 */
int netlink_attributes(const struct nlmsghdr *message, size_t header, const struct nlattr **ret,
		       size_t count);

/* What stands in an attribute, and how much. */
const void *netlink_value(const struct nlattr *attribute);
size_t netlink_value_size(const struct nlattr *attribute);

#endif
