/* Host name, domain name and sysctls: kernel parameters that the container's namespaces hold. */
#include <sched.h>

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

int step_kernel_set(struct start *start, struct err *err)
{
	const json_pairs *sysctl = &start->config->linux->sysctl;
	int rc = kernel_set_names(start, err);

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
