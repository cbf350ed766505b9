#include "kern/netlink/netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

#define ATTRIBUTE_TYPE 0x3fffU /* the rest are flags */

_Static_assert(sizeof(struct nlmsghdr) % NLMSG_ALIGNTO == 0, "padding behind the header");
_Static_assert(sizeof(struct nlattr) % NLA_ALIGNTO == 0, "padding behind the header");
_Static_assert(NLMSG_ALIGNTO == NLA_ALIGNTO, "one alignment for both");

static size_t netlink_align(size_t size)
{
	return (size + NLMSG_ALIGNTO - 1) & ~(size_t)(NLMSG_ALIGNTO - 1);
}

void netlink_begin(struct netlink_request *request, uint16_t type, uint16_t flags,
		   const void *header, size_t size)
{
	struct nlmsghdr head = {.nlmsg_type = type,
				.nlmsg_flags = (uint16_t)(flags | NLM_F_REQUEST)};

	memset(request, 0, sizeof(*request));
	memcpy(request->data, &head, sizeof(head));
	memcpy(request->data + sizeof(struct nlmsghdr), header, size);
	request->used = sizeof(struct nlmsghdr) + netlink_align(size);
}

void netlink_add(struct netlink_request *request, uint16_t attribute, const void *value,
		 size_t size)
{
	struct nlattr head = {.nla_len = (uint16_t)(sizeof(struct nlattr) + size),
			      .nla_type = attribute};

	if (size > NETLINK_REQUEST_MAX ||
	    request->used + sizeof(struct nlattr) + netlink_align(size) > sizeof(request->data)) {
		request->full = true;
		return;
	}
	memcpy(request->data + request->used, &head, sizeof(head));
	memcpy(request->data + request->used + sizeof(struct nlattr), value, size);
	request->used += sizeof(struct nlattr) + netlink_align(size);
}

int netlink_open(struct err *err)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	return fd < 0 ? err_errno(err, "open a netlink socket") : fd;
}

int netlink_read_packet(const void *packet, size_t size,
			int (*take)(void *context, const struct nlmsghdr *message), void *context)
{
	const unsigned char *at = packet;

	while (size > 0) {
		struct nlmsghdr head;
		if (size < sizeof(head))
			return -EPROTO;
		memcpy(&head, at, sizeof(head));
		if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > size)
			return -EPROTO;
		if (head.nlmsg_type == NLMSG_DONE)
			return 1;
		if (head.nlmsg_type == NLMSG_ERROR) {
			struct nlmsgerr answer;
			if (head.nlmsg_len < sizeof(struct nlmsghdr) + sizeof(answer))
				return -EPROTO;
			memcpy(&answer, at + sizeof(struct nlmsghdr), sizeof(answer));
			if (answer.error > 0 || answer.error < -4095)
				return -EPROTO;
			return answer.error == 0 ? 1 : answer.error;
		}
		int rc = head.nlmsg_type == NLMSG_NOOP || take == NULL
				 ? 0
				 : take(context, (const struct nlmsghdr *)(const void *)at);
		if (rc < 0)
			return rc;
		size_t step = netlink_align(head.nlmsg_len);
		if (step >= size)
			return 0;
		at += step;
		size -= step;
	}
	return 0;
}

int netlink_attributes(const struct nlmsghdr *message, size_t header, const struct nlattr **ret,
		       size_t count)
{
	const unsigned char *at = (const unsigned char *)message;
	size_t size = message->nlmsg_len;
	size_t skip = sizeof(struct nlmsghdr) + netlink_align(header);

	for (size_t i = 0; i < count; i++)
		ret[i] = NULL;
	if (size < sizeof(struct nlmsghdr) + header)
		return -EPROTO;
	while (skip < size) {
		struct nlattr head;
		if (size - skip < sizeof(head))
			return -EPROTO;
		memcpy(&head, at + skip, sizeof(head));
		if (head.nla_len < sizeof(head) || head.nla_len > size - skip)
			return -EPROTO;
		uint16_t type = head.nla_type & ATTRIBUTE_TYPE;
		if (type < count)
			ret[type] = (const struct nlattr *)(const void *)(at + skip);
		skip += netlink_align(head.nla_len);
	}
	return 0;
}

const void *netlink_value(const struct nlattr *attribute)
{
	return (const unsigned char *)attribute + sizeof(struct nlattr);
}

size_t netlink_value_size(const struct nlattr *attribute)
{
	return attribute->nla_len - sizeof(struct nlattr);
}

static int netlink_send(int fd, struct netlink_request *request, const char *what, struct err *err)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct nlmsghdr head;

	if (request->full)
		return err_set(err, ERR_INVALID, E2BIG, "%s: the request is too long", what);
	memcpy(&head, request->data, sizeof(head));
	head.nlmsg_len = (uint32_t)request->used;
	/* Without it only failures of what is no dump are answered. */
	if ((head.nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP) /* NLM_F_EXCL is one of its bits */
		head.nlmsg_flags |= NLM_F_ACK;
	memcpy(request->data, &head, sizeof(head));
	if (sendto(fd, request->data, request->used, 0, (const struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		return err_errno(err, "%s: send the request", what);
	return 0;
}

int netlink_talk(int fd, struct netlink_request *request, const char *what,
		 int (*take)(void *context, const struct nlmsghdr *message), void *context,
		 struct err *err)
{
	_Alignas(4) unsigned char packet[NETLINK_PACKET_MAX];
	int rc = netlink_send(fd, request, what, err);

	if (rc < 0)
		return rc;
	while (rc == 0) {
		ssize_t got = recv(fd, packet, sizeof(packet), MSG_TRUNC);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, "%s: receive the answer", what);
		if (got == 0 || (size_t)got > sizeof(packet))
			return err_set(err, ERR_SYSTEM, EPROTO,
				       "%s: an answer of %zd bytes; %d are taken", what, got,
				       NETLINK_PACKET_MAX);
		rc = netlink_read_packet(packet, (size_t)got, take, context);
	}
	if (rc > 0)
		return 0;
	errno = -rc;
	return err_errno(err, "%s", what);
}
