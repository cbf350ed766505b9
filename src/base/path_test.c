#include "base/path.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/test.h"

/* A tree made anew for each case: base/{outside,root}. */
struct tree {
	char base[64];
	int basefd;
	int rootfd;
};

static int tree_init(struct tree *tree)
{
	(void)snprintf(tree->base, sizeof(tree->base), "/tmp/path-test-XXXXXX");
	if (mkdtemp(tree->base) == NULL)
		return -1;
	tree->basefd = open(tree->base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)mkdirat(tree->basefd, "root", 0755);
	(void)mkdirat(tree->basefd, "outside", 0755);
	tree->rootfd = openat(tree->basefd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)mkdirat(tree->rootfd, "etc", 0755);
	(void)mkdirat(tree->rootfd, "etc/deep", 0755);
	int fd = openat(tree->rootfd, "etc/passwd", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	(void)fd_write_all(fd, "inside", 6);
	(void)close(fd);
	fd = openat(tree->basefd, "outside/passwd", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	(void)fd_write_all(fd, "outside", 7);
	(void)close(fd);
	return 0;
}

static void tree_done(struct tree *tree)
{
	char command[128];

	(void)close(tree->rootfd);
	(void)close(tree->basefd);
	(void)snprintf(command, sizeof(command), "%s", tree->base);
	char *argv[] = {(char[]){"rm"}, (char[]){"-rf"}, command, NULL};
	pid_t pid = fork();
	if (pid == 0) {
		execvp("rm", argv);
		_exit(127);
	}
	int status;
	(void)waitpid(pid, &status, 0);
}

typedef int (*open_fn)(int rootfd, const char *path, int flags, struct err *err);
static const open_fn both[] = {path_open_in_root, path_walk_in_root};

static bool reads(int fd, const char *want)
{
	char text[32] = "";
	ssize_t len = fd < 0 ? -1 : fd_read_full(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		(void)close(fd);
	return len == (ssize_t)strlen(want) && strcmp(text, want) == 0;
}

static int error_of(int fd)
{
	if (fd >= 0)
		(void)close(fd);
	return fd >= 0 ? 0 : -fd;
}

TEST(links_stay_inside)
{
	struct tree tree;
	struct err err = {0};
	char far[512] = "";

	REQUIRE(tree_init(&tree) == 0);
	for (int i = 0; i < 40; i++)
		(void)snprintf(far + strlen(far), sizeof(far) - strlen(far), "../");
	(void)snprintf(far + strlen(far), sizeof(far) - strlen(far), "etc/passwd");
	CHECK_INT(symlinkat("/etc/passwd", tree.rootfd, "absolute"), 0);
	CHECK_INT(symlinkat("../../../../etc/passwd", tree.rootfd, "relative"), 0);
	CHECK_INT(symlinkat(far, tree.rootfd, "etc/deep/far"), 0);
	CHECK_INT(symlinkat("/", tree.rootfd, "etc/slash"), 0);
	CHECK_INT(symlinkat("../outside/passwd", tree.rootfd, "escape"), 0);
	CHECK_INT(symlinkat("deep/../../etc", tree.rootfd, "etc/round"), 0);
	for (size_t i = 0; i < 2; i++) {
		static const char *const inside[] = {"etc/passwd",
						     "/etc/passwd",
						     "//etc//./passwd",
						     "absolute",
						     "relative",
						     "etc/deep/far",
						     "etc/slash/etc/passwd",
						     "etc/../../../etc/passwd",
						     "../../etc/passwd",
						     "etc/round/passwd",
						     "etc/slash/../etc/deep/../passwd"};
		for (size_t j = 0; j < sizeof(inside) / sizeof(inside[0]); j++)
			if (!reads(both[i](tree.rootfd, inside[j], O_RDONLY, &err), "inside"))
				TEST_FAIL("way %zu does not find '%s'", i, inside[j]);
		CHECK_INT(error_of(both[i](tree.rootfd, "escape", O_RDONLY, &err)), ENOENT);
		CHECK_INT(error_of(both[i](tree.rootfd, "../outside/passwd", O_RDONLY, &err)),
			  ENOENT);
		CHECK_INT(err.kind, ERR_NOT_FOUND);
		CHECK_INT(error_of(both[i](tree.rootfd, "etc/passwd/", O_RDONLY, &err)), ENOTDIR);
		CHECK_INT(error_of(both[i](tree.rootfd, "etc/passwd/..", O_RDONLY, &err)), ENOTDIR);
		CHECK_INT(error_of(both[i](tree.rootfd, "absolute", O_RDONLY | O_NOFOLLOW, &err)),
			  ELOOP);
		CHECK_INT(error_of(both[i](tree.rootfd, "etc/passwd", O_PATH | O_DIRECTORY, &err)),
			  ENOTDIR);
	}
	tree_done(&tree);
}

TEST(root_names)
{
	struct tree tree;
	struct err err = {0};
	struct stat root, st;

	REQUIRE(tree_init(&tree) == 0);
	REQUIRE(fstat(tree.rootfd, &root) == 0);
	for (size_t i = 0; i < 2; i++) {
		static const char *const names[] = {"", ".", "/", "..", "/../..", "etc/.."};
		for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
			auto_fd fd = both[i](tree.rootfd, names[j], O_PATH, &err);
			CHECK(fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == root.st_ino);
			CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
		}
		auto_fd fd = both[i](tree.rootfd, "etc", O_PATH | O_NOFOLLOW | O_RDWR, &err);
		CHECK(fd >= 0);
	}
	tree_done(&tree);
}

TEST(bounds)
{
	struct tree tree;
	struct err err = {0};
	char name[16], target[16];
	char longer[PATH_MAX + 2];

	REQUIRE(tree_init(&tree) == 0);
	CHECK_INT(symlinkat("loop", tree.rootfd, "loop"), 0);
	CHECK_INT(symlinkat("etc/passwd", tree.rootfd, "l0"), 0);
	for (int i = 1; i <= 40; i++) {
		(void)snprintf(name, sizeof(name), "l%d", i);
		(void)snprintf(target, sizeof(target), "l%d", i - 1);
		CHECK_INT(symlinkat(target, tree.rootfd, name), 0);
	}
	(void)memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	for (size_t i = 0; i < 2; i++) {
		CHECK_INT(error_of(both[i](tree.rootfd, "loop", O_RDONLY, &err)), ELOOP);
		CHECK(reads(both[i](tree.rootfd, "l39", O_RDONLY, &err), "inside"));
		CHECK_INT(error_of(both[i](tree.rootfd, "l40", O_RDONLY, &err)), ELOOP);
		CHECK_INT(error_of(both[i](tree.rootfd, longer, O_RDONLY, &err)), ENAMETOOLONG);
	}
	CHECK_INT(error_of(path_open_in_root(tree.rootfd, "x", O_CREAT | O_RDWR, &err)), EINVAL);
	tree_done(&tree);
}

TEST(magic_links_are_refused)
{
	struct err err = {0};
	auto_fd root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	REQUIRE(root >= 0);
	if (faccessat(root, "proc/self/exe", F_OK, 0) < 0) {
		printf("SKIP magic_links_are_refused: no /proc, or an emulator's false root\n");
		return;
	}
	for (size_t i = 0; i < 2; i++) {
		CHECK_INT(error_of(both[i](root, "proc/self/exe", O_RDONLY, &err)), ELOOP);
		CHECK_INT(error_of(both[i](root, "proc/self/root/etc", O_RDONLY, &err)), ELOOP);
		CHECK_INT(error_of(both[i](root, "proc/self/ns/net", O_RDONLY, &err)), ELOOP);
		auto_fd plain = both[i](root, "proc/self/stat", O_RDONLY, &err);
		CHECK(plain >= 0);
	}
}

TEST(opens_stored_files_alone)
{
	static const char *const bad[] = {"/", "etc", "fifo", "to-fifo", "socket"};
	struct tree tree;
	struct err err = {0};

	REQUIRE(tree_init(&tree) == 0);
	(void)mkfifoat(tree.rootfd, "fifo", 0644);
	CHECK(symlinkat("/fifo", tree.rootfd, "to-fifo") == 0);
	(void)mknodat(tree.rootfd, "socket", S_IFSOCK | 0644, 0);
	CHECK(symlinkat("/etc/passwd", tree.rootfd, "inside") == 0);
	CHECK(symlinkat("../outside/passwd", tree.rootfd, "away") == 0);
	auto_fd file = path_open_regular_in_root(tree.rootfd, "inside", &err);
	CHECK(reads(file, "inside"));
	CHECK((fcntl(file, F_GETFD) & FD_CLOEXEC) != 0);
	CHECK_INT(error_of(path_open_regular_in_root(tree.rootfd, "away", &err)), ENOENT);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_INT(error_of(path_open_regular_in_root(tree.rootfd, bad[i], &err)), EINVAL);
	tree_done(&tree);
}

TEST(kernels_files_are_not_stored)
{
	static const char *const bad[] = {"proc/version", "proc/self/stat", "dev/null",
					  "sys/kernel/mm/transparent_hugepage/enabled",
					  "sys/fs/cgroup/cgroup.procs"};
	struct err err = {0};
	auto_fd root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	REQUIRE(root >= 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (faccessat(root, bad[i], F_OK, 0) == 0)
			CHECK_INT(error_of(path_open_regular_in_root(root, bad[i], &err)), EINVAL);
	}
}

TEST(makes_what_is_missing)
{
	struct tree tree;
	struct err err = {0};
	struct stat st = {0};

	REQUIRE(tree_init(&tree) == 0);
	mode_t old = umask(022);
	auto_fd file = path_make_in_root(tree.rootfd, "/a/b//./c", PATH_FILE, 0755, &err);
	CHECK(file >= 0 && fstat(file, &st) == 0 && S_ISREG(st.st_mode));
	CHECK_INT(st.st_mode & 07777, 0755);
	auto_fd folder = path_make_in_root(tree.rootfd, "a/d/e/.", PATH_DIR, 0700, &err);
	CHECK(folder >= 0 && fstat(folder, &st) == 0 && S_ISDIR(st.st_mode));
	CHECK_INT(st.st_mode & 07777, 0700);
	CHECK(fstatat(tree.rootfd, "a/d", &st, 0) == 0 && (st.st_mode & 07777) == 0755);
	auto_fd again = path_make_in_root(tree.rootfd, "etc/passwd", PATH_FILE, 0755, &err);
	CHECK(again >= 0 && fstat(again, &st) == 0 && (st.st_mode & 07777) == 0644);
	CHECK_INT(st.st_size, 6);
	auto_fd root = path_make_in_root(tree.rootfd, "/", PATH_DIR, 0755, &err);
	CHECK(root >= 0);
	CHECK_INT(error_of(path_make_in_root(tree.rootfd, "etc/passwd", PATH_DIR, 0755, &err)),
		  ENOTDIR);
	CHECK_INT(error_of(path_make_in_root(tree.rootfd, "etc", PATH_FILE, 0755, &err)), EISDIR);
	CHECK_INT(error_of(path_make_in_root(tree.rootfd, "etc/passwd/x", PATH_FILE, 0755, &err)),
		  ENOTDIR);
	(void)umask(old);
	tree_done(&tree);
}

static size_t entries(int basefd, const char *name)
{
	size_t count = 0;
	char raw[4096];
	auto_fd fd = openat(basefd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long len = syscall(SYS_getdents64, fd, raw, sizeof(raw));

	for (long at = 0; at < len;) {
		unsigned short reclen;
		(void)memcpy(&reclen, raw + at + 16, sizeof(reclen));
		at += reclen;
		count++;
	}
	return count - 2;
}

/* Attack 9 (CVE-2024-45310) and its relatives: targets behind links never appear outside. */
TEST(makes_nothing_outside)
{
	struct tree tree;
	struct err err = {0};
	char absolute[128];
	struct stat st;

	REQUIRE(tree_init(&tree) == 0);
	(void)snprintf(absolute, sizeof(absolute), "%s/outside", tree.base);
	CHECK_INT(symlinkat(absolute, tree.rootfd, "dangling-absolute"), 0);
	CHECK_INT(symlinkat("../outside", tree.rootfd, "dangling-relative"), 0);
	CHECK_INT(symlinkat("../outside/made", tree.rootfd, "dangling-file"), 0);
	CHECK_INT(symlinkat("../../../..", tree.rootfd, "etc/up"), 0);
	auto_fd one =
		path_make_in_root(tree.rootfd, "dangling-absolute/new", PATH_FILE, 0755, &err);
	auto_fd two = path_make_in_root(tree.rootfd, "dangling-relative/new", PATH_DIR, 0755, &err);
	auto_fd three = path_make_in_root(tree.rootfd, "dangling-file", PATH_FILE, 0755, &err);
	auto_fd four = path_make_in_root(tree.rootfd, "etc/up/outside/four", PATH_FILE, 0755, &err);
	auto_fd five = path_make_in_root(tree.rootfd, "../outside/five", PATH_FILE, 0755, &err);
	CHECK(one >= 0 && two >= 0 && three >= 0 && four >= 0 && five >= 0);
	CHECK_INT(entries(tree.basefd, "outside"), 1);
	CHECK_INT(entries(tree.basefd, "."), 2);
	(void)snprintf(absolute, sizeof(absolute), "%s/outside/new", tree.base + 1);
	CHECK(fstatat(tree.rootfd, absolute, &st, 0) == 0 && S_ISREG(st.st_mode));
	CHECK(fstatat(tree.rootfd, "outside/new", &st, 0) == 0 && S_ISDIR(st.st_mode));
	CHECK(fstatat(tree.rootfd, "outside/made", &st, 0) == 0 && S_ISREG(st.st_mode));
	CHECK(fstatat(tree.rootfd, "outside/four", &st, 0) == 0);
	CHECK(fstatat(tree.rootfd, "outside/five", &st, 0) == 0);
	tree_done(&tree);
}

TEST(cleans)
{
	static const struct {
		const char *path, *want;
	} cases[] = {{"", "/"},           {"/", "/"},          {".", "/"},
		     {"..", "/"},         {"a/../../b", "/b"}, {"/a//b/./c/", "/a/b/c"},
		     {"/a/b/..", "/a"},   {"/...", "/..."},    {"a/..", "/"},
		     {"/a/../../..", "/"}};
	char buf[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK_INT(path_clean(cases[i].path, buf, sizeof(buf)), strlen(cases[i].want));
		CHECK_STR(buf, cases[i].want);
	}
	CHECK_INT(path_clean("/abc", buf, 5), 4);
	CHECK_INT(path_clean("/abc", buf, 4), -ENAMETOOLONG);
	CHECK_INT(path_clean("", buf, 1), -ENAMETOOLONG);
}

TEST(tells_what_is_beneath)
{
	struct tree tree;
	struct err err = {0};

	REQUIRE(tree_init(&tree) == 0);
	auto_fd deep = openat(tree.rootfd, "etc/deep", O_PATH | O_CLOEXEC);
	auto_fd outside = openat(tree.basefd, "outside", O_PATH | O_CLOEXEC);
	auto_fd file = openat(tree.rootfd, "etc/passwd", O_PATH | O_CLOEXEC);
	CHECK_INT(path_is_beneath(tree.rootfd, deep, &err), 1);
	CHECK_INT(path_is_beneath(tree.rootfd, tree.rootfd, &err), 1);
	CHECK_INT(path_is_beneath(tree.rootfd, outside, &err), 0);
	CHECK_INT(path_is_beneath(tree.rootfd, tree.basefd, &err), 0);
	CHECK_INT(path_is_beneath(tree.rootfd, file, &err), -ENOTDIR);
	tree_done(&tree);
}

TESTS(T(links_stay_inside), T(root_names), T(bounds), T(magic_links_are_refused),
      T(opens_stored_files_alone), T(kernels_files_are_not_stored), T(makes_what_is_missing),
      T(makes_nothing_outside), T(cleans), T(tells_what_is_beneath))
