#include "kern/proc/procfs.h"

#include <sys/stat.h>

#include "base/fd.h"
#include "kern/testing.h"

static bool says(const struct err *err, const char *want)
{
	char text[1024];

	return strstr(err_format(err, text, sizeof(text)), want) != NULL;
}

static void check_handle(int procfd)
{
	struct err err = {0};
	char text[64], want[64];

	CHECK(procfd >= 0 && fcntl(procfd, F_GETFD) == FD_CLOEXEC);
	CHECK_INT(procfs_write_at(procfd, "self/comm", "renamed", &err), 0);
	CHECK(procfs_read_at(procfd, "thread-self/comm", text, sizeof(text), &err) > 0);
	CHECK_STR(text, "renamed\n");
	(void)snprintf(want, sizeof(want), "%d (renamed) ", (int)getpid());
	CHECK(procfs_read_at(procfd, "self/stat", text, sizeof(text), &err) > 0 &&
	      strncmp(text, want, strlen(want)) == 0);
	CHECK(procfs_read_at(procfd, "sys/kernel/ostype", text, sizeof(text), &err) > 0);
	CHECK_STR(text, "Linux\n");
	/* Nothing leads out, and nothing that is not plain is opened. */
	CHECK_INT(procfs_open_at(procfd, "self/exe", O_RDONLY, &err), -ELOOP);
	CHECK_INT(err.kind, ERR_DENIED);
	CHECK(procfs_open_at(procfd, "self/root/etc/passwd", O_RDONLY, &err) < 0);
	CHECK(procfs_open_at(procfd, "self/fd/0", O_RDONLY, &err) < 0);
	CHECK(procfs_open_at(procfd, "../etc/passwd", O_RDONLY, &err) < 0);
	CHECK(procfs_open_at(procfd, "mounts", O_RDONLY, &err) < 0);
	CHECK(procfs_open_at(procfd, "/etc/passwd", O_RDONLY, &err) < 0);
	CHECK_INT(procfs_open_at(procfd, "self/absent", O_RDONLY, &err), -ENOENT);
	CHECK(says(&err, "/proc/self/absent"));
}

static void check_way(enum procfs_way way)
{
	struct err err = {0};
	auto_fd procfd = procfs_open_by(way, &err);

	if (procfd < 0)
		TEST_FAIL("%s", err.text);
	else
		check_handle(procfd);
}

CHILD_TEST(new_instance)
{
	check_way(PROCFS_NEW);
}

CHILD_TEST(cloned_instance)
{
	check_way(PROCFS_CLONE);
}

CHILD_TEST(hosts_instance)
{
	check_way(PROCFS_HOST);
}

CHILD_TEST(without_openat2)
{
	struct err err = {0};

	auto_fd procfd = procfs_open(&err);
	REQUIRE(testing_forbid(SYS_openat2));
	check_handle(procfd);
}

CHILD_TEST(opens_without_rights)
{
	struct err err = {0};

	REQUIRE(setresuid(65534, 65534, 65534) == 0);
	CHECK(procfs_open_by(PROCFS_NEW, &err) < 0);
	CHECK(procfs_open_by(PROCFS_CLONE, &err) < 0);
	auto_fd procfd = procfs_open(&err);
	CHECK(procfd >= 0);
}

/* Attack 5: a file of procfs mounted over another one redirects no write. */
static void check_redirected(bool without_openat2)
{
	struct err err = {0};
	char before[64], after[64];

	if (!testing_private_mounts())
		return;
	REQUIRE(unshare(CLONE_NEWUTS) == 0);
	REQUIRE(sethostname("canary", 6) == 0);
	REQUIRE(mount("/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname", NULL, MS_BIND,
		      NULL) == 0);
	REQUIRE(mount("/proc/sys/kernel", "/proc/sys/vm", NULL, MS_BIND, NULL) == 0);
	auto_fd host = procfs_open_by(PROCFS_HOST, &err);
	auto_fd private = procfs_open_by(PROCFS_NEW, &err);
	auto_fd clone = procfs_open_by(PROCFS_CLONE, &err);
	REQUIRE(host >= 0 && private >= 0 && clone >= 0);
	if (without_openat2)
		REQUIRE(testing_forbid(SYS_openat2));
	CHECK(procfs_read_at(host, "sys/kernel/hostname", before, sizeof(before), &err) > 0);
	CHECK_INT(procfs_write_at(host, "sys/kernel/domainname", "evil", &err), -EXDEV);
	CHECK(says(&err, "mounted over"));
	CHECK_INT(procfs_write_at(host, "sys/vm/hostname", "evil", &err), -EXDEV);
	CHECK_INT(procfs_write_at(private, "sys/kernel/domainname", "fine", &err), 0);
	CHECK_INT(procfs_write_at(clone, "sys/kernel/domainname", "fine", &err), 0);
	CHECK(procfs_read_at(private, "sys/kernel/hostname", after, sizeof(after), &err) > 0);
	CHECK_STR(after, before);
	CHECK_STR(after, "canary\n");
}

CHILD_TEST(redirection_is_refused)
{
	check_redirected(false);
}

CHILD_TEST(redirection_is_refused_without_openat2)
{
	check_redirected(true);
}

/* Attack 6: /proc as a link, a plain folder, or another part of procfs. */
CHILD_TEST(false_proc_is_refused)
{
	struct err err = {0};

	if (!testing_private_mounts())
		return;
	REQUIRE(mkdir("/tmp/root", 0755) == 0 && mkdir("/tmp/root/proc", 0755) == 0);
	auto_fd root = open("/tmp/root", O_PATH | O_CLOEXEC);
	REQUIRE(mount("/proc/self", "/tmp/root/proc", NULL, MS_BIND, NULL) == 0);
	REQUIRE(fchdir(root) == 0 && chroot(".") == 0);
	CHECK(procfs_open_by(PROCFS_HOST, &err) < 0);
	CHECK_INT(err.kind, ERR_DENIED);
	CHECK(procfs_open_by(PROCFS_CLONE, &err) < 0);
	CHECK(umount2("/proc", MNT_DETACH) == 0);
	CHECK(procfs_open_by(PROCFS_HOST, &err) < 0);
	CHECK(says(&err, "not procfs"));
	CHECK(rmdir("/proc") == 0 && symlink("/real", "/proc") == 0 && mkdir("/real", 0755) == 0);
	CHECK(mount("proc", "/real", "proc", 0, NULL) == 0);
	CHECK(procfs_open_by(PROCFS_HOST, &err) < 0);
	CHECK(procfs_open_by(PROCFS_CLONE, &err) < 0);
}

CHILD_TEST(oom_score)
{
	struct err err = {0};
	char text[16];

	auto_fd procfd = procfs_open(&err);
	CHECK_INT(procfs_set_oom_score_adj(procfd, 1001, &err), -EINVAL);
	CHECK_INT(procfs_set_oom_score_adj(procfd, -1001, &err), -EINVAL);
	CHECK_INT(procfs_set_oom_score_adj(procfd, 500, &err), 0);
	CHECK(procfs_read_at(procfd, "self/oom_score_adj", text, sizeof(text), &err) > 0);
	CHECK_STR(text, "500\n");
	REQUIRE(setresuid(65534, 65534, 65534) == 0);
	REQUIRE(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
	CHECK_INT(procfs_set_oom_score_adj(procfd, -500, &err), -EACCES);
	CHECK(says(&err, "CAP_SYS_RESOURCE"));
}

TESTS(T(new_instance), T(cloned_instance), T(hosts_instance), T(without_openat2),
      T(opens_without_rights), T(redirection_is_refused), T(redirection_is_refused_without_openat2),
      T(false_proc_is_refused), T(oom_score))
