#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"
#include "engine/internal.h"
#include "engine/spec/resources.h"

static void make_file(int dir, const char *path, const char *text)
{
	char folder[128];

	for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		(void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
		(void)mkdirat(dir, folder, 0755);
	}
	auto_fd fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	CHECK(fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0);
}

TEST(what_the_trees_say)
{
	char top[] = "/tmp/host-test-XXXXXX", sys[64], proc[64];
	struct spec_host host = {0};
	struct err err;

	REQUIRE(mkdtemp(top) != NULL);
	auto_fd dir = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	(void)snprintf(sys, sizeof(sys), "%s/sys", top);
	(void)snprintf(proc, sizeof(proc), "%s/proc", top);
	host_look_security(sys, proc, &host);
	CHECK(!host.apparmor && !host.selinux && !host.selinux_levels && !host.seccomp);
	make_file(dir, "sys/module/apparmor/parameters/enabled", "Y\n");
	make_file(dir, "sys/kernel/security/apparmor/profiles", "");
	make_file(dir, "proc/sys/kernel/seccomp/actions_avail", "kill allow\n");
	/* A folder in selinuxfs's place, as an image may have it, is no SELinux. */
	make_file(dir, "sys/fs/selinux/mls", "1");
	make_file(dir, "proc/self/attr/current", "system_u:system_r:kernel_t:s0");
	host_look_security(sys, proc, &host);
	CHECK(host.apparmor && host.seccomp);
	CHECK(!host.selinux && !host.selinux_levels);
	CHECK_INT(paths_remove_tree(AT_FDCWD, top, &err), 0);
}

TESTS(T(what_the_trees_say))
