/*
 * On a made tree: no machine of ours has the hardware. mkdirat() and unlinkat() are this file's own and do what the
 * kernel does there: a group is born with its files and is removed with them.
 */
#include "kern/resctrl/resctrl.h"

#include <sys/stat.h>

#include "base/fd.h"
#include "kern/testing.h"

static int mkdir_errno; /* what the next mkdirat() fails with */

static void put(int dir, const char *name, const char *text)
{
	auto_fd fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || fd_write_all(fd, text, strlen(text)) < 0)
		TEST_FAIL("write '%s': %s", name, strerror(errno));
}

int mkdirat(int dir, const char *path, mode_t mode)
{
	if (mkdir_errno != 0) {
		errno = mkdir_errno;
		mkdir_errno = 0;
		return -1;
	}
	if (syscall(SYS_mkdirat, dir, path, mode) < 0)
		return -1;
	auto_fd made = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	put(made, "tasks", "");
	if (strstr(path, "mon_groups") == NULL) {
		put(made, "schemata", "");
		(void)syscall(SYS_mkdirat, made, "mon_groups", 0755);
	}
	return 0;
}

int unlinkat(int dir, const char *path, int flags)
{
	auto_fd gone = openat(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	(void)syscall(SYS_unlinkat, gone, "tasks", 0);
	(void)syscall(SYS_unlinkat, gone, "schemata", 0);
	(void)syscall(SYS_unlinkat, gone, "mon_groups", AT_REMOVEDIR);
	return (int)syscall(SYS_unlinkat, dir, path, flags);
}

static bool says(const struct err *err, const char *want)
{
	char text[1024];

	return strstr(err_format(err, text, sizeof(text)), want) != NULL;
}

static bool holds(int root, const char *name, const char *want)
{
	char text[512] = "";
	auto_fd fd = openat(root, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return false;
	if (strcmp(text, want) != 0)
		printf("'%s' holds '%s'\n", name, text);
	return strcmp(text, want) == 0;
}

static bool exists(int root, const char *name)
{
	return faccessat(root, name, F_OK, 0) == 0;
}

/* A root with a class called "gold" that somebody made. */
static int make_root(void)
{
	if (!testing_private_mounts())
		return FD_NONE;
	int root = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	put(root, "schemata", "    MB:0=100;1=100\n    L3:0=7ff;1=7ff\n");
	put(root, "tasks", "");
	(void)syscall(SYS_mkdirat, root, "mon_groups", 0755);
	(void)syscall(SYS_mkdirat, root, "info", 0755);
	put(root, "info/last_cmd_status", "ok\n");
	(void)mkdirat(root, "gold", 0755);
	put(root, "gold/schemata", "    MB:0= 20;1= 70\n    L3:0=7f0;1=01f\n");
	return root;
}

TEST(schemata_are_compared_by_meaning)
{
	const char *now = "    MB:0= 20;1= 70\n    L3:0=7f0;1=01f\nL2:0=ff\n";

	CHECK(resctrl_holds(now, "L3:0=7f0;1=1f"));
	CHECK(resctrl_holds(now, "L3:1=1F;0=07f0"));
	CHECK(resctrl_holds(now, "L3: 1 = 1f"));
	CHECK(resctrl_holds(now, "MB:0=20;1=70"));
	CHECK(resctrl_holds(now, "MB:1=70"));
	CHECK(resctrl_holds(now, "L2:0=ff\n"));
	CHECK(!resctrl_holds(now, "L3:0=7f0;1=1e"));
	CHECK(!resctrl_holds(now, "L3:0=7f0;2=1f"));
	CHECK(!resctrl_holds(now, "L3CODE:0=7f0"));
	CHECK(!resctrl_holds(now, "MB:0=2"));
	CHECK(!resctrl_holds(now, "MB:0"));
	CHECK(!resctrl_holds(now, "MB"));
	CHECK(!resctrl_holds("", "MB:0=1"));
}

TEST(the_mount_is_found)
{
	char path[32];

	CHECK_INT(resctrl_find_mount("1 2 0:3 / /proc rw - proc proc rw\n"
				     "4 2 0:5 / /mnt/a\\040b rw shared:1 - resctrl resctrl rw\n",
				     path, sizeof(path)),
		  0);
	CHECK_STR(path, "/mnt/a b");
	CHECK_INT(
		resctrl_find_mount("1 2 0:3 / /resctrl rw - tmpfs resctrl rw", path, sizeof(path)),
		-ENOENT);
	CHECK_INT(resctrl_find_mount("", path, sizeof(path)), -ENOENT);
	CHECK_INT(resctrl_find_mount("1 2 0:3 / /\\000x rw - resctrl r rw", path, sizeof(path)),
		  -ENOENT);
	CHECK_INT(resctrl_find_mount("1 2 - resctrl x", path, sizeof(path)), -ENOENT);
	CHECK_INT(resctrl_find_mount(
			  "4 2 0:5 / /a/path/that/is/far/too/long/for/it rw - resctrl r rw\n"
			  "5 2 0:5 / /short rw - resctrl r rw",
			  path, sizeof(path)),
		  0);
	CHECK_STR(path, "/short");
}

CHILD_TEST(a_class_of_its_own)
{
	const char *lines[] = {"L2:0=f", "MB:0=30"};
	struct resctrl_wish wish = {.id = "box",
				    .l3 = "L3:0=f",
				    .bandwidth = "MB:0=20",
				    .lines = lines,
				    .line_count = 2,
				    .monitor = true};
	struct resctrl_plan plan;
	struct err err = {0};
	auto_fd root = make_root();

	if (root < 0)
		SKIP("no private mounts");
	CHECK_INT(resctrl_plan(root, &wish, &plan, &err), 0);
	CHECK(plan.make_class && plan.remove_class);
	CHECK_STR(plan.class_path, "box");
	CHECK_STR(plan.monitor_path, "box/mon_groups/box");
	CHECK(!exists(root, "box"));
	CHECK_INT(resctrl_make(root, &wish, &plan, &err), 0);
	CHECK(holds(root, "box/schemata", "L3:0=f\nMB:0=20\nL2:0=f\nMB:0=30\n"));
	CHECK_INT(resctrl_join(root, &plan, 4711, &err), 0);
	CHECK(holds(root, "box/tasks", "4711") && holds(root, "box/mon_groups/box/tasks", "4711"));
	CHECK_INT(resctrl_plan(root, &wish, &plan, &err), -EEXIST); /* it is watched already */
	CHECK_INT(resctrl_remove(root, "box/mon_groups/box", &err), 0);
	CHECK_INT(resctrl_remove(root, "box", &err), 0);
	CHECK_INT(resctrl_remove(root, "box", &err), 0);
	CHECK(!exists(root, "box"));
}

CHILD_TEST(without_schemata_none_are_written)
{
	struct resctrl_wish wish = {.id = "box", .l3 = "", .bandwidth = ""};
	struct resctrl_plan plan;
	struct err err = {0};
	auto_fd root = make_root();

	if (root < 0)
		SKIP("no private mounts");
	CHECK_INT(resctrl_plan(root, &wish, &plan, &err), 0);
	CHECK_STR(plan.monitor_path, "");
	CHECK_INT(resctrl_make(root, &wish, &plan, &err), 0);
	CHECK(holds(root, "box/schemata", ""));
	/* One that is there already is used, and is nobody's to remove. */
	CHECK_INT(resctrl_plan(root, &wish, &plan, &err), 0);
	CHECK(!plan.make_class && !plan.remove_class);
}

CHILD_TEST(a_class_by_name)
{
	struct resctrl_wish wish = {.id = "box", .class_id = "gold", .monitor = true};
	struct resctrl_plan plan;
	struct err err = {0};
	auto_fd root = make_root();

	if (root < 0)
		SKIP("no private mounts");
	CHECK_INT(resctrl_plan(root, &wish, &plan, &err), 0);
	CHECK(!plan.make_class && !plan.remove_class);
	CHECK_INT(resctrl_make(root, &wish, &plan, &err), 0);
	CHECK(exists(root, "gold/mon_groups/box"));
	wish.class_id = "silver";
	CHECK_INT(resctrl_plan(root, &wish, &plan, &err), -ENOENT);
	CHECK(says(&err, "the resctrl group 'silver' does not exist"));
	wish.bandwidth = "MB:0=10";
	CHECK_INT(resctrl_plan(root, &wish, &plan, &err), 0);
	CHECK(plan.make_class && !plan.remove_class);
	CHECK_INT(resctrl_make(root, &wish, &plan, &err), 0);
	CHECK(holds(root, "silver/schemata", "MB:0=10\n"));
}

CHILD_TEST(other_shares_are_a_conflict)
{
	struct resctrl_wish wish = {.id = "box", .class_id = "gold", .l3 = "L3:0=7f0;1=1f"};
	struct resctrl_plan plan;
	struct err err = {0};
	auto_fd root = make_root();

	if (root < 0)
		SKIP("no private mounts");
	CHECK_INT(resctrl_plan(root, &wish, &plan, &err), 0);
	wish.bandwidth = "MB:0=21";
	CHECK_INT(resctrl_make(root, &wish, &plan, &err), -EEXIST);
	CHECK(says(&err, "the resctrl group 'gold' exists with other shares than 'MB:0=21'"));
	CHECK(exists(root, "gold"));
	wish.bandwidth = "MB:0=20";
	CHECK_INT(resctrl_make(root, &wish, &plan, &err), 0);
}

CHILD_TEST(the_default_class)
{
	struct resctrl_wish wish = {.id = "box", .class_id = "/", .monitor = true};
	struct resctrl_plan plan;
	struct err err = {0};
	auto_fd root = make_root();

	if (root < 0)
		SKIP("no private mounts");
	CHECK_INT(resctrl_plan(root, &wish, &plan, &err), 0);
	CHECK(!plan.make_class && !plan.remove_class);
	CHECK_INT(resctrl_make(root, &wish, &plan, &err), 0);
	CHECK_INT(resctrl_join(root, &plan, 0, &err), 0);
	CHECK(holds(root, "tasks", "0") && holds(root, "mon_groups/box/tasks", "0"));
}

CHILD_TEST(a_class_is_updated)
{
	struct resctrl_wish wish = {.id = "gold", .l3 = "L3:0=f", .bandwidth = "MB:0=10"};
	struct err err = {0};
	auto_fd root = make_root();

	if (root < 0)
		SKIP("no private mounts");
	put(root, "gold/schemata", "");
	CHECK_INT(resctrl_update(root, &wish, &err), 0);
	CHECK(holds(root, "gold/schemata", "L3:0=f\nMB:0=10\n"));
	wish.class_id = "gold";
	wish.id = "box";
	wish.l3 = NULL;
	wish.bandwidth = "MB:0=30;1=40";
	put(root, "gold/schemata", "");
	CHECK_INT(resctrl_update(root, &wish, &err), 0);
	CHECK(holds(root, "gold/schemata", "MB:0=30;1=40\n"));
	wish.class_id = NULL; /* the class that was its own is gone */
	CHECK_INT(resctrl_update(root, &wish, &err), -ENOENT);
	CHECK(says(&err, "open the resctrl group 'box'"));
	wish.class_id = "../gold";
	CHECK_INT(resctrl_update(root, &wish, &err), -EINVAL);
}

CHILD_TEST(failures_leave_nothing)
{
	struct resctrl_wish wish = {.id = "box", .l3 = "L3:0=1"};
	struct resctrl_plan plan;
	struct err err = {0};
	auto_fd root = make_root();

	if (root < 0)
		SKIP("no private mounts");
	put(root, "info/last_cmd_status", "out of CLOSIDs\n");
	REQUIRE(resctrl_plan(root, &wish, &plan, &err) == 0);
	mkdir_errno = ENOSPC;
	CHECK_INT(resctrl_make(root, &wish, &plan, &err), -ENOSPC);
	CHECK(says(&err, "make the resctrl group 'box': the kernel says 'out of CLOSIDs'"));
	const char *lines[] = {"L3:0=1"};
	wish.lines = lines;
	wish.line_count = 1;
	(void)snprintf(plan.monitor_path, sizeof(plan.monitor_path), "none/mon_groups/box");
	CHECK_INT(resctrl_make(root, &wish, &plan, &err), -ENOENT);
	CHECK(!exists(root, "box"));
}

TEST(names_that_are_no_groups)
{
	static const char *const wrong[] = {"info", "mon_groups", "mon_data", ".", "..", "a/b"};
	struct resctrl_plan plan;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct resctrl_wish by_id = {.id = wrong[i]};
		struct resctrl_wish by_class = {.id = "box", .class_id = wrong[i]};
		struct err err = {0};
		CHECK_INT(resctrl_name(&by_id, &plan, &err), -EINVAL);
		CHECK_INT(resctrl_name(&by_class, &plan, &err), -EINVAL);
	}
}

TESTS(T(schemata_are_compared_by_meaning), T(the_mount_is_found), T(a_class_of_its_own),
      T(without_schemata_none_are_written), T(a_class_by_name), T(other_shares_are_a_conflict),
      T(the_default_class), T(failures_leave_nothing), T(a_class_is_updated),
      T(names_that_are_no_groups))
