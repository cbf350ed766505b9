#include "kern/mount/mount.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "base/path.h"
#include "kern/mount/fsconfig.h"
#include "kern/testing.h"

#define ST_RO   0x1UL
#define ST_NS   0x2UL
#define ST_ND   0x4UL
#define ST_NX   0x8UL
#define ST_NA   0x400UL
#define ST_RA   0x1000UL
#define ST_MASK (ST_RO | ST_NS | ST_ND | ST_NX | ST_NA | ST_RA)

static unsigned long flags_of(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) < 0 ? ~0UL : (unsigned long)fs.f_flags & ST_MASK;
}

/* How many mounts this mount namespace has; with text, how many lines hold it. */
static int mounts(const char *text)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[4096];
	int count = 0;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (text == NULL || strstr(line, text) != NULL)
			count++;
	if (file != NULL)
		(void)fclose(file);
	return count;
}

static bool says(const struct err *err, const char *want)
{
	char text[1024];

	return strstr(err_format(err, text, sizeof(text)), want) != NULL;
}

static int open_dir(const char *path)
{
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

CHILD_TEST(filesystems_are_made_detached)
{
	struct err err = {0};
	struct stat st;

	if (!testing_private_mounts())
		return;
	int before = mounts(NULL);
	auto_fd tree = mount_fs_create("tmpfs", "mine", "size=64k,,mode=\"750\"", MS_SYNCHRONOUS,
				       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, &err);
	REQUIRE(tree >= 0);
	CHECK_INT(mounts(NULL), before);
	CHECK_INT(mkdir("/tmp/a", 0755), 0);
	auto_fd target = open_dir("/tmp/a");
	CHECK_INT(mount_attach(tree, target, &err), 0);
	CHECK(stat("/tmp/a", &st) == 0 && (st.st_mode & 07777) == 0750);
	CHECK_INT(flags_of("/tmp/a"), ST_NS | ST_NX | ST_RA);
	CHECK_INT(mounts(" - tmpfs mine rw,sync,size=64k"), 1);
	CHECK_INT(mount_detach(tree, &err), 0);
	CHECK_INT(mounts(NULL), before);

	auto_fd ro = mount_fs_create("tmpfs", "mine", NULL, 0, MOUNT_ATTR_RDONLY, &err);
	REQUIRE(ro >= 0);
	CHECK_INT(mount_attach(ro, target, &err), 0);
	CHECK_INT(mounts(" - tmpfs mine ro"), 1);
}

CHILD_TEST(refusals_carry_the_kernels_words)
{
	struct err err = {0};
	char longer[300];

	CHECK(mount_fs_create("tmpfs", "x", "size=abc", 0, 0, &err) < 0);
	CHECK(says(&err, "filesystem 'tmpfs'") && says(&err, "size=abc") &&
	      says(&err, "Bad value"));
	CHECK(mount_fs_create("tmpfs", "x", "sizes=1", 0, 0, &err) < 0);
	CHECK(says(&err, "Unknown parameter"));
	CHECK_INT(mount_fs_create("no-such-fs", "x", NULL, 0, 0, &err), -ENODEV);
	CHECK_INT(err.kind, ERR_UNSUPPORTED);
	(void)memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	CHECK(mount_fs_create("tmpfs", longer, NULL, 0, 0, &err) < 0);
	CHECK(says(&err, "longer than 255 bytes"));
	CHECK(mount_fs_create("tmpfs", "x", longer, 0, 0, &err) < 0);
}

CHILD_TEST(special_filesystems_mount)
{
	static const struct {
		const char *type, *data;
	} cases[] = {{"proc", ""},    {"sysfs", ""},
		     {"mqueue", ""},  {"devpts", "newinstance,ptmxmode=0666,mode=0620"},
		     {"cgroup2", ""}, {"tmpfs", "mode=1777,size=65536k"}};
	struct err err = {0};

	if (!testing_private_mounts())
		return;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_fd tree = mount_fs_create(cases[i].type, cases[i].type, cases[i].data, 0,
					       MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, &err);
		if (tree < 0)
			TEST_FAIL("%s: %s", cases[i].type, err.text);
	}
	auto_fd v1 = mount_fs_create("cgroup", "cgroup", "none,name=corten-mount-test", 0, 0, &err);
	if (v1 < 0)
		printf("SKIP cgroup v1: %s\n", err.text);
}

/* A read-only sysfs must not make the network namespace's other mounts of it read-only. */
CHILD_TEST(shared_superblocks_stay_writable)
{
	struct err err = {0};

	if (!testing_private_mounts())
		return;
	REQUIRE(unshare(CLONE_NEWNET) == 0);
	CHECK_INT(mkdir("/tmp/a", 0755), 0);
	auto_fd target = open_dir("/tmp/a");
	auto_fd first = mount_fs_create("sysfs", "sysfs", NULL, 0, MOUNT_ATTR_RDONLY, &err);
	auto_fd second = mount_fs_create("sysfs", "sysfs", NULL, 0, 0, &err);
	REQUIRE(first >= 0 && second >= 0);
	CHECK_INT(mount_attach(second, target, &err), 0);
	CHECK_INT(flags_of("/tmp/a") & ST_RO, 0);
}

static void make_source(void)
{
	(void)mkdir("/tmp/src", 0755);
	(void)mount("tmpfs", "/tmp/src", "tmpfs", MS_NODEV, NULL);
	(void)mkdir("/tmp/src/sub", 0755);
	(void)mkdir("/tmp/dst", 0755);
	(void)mount("tmpfs", "/tmp/src/sub", "tmpfs", 0, NULL);
	testing_write("/tmp/src/file", "top");
	testing_write("/tmp/src/sub/file", "sub");
	CHECK_INT(symlink("file", "/tmp/src/link"), 0);
}

CHILD_TEST(trees_are_cloned)
{
	struct err err = {0};

	if (!testing_private_mounts())
		return;
	make_source();
	auto_fd target = open_dir("/tmp/dst");
	auto_fd source = open_dir("/tmp/src");
	auto_fd one = mount_tree_clone(AT_FDCWD, "/tmp/src", 0, &err);
	CHECK_INT(mount_attach(one, target, &err), 0);
	CHECK(testing_reads("/tmp/dst/file", "top") && access("/tmp/dst/sub/file", F_OK) < 0);
	CHECK_INT(mount_detach(one, &err), 0);
	auto_fd all = mount_tree_clone(source, "", MOUNT_TREE_RECURSIVE, &err);
	CHECK_INT(mount_attach(all, target, &err), 0);
	CHECK(testing_reads("/tmp/dst/sub/file", "sub"));
	CHECK_INT(mount_tree_clone(source, "absent", 0, &err), -ENOENT);

	char text[16] = "";
	auto_fd link = mount_tree_clone(source, "link", MOUNT_TREE_NOFOLLOW, &err);
	CHECK(link >= 0 && readlinkat(link, "", text, sizeof(text)) == 4);
	auto_fd followed = mount_tree_clone(source, "link", 0, &err);
	CHECK(followed >= 0 && readlinkat(followed, "", text, sizeof(text)) < 0);

	/* A descriptor of another mount namespace. */
	REQUIRE(unshare(CLONE_NEWNS) == 0);
	CHECK_INT(mount_tree_clone(source, "", 0, &err), -EINVAL);
	CHECK(says(&err, "another mount namespace"));
}

/* The same requests with and without mount_setattr. */
static void check_attributes(void)
{
	struct err err = {0};
	struct mount_options options = {
		.bind = true,
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOATIME,
		.attr_clear = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODEV,
		.propagation = {MS_SHARED, MS_SLAVE | MS_REC, MS_SHARED | MS_REC},
		.propagation_count = 3,
	};

	make_source();
	auto_fd target = open_dir("/tmp/dst");
	auto_fd tree = mount_tree_clone(AT_FDCWD, "/tmp/src", MOUNT_TREE_RECURSIVE, &err);
	REQUIRE(tree >= 0);
	CHECK_INT(mount_attach_with(tree, target, &options, &err), 0);
	CHECK_INT(flags_of("/tmp/dst"), ST_RO | ST_NS | ST_NA);
	CHECK_INT(flags_of("/tmp/dst/sub"), ST_RA);
	CHECK_INT(flags_of("/tmp/src"), ST_ND | ST_RA);
	CHECK_INT(mounts(" /tmp/dst ro,nosuid,noatime shared:"), 1);
	CHECK_INT(mounts(" /tmp/dst/sub rw,relatime shared:"), 1);
	/*
	 * Adding one flag keeps the others; strictatime replaces noatime, and clearing it gives
	 * relatime.
	 */
	CHECK_INT(
		mount_set_attr(tree, MOUNT_ATTR_NOEXEC | MOUNT_ATTR_STRICTATIME, 0, 0, false, &err),
		0);
	CHECK_INT(flags_of("/tmp/dst"), ST_RO | ST_NS | ST_NX);
	CHECK_INT(
		mount_set_attr(tree, 0, MOUNT_ATTR_STRICTATIME | MOUNT_ATTR_RDONLY, 0, false, &err),
		0);
	CHECK_INT(flags_of("/tmp/dst"), ST_NS | ST_NX | ST_RA);
	CHECK_INT(mount_set_attr(tree, 0, 0, MS_PRIVATE, true, &err), 0);
	CHECK_INT(mounts("/tmp/dst/sub rw,relatime shared:"), 0);
}

CHILD_TEST(attributes_by_setattr)
{
	if (testing_private_mounts())
		check_attributes();
}

CHILD_TEST(attributes_without_setattr)
{
	struct err err = {0};
	struct mount_options options = {.bind = true, .rec_attr_set = MOUNT_ATTR_RDONLY};

	if (!testing_private_mounts())
		return;
	REQUIRE(testing_forbid(SYS_mount_setattr));
	check_attributes();
	auto_fd target = open_dir("/tmp/dst");
	auto_fd tree = mount_tree_clone(AT_FDCWD, "/tmp/src", 0, &err);
	CHECK(mount_set_attr(tree, MOUNT_ATTR_RDONLY, 0, 0, false, &err) < 0);
	CHECK_INT(err.kind, ERR_UNSUPPORTED);
	CHECK(mount_attach_with(tree, target, &options, &err) < 0);
	CHECK_INT(err.kind, ERR_UNSUPPORTED);
	CHECK(says(&err, "Linux 5.12"));
}

CHILD_TEST(attributes_of_whole_trees)
{
	struct err err = {0};
	struct mount_options options = {.bind = true,
					.recursive = true,
					.rec_attr_set = MOUNT_ATTR_RDONLY,
					.attr_clear = MOUNT_ATTR_NODEV};

	if (!testing_private_mounts())
		return;
	make_source();
	auto_fd target = open_dir("/tmp/dst");
	auto_fd tree = mount_tree_clone(AT_FDCWD, "/tmp/src", MOUNT_TREE_RECURSIVE, &err);
	CHECK_INT(mount_attach_with(tree, target, &options, &err), 0);
	CHECK_INT(flags_of("/tmp/dst"), ST_RO | ST_RA);
	CHECK_INT(flags_of("/tmp/dst/sub"), ST_RO | ST_RA);
	CHECK_INT(flags_of("/tmp/src/sub"), ST_RA);
}

CHILD_TEST(remounts)
{
	struct err err = {0};
	struct mount_options options = {.attr_set = MOUNT_ATTR_RDONLY,
					.data = "size=64k",
					.sb_flags = MS_LAZYTIME,
					.sb_clear = MS_SYNCHRONOUS};

	if (!testing_private_mounts())
		return;
	REQUIRE(mkdir("/tmp/dst", 0755) == 0);
	auto_fd target = open_dir("/tmp/dst");
	auto_fd tree = mount_fs_create("tmpfs", "tmpfs", "size=4k", MS_SYNCHRONOUS,
				       MOUNT_ATTR_NOSUID, &err);
	CHECK_INT(mount_attach(tree, target, &err), 0);
	CHECK_INT(mount_remount(tree, &options, &err), 0);
	CHECK_INT(mounts(" /tmp/dst ro,nosuid,relatime - tmpfs tmpfs rw,lazytime,size=64k"), 1);
	/* With bind the filesystem is left alone. */
	options = (struct mount_options){
		.bind = true, .attr_clear = MOUNT_ATTR_RDONLY, .data = "size=128k"};
	CHECK_INT(mount_remount(tree, &options, &err), 0);
	CHECK_INT(mounts(" /tmp/dst rw,nosuid,relatime - tmpfs tmpfs rw,lazytime,size=64k"), 1);
	options = (struct mount_options){.data = "nonsense"};
	CHECK(mount_remount(tree, &options, &err) < 0);
	CHECK(says(&err, "nonsense"));
}

CHILD_TEST(remounts_writable)
{
	struct err err = {0};
	struct mount_options options = {.attr_clear = MOUNT_ATTR_RDONLY, .data = ""};

	if (!testing_private_mounts())
		return;
	REQUIRE(mkdir("/tmp/dst", 0755) == 0);
	auto_fd target = open_dir("/tmp/dst");
	auto_fd tree = mount_fs_create("tmpfs", "tmpfs", NULL, 0, MOUNT_ATTR_RDONLY, &err);
	CHECK_INT(mount_attach(tree, target, &err), 0);
	CHECK_INT(mounts(" /tmp/dst ro,relatime - tmpfs tmpfs ro"), 1);
	CHECK_INT(mount_remount(tree, &options, &err), 0);
	CHECK_INT(mounts(" /tmp/dst rw,relatime - tmpfs tmpfs rw"), 1);
}

CHILD_TEST(filesystem_by_mount_in_a_child)
{
	struct err err = {0};

	if (!testing_private_mounts())
		return;
	REQUIRE(mkdir("/tmp/dst", 0755) == 0);
	auto_fd target = open_dir("/tmp/dst");
	int before = mounts(NULL);
	auto_fd tree = mount_fs_create_by_child("tmpfs", "named", "size=64k", MS_DIRSYNC,
						MOUNT_ATTR_NODEV | MOUNT_ATTR_NOATIME, &err);
	CHECK_INT(mount_attach(tree, target, &err), 0);
	CHECK_INT(mounts(" /tmp/dst rw,nodev,noatime - tmpfs named rw,dirsync,size=64k"), 1);
	CHECK_INT(mounts(NULL), before + 1);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
	CHECK(mount_fs_create_by_child("tmpfs", "named", "nonsense", 0, 0, &err) < 0);
	CHECK_INT(err.sys, EINVAL);
}

TEST(long_values_are_seen)
{
	char text[320];

	(void)memset(text, 'a', sizeof(text));
	text[1] = '=';
	text[2 + 255] = '\0';
	CHECK(fsconfig_list_fits(text));
	text[2 + 255] = 'a';
	text[2 + 256] = '\0';
	CHECK(!fsconfig_list_fits(text));
	text[100] = ',';
	text[120] = '=';
	CHECK(fsconfig_list_fits(text));
	/* An escaped comma is part of the value. */
	text[99] = '\\';
	CHECK(!fsconfig_list_fits(text));
	CHECK(fsconfig_list_fits(""));
	CHECK(fsconfig_list_fits(",,a,"));
}

static void check_new_root(int (*enter)(int, struct err *))
{
	struct err err = {0};
	char text[4096] = "";

	if (!testing_private_mounts())
		return;
	make_source();
	auto_fd proc = mount_fs_create("proc", "proc", NULL, 0, 0, &err);
	auto_fd root = open("/tmp/src", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK_INT(enter(root, &err), 0);
	CHECK(testing_reads("/file", "top") && testing_reads("/sub/file", "sub"));
	CHECK(testing_reads("file", "top"));
	CHECK(access("/proc/self", F_OK) < 0 && access("/tmp", F_OK) < 0);
	CHECK(access("/../../../../etc", F_OK) < 0 && access("../../etc", F_OK) < 0);
	if (enter == mount_pivot) {
		/* Of the old root nothing is left: there is the new one and the mount below it. */
		auto_fd table = openat(proc, "self/mountinfo", O_RDONLY | O_CLOEXEC);
		CHECK(read(table, text, sizeof(text) - 1) > 0);
		size_t lines = 0;
		for (const char *at = text; *at != '\0'; at++)
			lines += *at == '\n';
		CHECK_INT(lines, 2);
	}
}

CHILD_TEST(pivots)
{
	check_new_root(mount_pivot);
}

/* Unmounting the old root must not unmount what the namespace it was copied from shares with it. */
CHILD_TEST(pivot_leaves_peers_alone)
{
	struct err err = {0};
	int status = 0;

	if (!testing_private_mounts())
		return;
	make_source();
	CHECK_INT(mkdir("/tmp/shared", 0755), 0);
	CHECK_INT(mount("tmpfs", "/tmp/shared", "tmpfs", 0, NULL), 0);
	CHECK_INT(mount(NULL, "/tmp/shared", NULL, MS_SHARED, NULL), 0);
	CHECK_INT(mkdir("/tmp/shared/below", 0755), 0);
	CHECK_INT(mount("tmpfs", "/tmp/shared/below", "tmpfs", 0, NULL), 0);
	testing_write("/tmp/shared/below/canary", "alive");
	pid_t pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0)
			_exit(1);
		auto_fd root = open("/tmp/src", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		_exit(mount_pivot(root, &err) < 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_INT(status, 0);
	CHECK(testing_reads("/tmp/shared/below/canary", "alive"));
}

CHILD_TEST(moves_the_root)
{
	check_new_root(mount_move_root);
}

CHILD_TEST(pivot_needs_a_mount)
{
	struct err err = {0};

	if (!testing_private_mounts())
		return;
	CHECK_INT(mkdir("/tmp/plain", 0755), 0);
	auto_fd plain = open("/tmp/plain", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK_INT(mount_pivot(plain, &err), -EINVAL);
	CHECK(says(&err, "must be a private mount"));
}

static void make_root(void)
{
	(void)mkdir("/tmp/root", 0755);
	(void)mount("tmpfs", "/tmp/root", "tmpfs", MS_NOSUID | MS_NOEXEC, NULL);
	(void)mkdir("/tmp/root/dir", 0755);
	(void)mkdir("/tmp/root/other", 0755);
	(void)mkdir("/tmp/root/etc", 0755);
	(void)mkdir("/tmp/root/dir/below", 0755);
	(void)mount("tmpfs", "/tmp/root/dir/below", "tmpfs", 0, NULL);
	testing_write("/tmp/root/file", "secret");
	testing_write("/tmp/root/dir/file", "secret");
	testing_write("/tmp/root/etc/passwd", "inside");
	CHECK_INT(symlink("/etc/passwd", "/tmp/root/out"), 0);
	CHECK_INT(symlink("../../../etc", "/tmp/root/outdir"), 0);
	CHECK_INT(symlink("loop", "/tmp/root/loop"), 0);
}

CHILD_TEST(masks)
{
	struct err err = {0};
	struct mount_mask mask;
	struct stat st;

	if (!testing_private_mounts())
		return;
	make_root();
	auto_fd root = open_dir("/tmp/root");
	auto_fd null = open("/dev/null", O_PATH | O_CLOEXEC);
	REQUIRE(mount_mask_open(null, &mask, &err) == 0);
	int before = mounts(NULL);
	CHECK_INT(mount_mask_at(&mask, root, "/absent", &err), 0);
	CHECK_INT(mount_mask_at(&mask, root, "/file/absent", &err), 0);
	CHECK_INT(mounts(NULL), before);
	CHECK_INT(mount_mask_at(&mask, root, "/loop", &err), -ELOOP);
	CHECK_INT(mount_mask_at(&mask, root, "/file", &err), 0);
	CHECK_INT(mount_mask_at(&mask, root, "/dir", &err), 0);
	CHECK_INT(mount_mask_at(&mask, root, "other", &err), 0);
	/* Links that point out of the root end inside. */
	CHECK_INT(mount_mask_at(&mask, root, "/out", &err), 0);
	CHECK_INT(mounts(NULL), before + 4);
	CHECK(testing_reads("/tmp/root/file", ""));
	CHECK(stat("/tmp/root/file", &st) == 0 && st.st_rdev == makedev(1, 3));
	CHECK(access("/tmp/root/dir/file", F_OK) < 0);
	CHECK(open("/tmp/root/dir/x", O_CREAT | O_WRONLY | O_CLOEXEC, 0600) < 0 && errno == EROFS);
	CHECK(open("/tmp/root/other/x", O_CREAT | O_WRONLY | O_CLOEXEC, 0600) < 0 &&
	      errno == EROFS);
	CHECK(testing_reads("/tmp/root/etc/passwd", ""));
	CHECK(stat("/etc/passwd", &st) == 0 && S_ISREG(st.st_mode));
	mount_mask_close(&mask);
}

/* Attack 3: what stands for /dev/null is judged by the held descriptor. */
CHILD_TEST(only_the_null_device_masks)
{
	static const char *const fakes[] = {"/tmp/fake", "/tmp/link", "/dev/zero", "/tmp",
					    "/tmp/block"};
	struct mount_mask mask;

	if (!testing_private_mounts())
		return;
	testing_write("/tmp/fake", "");
	CHECK_INT(symlink("/proc/self/mem", "/tmp/link"), 0);
	CHECK_INT(mknod("/tmp/block", S_IFBLK | 0600, makedev(1, 3)), 0);
	for (size_t i = 0; i < sizeof(fakes) / sizeof(fakes[0]); i++) {
		struct err err = {0};
		auto_fd fd = open(fakes[i], O_PATH | O_NOFOLLOW | O_CLOEXEC);
		CHECK(mount_mask_open(fd, &mask, &err) < 0);
		CHECK_INT(err.kind, ERR_DENIED);
	}
}

static void check_readonly(bool whole)
{
	struct err err = {0};

	make_root();
	auto_fd root = open_dir("/tmp/root");
	CHECK_INT(mount_readonly_at(root, "/dir", &err), 0);
	CHECK_INT(mount_readonly_at(root, "/absent", &err), 0);
	CHECK_INT(mount_readonly_at(root, "/outdir", &err), 0);
	CHECK_INT(flags_of("/tmp/root/dir"), ST_RO | ST_NS | ST_NX | ST_RA);
	CHECK_INT(flags_of("/tmp/root/dir/below") & ST_RO, whole ? ST_RO : 0);
	CHECK_INT(flags_of("/tmp/root/etc"), ST_RO | ST_NS | ST_NX | ST_RA);
	CHECK_INT(flags_of("/tmp/root"), ST_NS | ST_NX | ST_RA);
	CHECK_INT(flags_of("/etc") & ST_RO, 0);
	CHECK_INT(mount_readonly_at(root, "/loop", &err), -ELOOP);
}

CHILD_TEST(makes_paths_readonly)
{
	if (testing_private_mounts())
		check_readonly(true);
}

CHILD_TEST(makes_paths_readonly_without_setattr)
{
	if (!testing_private_mounts())
		return;
	REQUIRE(testing_forbid(SYS_mount_setattr) && testing_forbid(SYS_openat2));
	check_readonly(false);
}

/*
 * In a less privileged namespace the flags of what comes from outside are locked: kept, or named.
 */
CHILD_TEST(locked_flags)
{
	struct err err = {0};

	if (!testing_private_mounts())
		return;
	make_root();
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		SKIP("no user namespaces");
	auto_fd root = open_dir("/tmp/root");
	CHECK_INT(mount_readonly_at(root, "/etc", &err), 0);
	CHECK_INT(flags_of("/tmp/root/etc"), ST_RO | ST_NS | ST_NX | ST_RA);
	auto_fd tree = mount_tree_clone(root, "etc", 0, &err);
	CHECK_INT(mount_set_attr(tree, 0, MOUNT_ATTR_NOSUID, 0, false, &err), -EPERM);
	CHECK(says(&err, "locked"));
}

TESTS(T(filesystems_are_made_detached), T(refusals_carry_the_kernels_words),
      T(special_filesystems_mount), T(shared_superblocks_stay_writable), T(trees_are_cloned),
      T(attributes_by_setattr), T(attributes_without_setattr), T(attributes_of_whole_trees),
      T(remounts), T(remounts_writable), T(filesystem_by_mount_in_a_child), T(long_values_are_seen),
      T(pivots), T(pivot_leaves_peers_alone), T(moves_the_root), T(pivot_needs_a_mount), T(masks),
      T(only_the_null_device_masks), T(makes_paths_readonly),
      T(makes_paths_readonly_without_setattr), T(locked_flags))
