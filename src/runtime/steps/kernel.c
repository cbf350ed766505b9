/* Host name, domain name, the loopback interface and sysctls: kernel parameters that the container's namespaces hold. */
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "kern/ns/ns.h"
#include "kern/proc/sysctl.h"
#include "runtime/steps/steps.h"

/* Namespaces that are the container's: new ones, and joined ones, which its maker chose. */
static uint64_t kernel_namespaces(const struct start *start)
{
	const struct {
		enum oci_namespace_type type;
		uint64_t flag;
	} kinds[] = {
		{OCI_NS_IPC, CLONE_NEWIPC},
		{OCI_NS_NETWORK, CLONE_NEWNET},
		{OCI_NS_UTS, CLONE_NEWUTS},
		{OCI_NS_USER, CLONE_NEWUSER},
	};
	uint64_t flags = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (oci_config_namespace(start->config, kinds[i].type) != NULL)
			flags |= kinds[i].flag;
	return flags;
}

static int kernel_set_names(struct start *start, struct err *err)
{
	const struct oci_config *config = start->config;
	bool hostname = config->hostname != NULL && config->hostname[0] != '\0';
	bool domainname = config->domainname != NULL && config->domainname[0] != '\0';
	int rc = 0;

	if ((hostname || domainname) && oci_config_namespace(config, OCI_NS_UTS) == NULL)
		return err_set(
			err, ERR_INVALID, 0,
			"hostname and domainname need a uts namespace: they would rename the host");
	if (hostname)
		rc = ns_set_hostname(config->hostname, err);
	if (rc == 0 && domainname)
		rc = ns_set_domainname(config->domainname, err);
	return rc;
}

/* A network namespace of its own starts with lo down; engines count on it being up, as runc has it. */
static int kernel_raise_loopback(const struct start *start, struct err *err)
{
	struct ifreq request = {.ifr_name = "lo"};

	if (!(start->new_namespaces & CLONE_NEWNET))
		return 0;
	auto_fd sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return errno == EAFNOSUPPORT ? 0 : err_errno(err, "bring lo up");
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(sock, SIOCSIFFLAGS, &request) < 0)
		return err_errno(err, "bring lo up");
	return 0;
}

int step_kernel_set(struct start *start, struct err *err)
{
	const json_pairs *sysctl = &start->config->linux->sysctl;
	int rc = kernel_set_names(start, err);

	if (rc == 0)
		rc = kernel_raise_loopback(start, err);
	for (size_t i = 0; rc == 0 && i < sysctl->count; i++) {
		rc = sysctl_check_allowed(sysctl->items[i].key, kernel_namespaces(start), err);
		if (rc == 0)
			rc = sysctl_write(start->proc_fd, sysctl->items[i].key,
					  sysctl->items[i].value, err);
		if (rc < 0)
			return err_wrap(err, rc, "linux.sysctl");
	}
	return rc;
}
