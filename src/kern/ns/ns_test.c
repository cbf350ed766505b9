#include "kern/ns/ns.h"

#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "kern/pidfd/pidfd.h"
#include "kern/proc/procfs.h"
#include "kern/testing.h"

static bool says(const struct err *err, const char *want)
{
	char text[1024];

	return strstr(err_format(err, text, sizeof(text)), want) != NULL;
}

TEST(types)
{
	CHECK_INT(ns_type_of_name("network")->flag, CLONE_NEWNET);
	CHECK_STR(ns_type_of_flag(CLONE_NEWNS)->name, "mount");
	CHECK_STR(ns_type_of_flag(CLONE_NEWNS)->file, "mnt");
	CHECK(ns_type_of_name("net") == NULL && ns_type_of_flag(1) == NULL);
	CHECK_STR(ns_type_at(0)->name, "user");
	CHECK(ns_type_at(7) != NULL && ns_type_at(8) == NULL);
}

CHILD_TEST(opens_only_its_type)
{
	struct err err = {0};
	char fifo[64];

	auto_fd net = ns_open("/proc/self/ns/net", CLONE_NEWNET, &err);
	CHECK(net >= 0 && ns_is_own(net, CLONE_NEWNET, &err) == 1);
	CHECK_INT(ns_open("/proc/self/ns/net", CLONE_NEWNS, &err), -EINVAL);
	CHECK(says(&err, "is a namespace of type network, not mount"));
	CHECK_INT(ns_open("/etc/passwd", CLONE_NEWNET, &err), -EINVAL);
	CHECK(says(&err, "not a namespace"));
	CHECK_INT(ns_open("/dev/null", CLONE_NEWNET, &err), -EINVAL);
	CHECK_INT(ns_open("/proc/self/ns/absent", CLONE_NEWNET, &err), -ENOENT);
	/* A FIFO must not block. */
	(void)snprintf(fifo, sizeof(fifo), "/tmp/ns-test-%d", (int)getpid());
	REQUIRE(mkfifo(fifo, 0600) == 0);
	CHECK_INT(ns_open(fifo, CLONE_NEWNET, &err), -EINVAL);
	CHECK_INT(unlink(fifo), 0);
}

CHILD_TEST(joins)
{
	struct err err = {0};

	auto_fd before = ns_open("/proc/self/ns/uts", CLONE_NEWUTS, &err);
	if (ns_unshare(CLONE_NEWUTS, &err) < 0)
		SKIP("no UTS namespaces");
	CHECK_INT(ns_is_own(before, CLONE_NEWUTS, &err), 0);
	CHECK_INT(ns_join(before, CLONE_NEWIPC, &err), -EINVAL);
	CHECK_INT(ns_join(before, CLONE_NEWUTS, &err), 0);
	CHECK_INT(ns_is_own(before, CLONE_NEWUTS, &err), 1);
}

CHILD_TEST(names)
{
	struct err err = {0};
	struct utsname uts;
	char longer[66];

	if (ns_unshare(CLONE_NEWUTS, &err) < 0)
		SKIP("no UTS namespaces");
	CHECK_INT(ns_set_hostname("box", &err), 0);
	CHECK_INT(ns_set_domainname("example.org", &err), 0);
	CHECK(uname(&uts) == 0);
	CHECK_STR(uts.nodename, "box");
	CHECK_STR(uts.domainname, "example.org");
	(void)memset(longer, 'a', sizeof(longer) - 1);
	longer[65] = '\0';
	CHECK_INT(ns_set_hostname(longer, &err), -EINVAL);
}

static void check_clone(void)
{
	struct err err = {0};
	int pidfd = FD_NONE, status = 0;
	volatile int shared = 1;

	pid_t pid = ns_clone(CLONE_NEWPID | CLONE_NEWUTS, FD_NONE, &pidfd, &err);
	REQUIRE(pid >= 0);
	if (pid == 0) {
		shared = 2;
		_exit(getpid() == 1 ? 7 : 8);
	}
	CHECK(pidfd >= 0 && fcntl(pidfd, F_GETFD) == FD_CLOEXEC);
	CHECK_INT(pidfd_wait(pidfd, 5000, &status, &err), 1);
	CHECK_INT(WEXITSTATUS(status), 7);
	CHECK_INT(shared, 1);
	(void)close(pidfd);
}

CHILD_TEST(clones)
{
	check_clone();
}

CHILD_TEST(clones_without_clone3)
{
	struct err err = {0};

	REQUIRE(testing_forbid(SYS_clone3));
	check_clone();
	/* No cgroup: the child that cannot enter it is gone, and the caller hears why. */
	auto_fd dir = open("/", O_PATH | O_CLOEXEC);
	CHECK_INT(ns_clone(0, dir, NULL, &err), -ENOENT);
}

static void check_clone_into_cgroup(bool without_clone3)
{
	struct err err = {0};
	char text[4096] = "";
	int status = 0;

	if (!testing_private_mounts())
		return;
	if (mkdir("/tmp/cg", 0755) < 0 || mount("cgroup2", "/tmp/cg", "cgroup2", 0, NULL) < 0)
		SKIP("no cgroup v2");
	if (mkdir("/tmp/cg/corten-ns-test", 0755) < 0)
		SKIP("no cgroup can be made");
	auto_fd dir = open("/tmp/cg/corten-ns-test", O_PATH | O_DIRECTORY | O_CLOEXEC);
	REQUIRE(!without_clone3 || testing_forbid(SYS_clone3));
	pid_t pid = ns_clone(0, dir, NULL, &err);
	if (pid == 0) {
		auto_fd fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
		(void)!read(fd, text, sizeof(text) - 1);
		_exit(strstr(text, "0::") == NULL || strstr(text, "/corten-ns-test\n") == NULL);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK_INT(status, 0);
	CHECK_INT(rmdir("/tmp/cg/corten-ns-test"), 0);
}

/* The child is born in the cgroup; its parent never writes a pid. */
CHILD_TEST(clones_into_a_cgroup)
{
	check_clone_into_cgroup(false);
}

CHILD_TEST(enters_a_cgroup_without_clone3)
{
	check_clone_into_cgroup(true);
}

/* Here the kernel refuses the write: /tmp/refusing/cgroup.procs is a device that is always full. */
CHILD_TEST(a_refused_cgroup_without_clone3)
{
	struct err err = {0};
	int pidfd = FD_NONE;

	if (!testing_private_mounts())
		return;
	REQUIRE(mkdir("/tmp/refusing", 0755) == 0);
	REQUIRE(mknod("/tmp/refusing/cgroup.procs", S_IFCHR | 0600, makedev(1, 7)) == 0);
	auto_fd dir = open("/tmp/refusing", O_PATH | O_DIRECTORY | O_CLOEXEC);
	REQUIRE(testing_forbid(SYS_clone3));
	pid_t pid = ns_clone(0, dir, &pidfd, &err);
	if (pid == 0)
		_exit(0);
	CHECK_INT(pid, -ENOSPC);
	CHECK_INT(pidfd, FD_NONE);
	CHECK(waitpid(-1, NULL, __WALL) < 0 && errno == ECHILD);
}

static int check_map(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
{
	struct err err = {0};
	struct ns_id_map map[2] = {{a, b, c}, {d, e, f}};

	return ns_check_map(map, 2, "uid", &err);
}

TEST(maps_are_checked)
{
	struct err err = {0};
	static struct ns_id_map many[NS_MAP_LINES_MAX + 1];

	CHECK_INT(check_map(0, 100000, 10, 10, 200000, 10), 0);
	CHECK_INT(check_map(0, 100000, 11, 10, 200000, 10), -EINVAL);
	CHECK_INT(check_map(0, 100000, 10, 10, 100009, 10), -EINVAL);
	CHECK_INT(check_map(0, 1, 1, 1, 2, 0), -EINVAL);
	/* Attack 14: nothing wraps, and 4294967295 is no id. */
	CHECK_INT(check_map(0, 1, 1, 1, 4294967295U, 1), -EINVAL);
	CHECK_INT(check_map(0, 1, 1, 1, 4294967294U, 1), 0);
	CHECK_INT(check_map(0, 1, 1, 4294967290U, 10, 10), -EINVAL);
	CHECK_INT(ns_check_map(many, 0, "gid", &err), -EINVAL);
	CHECK_INT(ns_check_map(many, NS_MAP_LINES_MAX + 1, "gid", &err), -EINVAL);
}

CHILD_TEST(maps_are_written)
{
	struct err err = {0};
	struct ns_id_map uids[2] = {{0, 100000, 1000}, {1000, 0, 1}};
	struct ns_id_map gids[1] = {{0, 200000, 65536}};
	struct ns_maps maps = {uids, 2, gids, 1, true};
	char text[256], path[64];
	int gate[2], ready[2];
	char byte = 0;

	REQUIRE(pipe2(gate, O_CLOEXEC) == 0 && pipe2(ready, O_CLOEXEC) == 0);
	auto_fd procfd = procfs_open(&err);
	pid_t pid = ns_clone(CLONE_NEWUSER, FD_NONE, NULL, &err);
	if (pid < 0)
		SKIP("no user namespaces");
	if (pid == 0) {
		(void)close(gate[1]);
		(void)!read(gate[0], &byte, 1);
		_exit(getuid() == 1000 && getgid() == 65534 ? 0 : 1);
	}
	CHECK_INT(ns_write_maps(procfd, pid, &maps, &err), 0);
	(void)snprintf(path, sizeof(path), "%d/uid_map", (int)pid);
	CHECK(procfs_read_at(procfd, path, text, sizeof(text), &err) > 0);
	unsigned long line[6] = {0};
	char *at = text;
	for (size_t i = 0; i < 6; i++)
		line[i] = strtoul(at, &at, 10);
	CHECK(line[1] == 100000 && line[2] == 1000 && line[3] == 1000 && line[4] == 0);
	CHECK(line[0] == 0 && line[5] == 1);
	(void)snprintf(path, sizeof(path), "%d/setgroups", (int)pid);
	CHECK(procfs_read_at(procfd, path, text, sizeof(text), &err) > 0);
	CHECK_STR(text, "deny\n");
	/* Once only. */
	maps.deny_setgroups = false;
	CHECK_INT(ns_write_maps(procfd, pid, &maps, &err), -EPERM);
	CHECK(says(&err, "gid mappings"));
	int status = 0;
	(void)close(gate[1]);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_INT(status, 0);
}

CHILD_TEST(time_is_offset)
{
	struct err err = {0};
	struct timespec before, after;
	int status = 0;

	auto_fd procfd = procfs_open(&err);
	CHECK_INT(ns_set_time_offset(procfd, "realtime", 1, 0, &err), -EINVAL);
	CHECK_INT(ns_set_time_offset(procfd, "monotonic", 1, 1000000000U, &err), -EINVAL);
	if (ns_unshare(CLONE_NEWTIME, &err) < 0)
		SKIP("no time namespaces");
	CHECK_INT(ns_set_time_offset(procfd, "monotonic", 100000, 500, &err), 0);
	CHECK_INT(ns_set_time_offset(procfd, "boottime", 100000, 0, &err), 0);
	CHECK(clock_gettime(CLOCK_MONOTONIC, &before) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		(void)clock_gettime(CLOCK_MONOTONIC, &after);
		_exit(after.tv_sec - before.tv_sec >= 99999 ? 0 : 1);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_INT(status, 0);
	/* After the first child the offsets are fixed. */
	CHECK_INT(ns_set_time_offset(procfd, "monotonic", 5, 0, &err), -EACCES);
}

/* All namespaces of a process at once, by its pidfd. */
CHILD_TEST(joins_a_process)
{
	struct err err = {0};
	int gate[2], pidfd = FD_NONE;
	char byte;

	REQUIRE(pipe2(gate, O_CLOEXEC) == 0);
	pid_t pid = ns_clone(CLONE_NEWUTS | CLONE_NEWIPC, FD_NONE, &pidfd, &err);
	if (pid == 0) {
		(void)close(gate[1]);
		(void)!read(gate[0], &byte, 1);
		_exit(0);
	}
	REQUIRE(pid > 0);
	auto_fd uts = ns_open("/proc/self/ns/uts", CLONE_NEWUTS, &err);
	CHECK_INT(ns_join_pidfd(pidfd, CLONE_NEWUTS | CLONE_NEWIPC, &err), 0);
	CHECK_INT(ns_is_own(uts, CLONE_NEWUTS, &err), 0);
	(void)close(gate[1]);
	CHECK(waitpid(pid, NULL, 0) == pid);
}

TESTS(T(types), T(opens_only_its_type), T(joins), T(names), T(clones), T(clones_without_clone3),
      T(clones_into_a_cgroup), T(enters_a_cgroup_without_clone3),
      T(a_refused_cgroup_without_clone3), T(maps_are_checked), T(maps_are_written),
      T(time_is_offset), T(joins_a_process))
