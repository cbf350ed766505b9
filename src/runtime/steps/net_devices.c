/*
 * Moves the host's network devices that the container is to have. They are never taken back: when the
 * namespace ends, the kernel returns physical devices and destroys the others.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>

#include "kern/netlink/device.h"
#include "kern/ns/ns.h"
#include "runtime/steps/steps.h"

/* The container's network namespace: the one that it joins, or the one that the first process was born in. */
static int net_devices_open(const struct start *start, struct err *err)
{
	char path[32];

	if (start->join_fds[OCI_NS_NETWORK] >= 0) {
		int fd = fcntl(start->join_fds[OCI_NS_NETWORK], F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? err_errno(err, "hold the network namespace") : fd;
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", start->pid);
	return ns_open(path, CLONE_NEWNET, err);
}

int step_net_devices_move(struct start *start, struct err *err)
{
	const struct oci_linux *config = start->config->linux;

	if (config->net_devices.count == 0)
		return 0;
	auto_fd netns = net_devices_open(start, err);
	if (netns < 0)
		return netns;
	auto_fd here = netlink_open(err);
	if (here < 0)
		return here;
	auto_fd there = device_open_there(netns, err);
	if (there < 0)
		return there;
	for (size_t i = 0; i < config->net_devices.count; i++) {
		const struct oci_net_device *device = &config->net_devices.items[i];
		bool renamed = device->name != NULL && device->name[0] != '\0';
		int rc = device_move(here, there, netns, device->host_name,
				     renamed ? device->name : device->host_name, err);
		if (rc < 0)
			return err_wrap(err, rc, "linux.netDevices");
	}
	return 0;
}
