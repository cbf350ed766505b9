/*
 * device.h - moving a network device to another network namespace with what belongs to it.
 *
 * Errors     ERR_NOT_FOUND for a device that is not there, ERR_CONFLICT for a name that is taken,
 *            ERR_DENIED and ERR_INVALID for what the kernel refuses to move; both names in the text.
 * Heap       None.
 */
#ifndef CORTEN_KERN_NETLINK_DEVICE_H
#define CORTEN_KERN_NETLINK_DEVICE_H

#include "kern/netlink/netlink.h"

#define DEVICE_NAME_MAX      15  /* characters, as Linux has it */
#define DEVICE_ADDRESSES_MAX 256 /* that are carried over */

/* An address as it is carried over: of global scope, set to stay. */
struct device_address {
	uint8_t family;
	uint8_t prefix;
	uint8_t size; /* bytes of an address of this family */
	bool has_peer;
	bool has_broadcast;
	uint32_t flags;  /* IFA_F_* that say how it is used */
	uint32_t metric; /* of its prefix route; 0: the kernel's */
	unsigned char local[16];
	unsigned char peer[16]; /* the other end of a point-to-point link */
	unsigned char broadcast[4];
};

struct device_addresses {
	uint32_t index; /* of the device */
	size_t count;
	bool too_many;
	struct device_address items[DEVICE_ADDRESSES_MAX];
};

/*
 * Moves the device called `name` from the namespace that `here` (netlink_open()) speaks to into the one
 * behind netns_fd, to which `there` speaks, calls it new_name (which may end in "%d": the kernel
 * picks a number), gives it its addresses back and sets it up.
 */
int device_move(int here, int there, int netns_fd, const char *name, const char *new_name,
		struct err *err);

/* A netlink socket into the namespace behind netns_fd. The caller's own namespace stays as it is. */
int device_open_there(int netns_fd, struct err *err);

/* Takes an RTM_NEWADDR message: adds what is carried over to the struct device_addresses. 0 or -EPROTO. */
int device_take_address(void *addresses, const struct nlmsghdr *message);

#endif
