#include "kern/lsm/lsm.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"
#include "kern/proc/procfs.h"

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

TEST(apparmor_is_what_two_files_say)
{
	char sys[] = "/tmp/lsm-test-XXXXXX";

	CHECK(mkdtemp(sys) != NULL);
	auto_fd dir = open(sys, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(!lsm_apparmor_is_enabled(sys));
	make_file(dir, "module/apparmor/parameters/enabled", "Y\n");
	CHECK(!lsm_apparmor_is_enabled(sys)); /* a container whose securityfs is not there */
	make_file(dir, "kernel/security/apparmor/profiles", "");
	CHECK(lsm_apparmor_is_enabled(sys));
	make_file(dir, "module/apparmor/parameters/enabled", "N\n");
	CHECK(!lsm_apparmor_is_enabled(sys));
	make_file(dir, "module/apparmor/parameters/enabled", "");
	CHECK(!lsm_apparmor_is_enabled(sys));
	static const char *const made[] = {"module/apparmor/parameters/enabled",
					   "kernel/security/apparmor/profiles"};
	static const char *const folders[] = {
		"module/apparmor/parameters", "module/apparmor", "module",
		"kernel/security/apparmor",   "kernel/security", "kernel"};
	for (size_t i = 0; i < 2; i++)
		CHECK_INT(unlinkat(dir, made[i], 0), 0);
	for (size_t i = 0; i < 6; i++)
		CHECK_INT(unlinkat(dir, folders[i], AT_REMOVEDIR), 0);
	CHECK_INT(rmdir(sys), 0);
}

TEST(a_folder_is_no_selinux)
{
	struct err err = {0};
	auto_fd proc = procfs_open_by(PROCFS_HOST, &err);

	CHECK(proc >= 0);
	CHECK(!lsm_selinux_is_enabled("/tmp", proc));
	CHECK(!lsm_selinux_is_enabled("/no/such/place", proc));
}

TEST(a_kernel_without_policy_has_the_initial_context)
{
	CHECK(lsm_selinux_is_initial("kernel"));
	CHECK(lsm_selinux_is_initial("kernel\n"));
	CHECK(lsm_selinux_is_initial(""));
	CHECK(lsm_selinux_is_initial("\n"));
	CHECK(!lsm_selinux_is_initial("system_u:system_r:kernel_t:s0"));
}

TEST(labels_are_one_printable_line)
{
	static char large[LSM_LABEL_MAX + 2];
	struct err err = {0};

	memset(large, 'a', sizeof(large) - 1);
	CHECK_INT(lsm_check_label("system_u:object_r:container_file_t:s0:c1,c2", "x", &err), 0);
	CHECK_INT(lsm_check_label("docker-default//&other profile", "x", &err), 0);
	CHECK(lsm_check_label(large, "x", &err) < 0);
	CHECK(lsm_check_label("a\"b", "x", &err) < 0);
	CHECK(lsm_check_label("a\nb", "x", &err) < 0);
	large[LSM_LABEL_MAX] = '\0';
	CHECK_INT(lsm_check_label(large, "x", &err), 0);
}

TESTS(T(apparmor_is_what_two_files_say), T(a_folder_is_no_selinux),
      T(a_kernel_without_policy_has_the_initial_context), T(labels_are_one_printable_line))
