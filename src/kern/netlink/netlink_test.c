#include "kern/netlink/netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/test.h"
#include "kern/netlink/device.h"

/* Room for a packet made by hand, aligned as one that comes from a socket. */
struct packet {
	_Alignas(4) unsigned char data[1024];
	size_t used;
};

/* Adds a message; `length` is what it claims. */
static unsigned char *packet_add(struct packet *packet, uint16_t type, const void *body,
				 size_t size, uint32_t length)
{
	struct nlmsghdr head = {.nlmsg_len = length, .nlmsg_type = type};
	unsigned char *at = packet->data + packet->used;

	memcpy(at, &head, sizeof(head));
	memcpy(at + sizeof(head), body, size);
	packet->used += NLMSG_ALIGN(sizeof(head) + size);
	return at;
}

static int packet_fail(struct packet *packet, int error)
{
	struct nlmsgerr body = {.error = error};

	packet->used = 0;
	(void)packet_add(packet, NLMSG_ERROR, &body, sizeof(body), NLMSG_HDRLEN + sizeof(body));
	return netlink_read_packet(packet->data, packet->used, NULL, NULL);
}

static int count_message(void *context, const struct nlmsghdr *message)
{
	*(int *)context += message->nlmsg_type == RTM_NEWADDR;
	return 0;
}

TEST(answers)
{
	struct packet packet = {.used = 0};
	char body[8] = "";
	int seen = 0;

	CHECK_INT(packet_fail(&packet, 0), 1);
	CHECK_INT(packet_fail(&packet, -ENODEV), -ENODEV);
	CHECK_INT(packet_fail(&packet, 5), -EPROTO);
	CHECK_INT(packet_fail(&packet, -100000), -EPROTO);
	packet.used = 0;
	(void)packet_add(&packet, RTM_NEWADDR, body, 5, NLMSG_HDRLEN + 5);
	(void)packet_add(&packet, NLMSG_NOOP, body, 0, NLMSG_HDRLEN);
	(void)packet_add(&packet, RTM_NEWADDR, body, 8, NLMSG_HDRLEN + 8);
	CHECK_INT(netlink_read_packet(packet.data, packet.used, count_message, &seen), 0);
	CHECK_INT(seen, 2);
	(void)packet_add(&packet, NLMSG_DONE, body, 4, NLMSG_HDRLEN + 4);
	CHECK_INT(netlink_read_packet(packet.data, packet.used, count_message, &seen), 1);
	CHECK_INT(netlink_read_packet(packet.data, 0, count_message, &seen), 0);
}

TEST(lengths_that_lie)
{
	struct packet packet;
	char body[8] = "";

	for (uint32_t length = 0; length < NLMSG_HDRLEN; length++) {
		packet.used = 0;
		(void)packet_add(&packet, RTM_NEWADDR, body, 8, length);
		CHECK_INT(netlink_read_packet(packet.data, packet.used, NULL, NULL), -EPROTO);
	}
	packet.used = 0;
	(void)packet_add(&packet, RTM_NEWADDR, body, 8, NLMSG_HDRLEN + 9);
	CHECK_INT(netlink_read_packet(packet.data, packet.used, NULL, NULL), -EPROTO);
	packet.used = 0;
	(void)packet_add(&packet, RTM_NEWADDR, body, 8, UINT32_MAX);
	CHECK_INT(netlink_read_packet(packet.data, packet.used, NULL, NULL), -EPROTO);
	CHECK_INT(netlink_read_packet(packet.data, 7, NULL, NULL), -EPROTO);
	packet.used = 0;
	(void)packet_add(&packet, NLMSG_ERROR, body, 4, NLMSG_HDRLEN + 4);
	CHECK_INT(netlink_read_packet(packet.data, packet.used, NULL, NULL), -EPROTO);
}

TEST(attributes_that_lie)
{
	struct packet packet = {.used = 0};
	const struct nlattr *found[4];
	unsigned char body[8] = {8, 0, 2, 0, 'a', 'b', 'c', 'd'};
	const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)packet.data;

	(void)packet_add(&packet, RTM_NEWLINK, body, 8, NLMSG_HDRLEN + 8);
	CHECK_INT(netlink_attributes(message, 0, found, 4), 0);
	REQUIRE(found[2] != NULL && found[0] == NULL && found[1] == NULL && found[3] == NULL);
	CHECK_INT(netlink_value_size(found[2]), 4);
	CHECK(memcmp(netlink_value(found[2]), "abcd", 4) == 0);
	CHECK_INT(netlink_attributes(message, 0, found, 2), 0); /* one that is not asked for */
	CHECK_INT(netlink_attributes(message, 9, found, 4), -EPROTO);
	packet.data[NLMSG_HDRLEN] = 9;
	CHECK_INT(netlink_attributes(message, 0, found, 4), -EPROTO);
	packet.data[NLMSG_HDRLEN] = 3;
	CHECK_INT(netlink_attributes(message, 0, found, 4), -EPROTO);
	packet.data[NLMSG_HDRLEN] = 6; /* and two bytes that are no attribute */
	CHECK_INT(netlink_attributes(message, 0, found, 4), 0);
	packet.data[NLMSG_HDRLEN] = 4; /* the next one has the length "ab" */
	CHECK_INT(netlink_attributes(message, 0, found, 4), -EPROTO);
}

TEST(requests_have_a_maximum)
{
	struct netlink_request request;
	struct err err = {0};
	char value[64] = "";

	netlink_begin(&request, RTM_NEWLINK, 0, value, 16);
	for (int i = 0; i < 7; i++)
		netlink_add(&request, 1, value, sizeof(value));
	CHECK(!request.full);
	CHECK_INT(request.used, NLMSG_HDRLEN + 16 + 7 * 68);
	netlink_add(&request, 1, value, 1);
	CHECK(request.full);
	CHECK_INT(netlink_talk(-1, &request, "ask", NULL, NULL, &err), -E2BIG);
}

/* RTM_NEWADDR of IPv4 with IFA_LOCAL, as the kernel sends it, to be changed. */
struct address_message {
	struct nlmsghdr head;
	struct ifaddrmsg body;
	struct nlattr local_head;
	unsigned char local[4];
	struct nlattr peer_head;
	unsigned char peer[4];
};

static struct address_message address_message(uint8_t flags, uint8_t scope)
{
	return (struct address_message){
		.head = {.nlmsg_len = sizeof(struct address_message), .nlmsg_type = RTM_NEWADDR},
		.body = {.ifa_family = 2,
			 .ifa_prefixlen = 24,
			 .ifa_flags = flags,
			 .ifa_scope = scope,
			 .ifa_index = 5},
		.local_head = {8, IFA_LOCAL},
		.local = {192, 0, 2, 1},
		.peer_head = {8, IFA_ADDRESS},
		.peer = {192, 0, 2, 1},
	};
}

TEST(addresses_that_are_carried_over)
{
	struct device_addresses found = {.index = 5};
	struct address_message message = address_message(IFA_F_PERMANENT, RT_SCOPE_UNIVERSE);

	CHECK_INT(device_take_address(&found, &message.head), 0);
	REQUIRE(found.count == 1);
	CHECK(found.items[0].size == 4 && found.items[0].prefix == 24 && !found.items[0].has_peer);
	CHECK(memcmp(found.items[0].local, message.local, 4) == 0);
	message.peer[3] = 2;
	CHECK_INT(device_take_address(&found, &message.head), 0);
	CHECK(found.count == 2 && found.items[1].has_peer && found.items[1].peer[3] == 2);
	message = address_message(0, RT_SCOPE_UNIVERSE);
	CHECK_INT(device_take_address(&found, &message.head), 0);
	message = address_message(IFA_F_PERMANENT, RT_SCOPE_LINK);
	CHECK_INT(device_take_address(&found, &message.head), 0);
	message = address_message(IFA_F_PERMANENT, RT_SCOPE_UNIVERSE);
	message.body.ifa_index = 6;
	CHECK_INT(device_take_address(&found, &message.head), 0);
	CHECK_INT(found.count, 2);
	message.body.ifa_index = 5;
	message.local_head.nla_len = 200;
	CHECK_INT(device_take_address(&found, &message.head), -EPROTO);
}

TESTS(T(answers), T(lengths_that_lie), T(attributes_that_lie), T(requests_have_a_maximum),
      T(addresses_that_are_carried_over))
