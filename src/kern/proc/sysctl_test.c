#include "kern/proc/sysctl.h"

#include "base/fd.h"
#include "kern/proc/procfs.h"
#include "kern/testing.h"

static bool says(const struct err *err, const char *want)
{
	char text[1024];

	return strstr(err_format(err, text, sizeof(text)), want) != NULL;
}

TEST(names_become_paths)
{
	static const struct {
		const char *name, *path;
	} cases[] = {
		{"net.ipv4.ip_forward", "sys/net/ipv4/ip_forward"},
		{"net/ipv4/ip_forward", "sys/net/ipv4/ip_forward"},
		{"net/ipv4/conf/eth0.100/forwarding", "sys/net/ipv4/conf/eth0.100/forwarding"},
		{"net.ipv4.conf.eth0/100.forwarding", "sys/net/ipv4/conf/eth0.100/forwarding"},
		{"vm", "sys/vm"},
	};
	static const char *const bad[] = {
		"",     ".",    "..",          "net..x",   "net/../kernel/x",
		".net", "net.", "/etc/passwd", "net.//.x", "kernel/./x"};
	char path[64];
	struct err err = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK_INT(sysctl_path(cases[i].name, path, sizeof(path), &err), 0);
		CHECK_STR(path, cases[i].path);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (sysctl_path(bad[i], path, sizeof(path), &err) == 0)
			TEST_FAIL("'%s' is taken for a name", bad[i]);
	CHECK_INT(sysctl_path("kernel.a", path, 12, &err), -ENAMETOOLONG);
	CHECK_INT(sysctl_path("kernel.a", path, 13, &err), 0);
}

TEST(only_namespaced_ones_are_allowed)
{
	struct err err = {0};
	const uint64_t ipc = CLONE_NEWIPC, net = CLONE_NEWNET, uts = CLONE_NEWUTS;

	CHECK_INT(sysctl_check_allowed("net.ipv4.ip_forward", net, &err), 0);
	CHECK_INT(sysctl_check_allowed("net/ipv4/ip_forward", net, &err), 0);
	CHECK(sysctl_check_allowed("net.ipv4.ip_forward", ipc | uts, &err) < 0);
	CHECK(says(&err, "not allowed in the host's network namespace"));
	CHECK_INT(sysctl_check_allowed("kernel.shmmax", ipc, &err), 0);
	CHECK_INT(sysctl_check_allowed("fs.mqueue.msg_max", ipc, &err), 0);
	CHECK(sysctl_check_allowed("fs.mqueue", ipc, &err) < 0);
	CHECK(sysctl_check_allowed("kernel.shmmax", net | uts, &err) < 0);
	CHECK(sysctl_check_allowed("kernel.shmmaxx", ipc, &err) < 0);
	CHECK_INT(sysctl_check_allowed("kernel.domainname", uts, &err), 0);
	CHECK(sysctl_check_allowed("kernel.hostname", uts, &err) < 0);
	CHECK(says(&err, "hostname"));
	CHECK(sysctl_check_allowed("kernel.core_pattern", ipc | net | uts, &err) < 0);
	CHECK(says(&err, "not in a separate kernel namespace"));
	CHECK(sysctl_check_allowed("vm.swappiness", UINT64_MAX, &err) < 0);
	CHECK(sysctl_check_allowed("net/../kernel/core_pattern", UINT64_MAX, &err) < 0);
	CHECK(sysctl_check_allowed("network.x", UINT64_MAX, &err) < 0);
}

CHILD_TEST(writes)
{
	struct err err = {0};
	char text[16];

	if (unshare(CLONE_NEWNET | CLONE_NEWIPC) < 0)
		SKIP("no network and IPC namespaces");
	auto_fd procfd = procfs_open(&err);
	CHECK_INT(sysctl_write(procfd, "net.ipv4.ip_forward", "1", &err), 0);
	CHECK(procfs_read_at(procfd, "sys/net/ipv4/ip_forward", text, sizeof(text), &err) > 0);
	CHECK_STR(text, "1\n");
	CHECK_INT(sysctl_write(procfd, "kernel/msgmax", "4242", &err), 0);
	CHECK(procfs_read_at(procfd, "sys/kernel/msgmax", text, sizeof(text), &err) > 0);
	CHECK_STR(text, "4242\n");
	CHECK_INT(sysctl_write(procfd, "net.absent", "1", &err), -ENOENT);
	CHECK(says(&err, "sysctl 'net.absent'"));
	CHECK_INT(sysctl_write(procfd, "kernel.msgmax", "nonsense", &err), -EINVAL);
}

TESTS(T(names_become_paths), T(only_namespaced_ones_are_allowed), T(writes))
