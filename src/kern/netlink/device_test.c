#include "kern/netlink/device.h"

#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "kern/testing.h"

static bool says(const struct err *err, const char *want)
{
	char text[1024];

	return strstr(err_format(err, text, sizeof(text)), want) != NULL;
}

/* A pair of virtual Ethernet devices in the caller's namespace. */
static int make_pair(int fd, const char *name, const char *other, struct err *err)
{
	struct ifinfomsg head = {.ifi_family = AF_UNSPEC};
	struct netlink_request info, data, request;
	struct {
		struct ifinfomsg head;
		struct nlattr name_head;
		char name[16];
	} about = {.name_head = {(uint16_t)(4 + 16), IFLA_IFNAME}};

	(void)snprintf(about.name, sizeof(about.name), "%s", other);
	netlink_begin(&data, 0, 0, "", 0);
	netlink_add(&data, VETH_INFO_PEER, &about, sizeof(about));
	netlink_begin(&info, 0, 0, "", 0);
	netlink_add(&info, IFLA_INFO_KIND, "veth", 4);
	netlink_add(&info, IFLA_INFO_DATA, data.data + NLMSG_HDRLEN, data.used - NLMSG_HDRLEN);
	netlink_begin(&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
	netlink_add(&request, IFLA_IFNAME, name, strlen(name) + 1);
	netlink_add(&request, IFLA_LINKINFO, info.data + NLMSG_HDRLEN, info.used - NLMSG_HDRLEN);
	return netlink_talk(fd, &request, "make a pair", NULL, NULL, err);
}

static int take_name(void *context, const struct nlmsghdr *message)
{
	const struct nlattr *found[IFLA_IFNAME + 1];
	char *names = context;

	if (message->nlmsg_type == RTM_NEWLINK &&
	    netlink_attributes(message, sizeof(struct ifinfomsg), found, IFLA_IFNAME + 1) == 0 &&
	    found[IFLA_IFNAME] != NULL) {
		size_t used = strlen(names);
		(void)snprintf(names + used, 256 - used, "%.15s ",
			       (const char *)netlink_value(found[IFLA_IFNAME]));
	}
	return 0;
}

/* "lo eth0 ": the devices that the socket's namespace has. */
static const char *names_of(int fd, char names[256])
{
	struct ifinfomsg head = {.ifi_family = AF_UNSPEC};
	struct netlink_request request;
	struct err err;

	names[0] = '\0';
	netlink_begin(&request, RTM_GETLINK, NLM_F_DUMP, &head, sizeof(head));
	if (netlink_talk(fd, &request, "list", take_name, names, &err) < 0)
		TEST_FAIL("no list of devices");
	return names;
}

struct place {
	int here, there, netns;
};

/* Two new namespaces: that of the caller, and another one. */
static bool make_place(struct place *place)
{
	struct err err = {0};

	if (unshare(CLONE_NEWNET) < 0)
		return false;
	place->netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	place->there = netlink_open(&err);
	if (unshare(CLONE_NEWNET) < 0)
		return false;
	place->here = netlink_open(&err);
	return place->netns >= 0 && place->there >= 0 && place->here >= 0;
}

CHILD_TEST(devices_move)
{
	struct place place;
	struct err err = {0};
	char names[256];

	if (!make_place(&place))
		SKIP("no network namespaces");
	REQUIRE(make_pair(place.here, "one", "two", &err) == 0);
	CHECK_INT(device_move(place.here, place.there, place.netns, "one", "eth5", &err), 0);
	CHECK_STR(names_of(place.there, names), "lo eth5 ");
	CHECK_STR(names_of(place.here, names), "lo two ");
	CHECK_INT(device_move(place.here, place.there, place.netns, "two", "eth%d", &err), 0);
	CHECK(strstr(names_of(place.there, names), "eth0 ") != NULL);
	CHECK_STR(names_of(place.here, names), "lo ");
}

CHILD_TEST(what_cannot_move_stays)
{
	struct place place;
	struct err err = {0};
	char names[256];

	if (!make_place(&place))
		SKIP("no network namespaces");
	REQUIRE(make_pair(place.here, "one", "two", &err) == 0);
	CHECK_INT(device_move(place.here, place.there, place.netns, "none", "x", &err), -ENODEV);
	CHECK_INT(err.kind, ERR_NOT_FOUND);
	CHECK(says(&err,
		   "network device 'none' as 'x': the runtime's network namespace has no such "
		   "device"));
	CHECK_INT(device_move(place.here, place.there, place.netns, "one", "lo", &err), -EEXIST);
	CHECK_INT(err.kind, ERR_CONFLICT);
	CHECK(says(&err, "has a 'lo' already"));
	CHECK(device_move(place.here, place.there, place.netns, "lo", "lo7", &err) < 0);
	CHECK(strstr(names_of(place.here, names), "one ") != NULL);
	CHECK(strstr(names, "lo ") != NULL);
	CHECK_STR(names_of(place.there, names), "lo ");
}

CHILD_TEST(a_socket_elsewhere)
{
	struct place place;
	struct err err = {0};
	struct stat before, after;
	char names[256];

	if (!make_place(&place))
		SKIP("no network namespaces");
	REQUIRE(make_pair(place.here, "one", "two", &err) == 0);
	REQUIRE(stat("/proc/self/ns/net", &before) == 0);
	auto_fd there = device_open_there(place.netns, &err);
	CHECK_STR(names_of(there, names), "lo ");
	CHECK(stat("/proc/self/ns/net", &after) == 0 && before.st_ino == after.st_ino);
}

TESTS(T(devices_move), T(what_cannot_move_stays), T(a_socket_elsewhere))
