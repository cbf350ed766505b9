#include "kern/netlink/device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "kern/ns/ns.h"

#define DEVICE_UP 1U /* IFF_UP: <net/if.h> and the kernel's header do not mix */

/* What of an address's flags is a choice of whoever set it, and not its state. */
#define FLAGS_KEPT (IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN)

static bool address_read(const struct nlattr *attribute, void *to, size_t size)
{
	if (attribute == NULL || netlink_value_size(attribute) != size)
		return false;
	memcpy(to, netlink_value(attribute), size);
	return true;
}

static bool address_decode(const struct ifaddrmsg *head, const struct nlattr **found,
			   struct device_address *to)
{
	memset(to, 0, sizeof(*to));
	to->family = head->ifa_family;
	to->prefix = head->ifa_prefixlen;
	to->size = head->ifa_family == AF_INET ? 4 : 16;
	to->flags = head->ifa_flags;
	(void)address_read(found[IFA_FLAGS], &to->flags, sizeof(to->flags));
	if ((to->flags & IFA_F_PERMANENT) == 0 || head->ifa_scope != RT_SCOPE_UNIVERSE)
		return false;
	to->flags &= FLAGS_KEPT;
	(void)address_read(found[IFA_RT_PRIORITY], &to->metric, sizeof(to->metric));
	/* IFA_LOCAL is the address; without it (IPv6 without a peer) IFA_ADDRESS is. */
	if (!address_read(found[IFA_LOCAL], to->local, to->size))
		return address_read(found[IFA_ADDRESS], to->local, to->size);
	to->has_peer = address_read(found[IFA_ADDRESS], to->peer, to->size) &&
		       memcmp(to->peer, to->local, to->size) != 0;
	to->has_broadcast =
		head->ifa_family == AF_INET && address_read(found[IFA_BROADCAST], to->broadcast, 4);
	return true;
}

int device_take_address(void *context, const struct nlmsghdr *message)
{
	struct device_addresses *addresses = context;
	const struct nlattr *found[IFA_MAX + 1];
	struct ifaddrmsg head;
	int rc;

	if (message->nlmsg_type != RTM_NEWADDR)
		return 0;
	rc = netlink_attributes(message, sizeof(head), found, IFA_MAX + 1);
	if (rc < 0)
		return rc;
	memcpy(&head, (const unsigned char *)message + NLMSG_HDRLEN, sizeof(head));
	if (head.ifa_index != addresses->index ||
	    (head.ifa_family != AF_INET && head.ifa_family != AF_INET6))
		return 0;
	if (addresses->count == DEVICE_ADDRESSES_MAX) {
		addresses->too_many = true;
		return 0;
	}
	addresses->count += address_decode(&head, found, &addresses->items[addresses->count]);
	return 0;
}

static int device_take_index(void *context, const struct nlmsghdr *message)
{
	struct ifinfomsg head;

	if (message->nlmsg_type != RTM_NEWLINK)
		return 0;
	if (message->nlmsg_len < NLMSG_HDRLEN + sizeof(head))
		return -EPROTO;
	memcpy(&head, (const unsigned char *)message + NLMSG_HDRLEN, sizeof(head));
	if (head.ifi_index <= 0)
		return -EPROTO;
	*(int *)context = head.ifi_index;
	return 0;
}

/* The device's index, or -ENODEV. */
static int device_index(int fd, const char *name, struct err *err)
{
	struct ifinfomsg head = {.ifi_family = AF_UNSPEC};
	struct netlink_request request;
	int index = 0;

	netlink_begin(&request, RTM_GETLINK, 0, &head, sizeof(head));
	netlink_add(&request, IFLA_IFNAME, name, strlen(name) + 1);
	int rc = netlink_talk(fd, &request, "look for it", device_take_index, &index, err);
	if (rc < 0)
		return rc;
	return index > 0 ? index : err_set(err, ERR_SYSTEM, EPROTO, "no answer about '%s'", name);
}

static int device_list_addresses(int fd, int index, struct device_addresses *ret, struct err *err)
{
	struct ifaddrmsg head = {.ifa_family = AF_UNSPEC, .ifa_index = (uint32_t)index};
	struct netlink_request request;

	ret->index = (uint32_t)index;
	ret->count = 0;
	ret->too_many = false;
	netlink_begin(&request, RTM_GETADDR, NLM_F_DUMP, &head, sizeof(head));
	int rc = netlink_talk(fd, &request, "list its addresses", device_take_address, ret, err);
	if (rc == 0 && ret->too_many)
		return err_set(err, ERR_INVALID, E2BIG, "it has more than %d addresses",
			       DEVICE_ADDRESSES_MAX);
	return rc;
}

/* Changes the device: its namespace (netns_fd >= 0), its name (not NULL), to be up. */
static int device_change(int fd, int index, int netns_fd, const char *name, bool up,
			 const char *what, struct err *err)
{
	struct ifinfomsg head = {.ifi_family = AF_UNSPEC,
				 .ifi_index = index,
				 .ifi_flags = up ? DEVICE_UP : 0,
				 .ifi_change = up ? DEVICE_UP : 0};
	struct netlink_request request;
	uint32_t target = (uint32_t)netns_fd;

	netlink_begin(&request, RTM_NEWLINK, 0, &head, sizeof(head));
	if (netns_fd >= 0)
		netlink_add(&request, IFLA_NET_NS_FD, &target, sizeof(target));
	if (name != NULL)
		netlink_add(&request, IFLA_IFNAME, name, strlen(name) + 1);
	return netlink_talk(fd, &request, what, NULL, NULL, err);
}

static int device_add_address(int fd, int index, const struct device_address *address,
			      struct err *err)
{
	struct ifaddrmsg head = {.ifa_family = address->family,
				 .ifa_prefixlen = address->prefix,
				 .ifa_scope = RT_SCOPE_UNIVERSE,
				 .ifa_index = (uint32_t)index};
	struct netlink_request request;

	netlink_begin(&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
	netlink_add(&request, IFA_LOCAL, address->local, address->size);
	netlink_add(&request, IFA_ADDRESS, address->has_peer ? address->peer : address->local,
		    address->size);
	if (address->has_broadcast)
		netlink_add(&request, IFA_BROADCAST, address->broadcast, 4);
	if (address->flags != 0)
		netlink_add(&request, IFA_FLAGS, &address->flags, sizeof(address->flags));
	if (address->metric != 0)
		netlink_add(&request, IFA_RT_PRIORITY, &address->metric, sizeof(address->metric));
	return netlink_talk(fd, &request, "give it an address back", NULL, NULL, err);
}

/* Whether the name is free there; one with "%d" always is. */
static int device_check_name(int there, const char *name, struct err *err)
{
	struct err ignored;

	if (strchr(name, '%') != NULL)
		return 0;
	int index = device_index(there, name, &ignored);
	if (index > 0)
		return err_set(err, ERR_CONFLICT, EEXIST,
			       "the container's network namespace has a '%s' already", name);
	if (index == -ENODEV)
		return 0;
	*err = ignored;
	return index;
}

/*
 * It travels under a name that nobody uses: its index may change on the way, and a pattern's outcome is not
 * told, so the name is how it is found again.
 */
static int device_travel(int here, int there, int netns_fd, int index, const char *new_name,
			 struct err *err)
{
	char name[DEVICE_NAME_MAX + 1];

	(void)snprintf(name, sizeof(name), "corten%08x", (unsigned)getpid());
	int rc = device_change(here, index, netns_fd, name, false,
			       "move it to the container's network namespace", err);
	if (rc < 0)
		return rc;
	index = device_index(there, name, err);
	if (index < 0)
		return index;
	rc = device_change(there, index, -1, new_name, false, "rename it", err);
	return rc < 0 ? rc : index;
}

static int device_move_unnamed(int here, int there, int netns_fd, const char *name,
			       const char *new_name, struct err *err)
{
	struct device_addresses addresses;
	struct err missing;
	int index = device_index(here, name, &missing);

	if (index == -ENODEV)
		return err_set(err, ERR_NOT_FOUND, ENODEV,
			       "the runtime's network namespace has no such device");
	if (index < 0) {
		*err = missing;
		return index;
	}
	int rc = device_check_name(there, new_name, err);
	/* They are lost on the way; those of IPv6 as soon as it is down. */
	if (rc == 0)
		rc = device_list_addresses(here, index, &addresses, err);
	if (rc == 0)
		index = rc = device_travel(here, there, netns_fd, index, new_name, err);
	for (size_t i = 0; rc >= 0 && i < addresses.count; i++)
		rc = device_add_address(there, index, &addresses.items[i], err);
	return rc < 0 ? rc : device_change(there, index, -1, NULL, true, "set it up", err);
}

int device_move(int here, int there, int netns_fd, const char *name, const char *new_name,
		struct err *err)
{
	int rc = device_move_unnamed(here, there, netns_fd, name, new_name, err);

	return rc < 0 ? err_wrap(err, rc, "network device '%s' as '%s'", name, new_name) : 0;
}

int device_open_there(int netns_fd, struct err *err)
{
	auto_fd home = ns_open("/proc/self/ns/net", CLONE_NEWNET, err);

	if (home < 0)
		return home;
	int rc = ns_join(netns_fd, CLONE_NEWNET, err);
	if (rc < 0)
		return rc;
	auto_fd there = netlink_open(err);
	struct err second;
	rc = ns_join(home, CLONE_NEWNET, &second);
	if (rc < 0) {
		*err = second;
		return rc;
	}
	return fd_take(&there);
}
