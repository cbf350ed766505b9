/*
 * Against the running kernel: as the host is, and, in a private mount namespace, as pure v1 and as
 * pure v2. Each case runs in a child with a parent cgroup of its own, which is removed afterwards.
 */
#include "kern/cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/test.h"
#include "kern/cgroup/control.h"
#include "kern/cgroup/internal.h"
#include "kern/cgroup/limits.h"

static char report[600];

static void fail_with(int line, const struct err *err)
{
	test_failures++;
	printf("%s:%d: %s\n", __FILE__, line, err_format(err, report, sizeof(report)));
}

#define OK(call)                                   \
	do {                                       \
		if ((call) < 0)                    \
			fail_with(__LINE__, &err); \
	} while (0)

#define NEED(call)                                 \
	do {                                       \
		if ((call) < 0) {                  \
			fail_with(__LINE__, &err); \
			return;                    \
		}                                  \
	} while (0)

#define CHECK_ERR(call, want_kind, part)                                                 \
	do {                                                                             \
		if ((call) >= 0)                                                         \
			TEST_FAIL("no failure: %s", #call);                              \
		else if (err.kind != (want_kind) ||                                      \
			 strstr(err_format(&err, report, sizeof(report)), part) == NULL) \
			TEST_FAIL("kind %d: %s", (int)err.kind,                          \
				  err_format(&err, report, sizeof(report)));             \
	} while (0)

/* --- the kernel --- */

static struct cgroup_host live;
static struct cgroup cg;
static char parent[64];

static void remove_all(void)
{
	const char *dirs[CGROUP_HIERARCHIES_MAX] = {NULL};
	size_t count = 0;
	struct err err;

	for (size_t i = 0; i < live.count; i++) {
		if (cgroup_dir(&cg, i)[0] == '\0')
			continue;
		dirs[count++] = cgroup_dir(&cg, i);
	}
	OK(cgroup_remove(dirs, count, 5000, CGROUP_REMOVE_KILL, &err));
	for (size_t i = 0; i < count; i++)
		CHECK(faccessat(live.root_fd, dirs[i], F_OK, 0) < 0);
}

/*
 * Clones a child into the cgroup as the runtime does; it runs `run` and exits with its result.
 * Returns when it is in all hierarchies.
 */
static pid_t enter(const char *sub, int (*run)(void))
{
	struct cgroup_entry entry;
	struct err err;
	int ready[2];
	char byte;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return -1;
	if (cgroup_entry_open(&cg, sub, &entry, &err) < 0) {
		fail_with(__LINE__, &err);
		return -1;
	}
	struct clone_args args = {.exit_signal = SIGCHLD};
	if (entry.clone_fd >= 0) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (unsigned)entry.clone_fd;
	}
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		if (cgroup_enter_self(&entry, &err) < 0)
			_exit(99);
		(void)close(ready[0]);
		(void)close(ready[1]);
		_exit(run());
	}
	(void)close(ready[1]);
	(void)!read(ready[0], &byte, 1); /* the end, once the child closed it */
	(void)close(ready[0]);
	cgroup_entry_done(&entry);
	CHECK(pid > 0);
	return pid;
}

static int exit_of(pid_t pid)
{
	int status = 0;

	if (pid <= 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int sleep_long(void)
{
	(void)sleep(60);
	return 0;
}

static const char *value_of(enum cgroup_controller controller, const char *file)
{
	static char text[4][256];
	static unsigned turn;
	char *at = text[turn++ % 4];
	struct err err;
	int i = cgroup_host_find(&live, controller);

	if (i < 0)
		i = cgroup_host_find_v2(&live);
	if (i < 0 || cgroup_read_value(live.root_fd, cgroup_dir(&cg, (size_t)i), file, at,
				       sizeof(text[0]), &err) < 0)
		return "(none)";
	return at;
}

static bool make(const char *leaf, const struct cgroup_limits *limits)
{
	struct err err;
	char path[128];
	uint32_t warnings;

	(void)snprintf(path, sizeof(path), "%s/%s", parent, leaf);
	if (cgroup_plan(&live, path, &cg, &err) < 0 || cgroup_create(&cg, &err) < 0 ||
	    cgroup_apply(&cg, limits, &warnings, &err) < 0) {
		fail_with(__LINE__, &err);
		return false;
	}
	return true;
}

static const struct cgroup_limits none;

static void life(void)
{
	struct err err;
	pid_t pids[8];
	size_t count;
	static struct cgroup same;

	if (!make("life", &none))
		return;
	pid_t child = enter(NULL, sleep_long);
	NEED(cgroup_list_pids(&cg, pids, 8, &count, &err));
	CHECK_INT(count, 1);
	CHECK_INT(pids[0], child);
	CHECK(cgroup_list_pids(&cg, pids, 0, &count, &err) < 0);
	/* Its /proc file leads back to the same directories. */
	OK(cgroup_of_pid(&live, child, &same, &err));
	for (size_t h = 0; h < live.count; h++)
		CHECK_STR(cgroup_dir(&same, h), cgroup_dir(&cg, h));
	static struct cgroup again;
	again = cg;
	CHECK_ERR(cgroup_create(&again, &err), ERR_CONFLICT, "holds processes");
	/* What was there stays, and what the failed attempt made goes. */
	char other[128];
	(void)snprintf(other, sizeof(other), "%s/other", parent);
	static struct cgroup mixed;
	OK(cgroup_plan(&live, other, &mixed, &err));
	(void)memcpy(mixed.text + mixed.text_used, cgroup_dir(&cg, live.count - 1), 256);
	mixed.dir_at[live.count - 1] = (uint16_t)mixed.text_used;
	CHECK_ERR(cgroup_create(&mixed, &err), ERR_CONFLICT, "holds processes");
	for (size_t h = 0; h < live.count; h++)
		CHECK(faccessat(live.root_fd, cgroup_dir(&mixed, h), F_OK, 0) ==
		      (h + 1 == live.count ? 0 : -1));
	CHECK_INT(kill(child, 0), 0);
	bool frozen = true;
	OK(cgroup_is_frozen(&cg, &frozen, &err));
	CHECK(!frozen);
	OK(cgroup_freeze(&cg, 2000, &err));
	OK(cgroup_is_frozen(&cg, &frozen, &err));
	CHECK(frozen);
	OK(cgroup_thaw(&cg, &err));
	OK(cgroup_is_frozen(&cg, &frozen, &err));
	CHECK(!frozen);
	struct cgroup_stats stats;
	OK(cgroup_read_stats(&cg, &stats, &err));
	CHECK(stats.cpu.known);
	if (stats.pids.known)
		CHECK_INT(stats.pids.current, 1);
	const char *dir = cgroup_dir(&cg, 0);
	CHECK_ERR(cgroup_remove(&dir, 1, 20, 0, &err), ERR_CONFLICT, "remove the cgroup");
	/* A frozen container dies all the same. */
	OK(cgroup_freeze(&cg, 2000, &err));
	OK(cgroup_kill(&cg, SIGKILL, &err));
	CHECK_INT(exit_of(child), 1000 + SIGKILL);
	OK(cgroup_kill(&cg, SIGKILL, &err)); /* nobody is there */
	remove_all();
	remove_all(); /* gone is fine */
	CHECK(cgroup_read_stats(&cg, &stats, &err) < 0);
	uint64_t kills = 7;
	OK(cgroup_count_oom_kills(&cg, &kills, &err));
	CHECK_INT(kills, 0);
}

/*
 * What a container can leave beneath its cgroup: many, deep, of one name, and one with a process.
 */
static void nested(void)
{
	struct err err;
	int h = cgroup_host_find_v2(&live);

	if (!make("nested", &none))
		return;
	if (h < 0)
		h = cgroup_host_find(&live, CGROUP_FREEZER);
	REQUIRE(h >= 0);
	auto_fd at = openat(live.root_fd, cgroup_dir(&cg, (size_t)h),
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	REQUIRE(at >= 0);
	for (int i = 0; i < 20; i++) {
		char name[16];
		(void)snprintf(name, sizeof(name), "n%d", i);
		CHECK(mkdirat(at, name, 0755) == 0);
	}
	for (int depth = 0; depth < 100; depth++) {
		CHECK(mkdirat(at, "x", 0755) == 0);
		auto_fd next = openat(at, "x", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		REQUIRE(next >= 0);
		fd_closep(&at);
		at = fd_take(&next);
	}
	pid_t pids[1];
	size_t count;
	OK(cgroup_list_pids(&cg, pids, 1, &count, &err));
	CHECK_INT(count, 0);
	pid_t deep = fork();
	if (deep == 0)
		_exit(sleep_long());
	char number[16];
	(void)snprintf(number, sizeof(number), "%d", (int)deep);
	auto_fd procs = openat(at, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	CHECK(procs >= 0 && write(procs, number, strlen(number)) > 0);
	OK(cgroup_list_pids(&cg, pids, 1, &count, &err));
	CHECK_INT(count, 1);
	CHECK_INT(pids[0], deep);
	OK(cgroup_kill(&cg, SIGTERM, &err));
	CHECK_INT(exit_of(deep), 1000 + SIGTERM);
	remove_all();
	/* A process in one beneath is found, signalled and killed. */
	if (!make("nested", &none))
		return;
	for (size_t i = 0; i < live.count; i++) {
		char path[CGROUP_PATH_MAX + 8];
		(void)snprintf(path, sizeof(path), "%s/sub", cgroup_dir(&cg, i));
		CHECK(mkdirat(live.root_fd, path, 0755) == 0);
		if ((live.hierarchies[i].controllers & (1u << CGROUP_CPUSET)) != 0) {
			CHECK(cgroup_write_file(live.root_fd, path, "cpuset.cpus", "0") == 0);
			CHECK(cgroup_write_file(live.root_fd, path, "cpuset.mems", "0") == 0);
		}
	}
	pid_t child = enter("sub", sleep_long);
	OK(cgroup_list_pids(&cg, pids, 1, &count, &err));
	CHECK_INT(count, 1);
	OK(cgroup_kill(&cg, SIGTERM, &err));
	CHECK_INT(exit_of(child), 1000 + SIGTERM);
	child = enter("sub", sleep_long);
	remove_all();
	CHECK_INT(exit_of(child), 1000 + SIGKILL);
}

static int try_devices(void)
{
	int failed = 0;
	auto_fd null = open("/dev/null", O_RDWR | O_CLOEXEC);
	auto_fd zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	failed |= null < 0 ? 1 : 0;
	failed |= zero >= 0 || errno != EPERM ? 2 : 0;
	char node[64];
	(void)snprintf(node, sizeof(node), "/tmp/.corten-test-node-%d", (int)getpid());
	if (mknod(node, S_IFCHR | 0600, makedev(1, 5)) == 0 || errno != EPERM)
		failed |= 4;
	(void)unlink(node);
	return failed;
}

static int try_zero(void)
{
	auto_fd zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	auto_fd null = open("/dev/null", O_RDWR | O_CLOEXEC);

	return (zero < 0 ? 1 : 0) | (null >= 0 ? 2 : 0);
}

static void devices(void)
{
	static const struct cgroup_device_rule only_null[] = {{false, 'a', 7, -1, -1},
							      {true, 'c', 7, 1, 3}};
	static const struct cgroup_device_rule only_zero[] = {{false, 'a', 7, -1, -1},
							      {true, 'c', 7, 1, 5}};
	static const struct cgroup_device_rule all[] = {{true, 'a', 7, -1, -1},
							{false, 'c', 2, 1, 3}};
	struct cgroup_limits limits = {.devices = only_null, .device_count = 2};
	struct err err;
	uint32_t warnings;

	if (!make("devices", &limits))
		return;
	CHECK_INT(exit_of(enter(NULL, try_devices)), 0);
	for (int round = 0; round < 2; round++) {
		limits.devices = only_zero;
		NEED(cgroup_update(&cg, &limits, &warnings, &err));
		CHECK_INT(warnings, 0);
		CHECK_INT(exit_of(enter(NULL, try_zero)), 0);
		limits.devices = all;
		NEED(cgroup_update(&cg, &limits, &warnings, &err));
		CHECK_INT(exit_of(enter(NULL, try_zero)), 0);
	}
	limits.devices = only_null;
	NEED(cgroup_update(&cg, &limits, &warnings, &err));
	CHECK_INT(exit_of(enter(NULL, try_devices)), 0);
}

/* --- v1 --- */

static int eat_memory(void)
{
	size_t size = 64u << 20;
	volatile char *all = malloc(size);

	for (size_t i = 0; all != NULL && i < size; i += 4096)
		all[i] = 1;
	return 0;
}

static int fork_often(void)
{
	for (int i = 0; i < 8; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			(void)sleep(60);
			_exit(0);
		}
		if (pid < 0)
			return errno == EAGAIN ? i : 50;
	}
	return 60;
}

static void memory_v1(void)
{
	int64_t limit = 16 << 20, swap = 16 << 20, reservation = 8 << 20;
	uint64_t kills = 0;
	struct cgroup_limits limits = {.memory = {.limit_bytes = &limit,
						  .swap_bytes = &swap,
						  .reservation_bytes = &reservation}};
	struct err err;
	uint32_t warnings;

	if (!make("memory", &limits))
		return;
	CHECK_STR(value_of(CGROUP_MEMORY, "memory.limit_in_bytes"), "16777216");
	CHECK_STR(value_of(CGROUP_MEMORY, "memory.memsw.limit_in_bytes"), "16777216");
	CHECK_STR(value_of(CGROUP_MEMORY, "memory.soft_limit_in_bytes"), "8388608");
	CHECK_INT(exit_of(enter(NULL, eat_memory)), 1000 + SIGKILL);
	OK(cgroup_count_oom_kills(&cg, &kills, &err));
	CHECK(kills > 0);
	struct cgroup_stats stats;
	OK(cgroup_read_stats(&cg, &stats, &err));
	CHECK_INT(stats.memory.limit_bytes, limit);
	CHECK_INT(stats.memory.swap_limit_bytes, 0);
	CHECK(stats.memory.peak_bytes > 0 && stats.memory.peak_bytes <= (uint64_t)limit);
	CHECK_INT(stats.memory.oom_kills, kills);
	/* Up, down and away: the kernel refuses the wrong order. */
	static const int64_t steps[][2] = {{64 << 20, 128 << 20}, {32 << 20, 32 << 20},
					   {32 << 20, 64 << 20},  {-1, 0},
					   {16 << 20, 16 << 20},  {-1, -1}};
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		limit = steps[i][0];
		swap = steps[i][1];
		OK(cgroup_update(&cg, &limits, &warnings, &err));
		OK(cgroup_read_stats(&cg, &stats, &err));
		CHECK_INT(stats.memory.limit_bytes,
			  limit == -1 ? CGROUP_UNLIMITED : (uint64_t)limit);
	}
	limit = 64 << 20;
	swap = 32 << 20;
	CHECK_ERR(cgroup_update(&cg, &limits, &warnings, &err), ERR_INVALID, "memory.swap");
	uint64_t swappiness = 101;
	struct cgroup_limits odd = {.memory = {.swappiness = &swappiness}};
	CHECK_ERR(cgroup_update(&cg, &odd, &warnings, &err), ERR_INVALID, "memory.swappiness");
	bool no = false;
	odd = (struct cgroup_limits){.memory = {.use_hierarchy = &no, .kernel_bytes = &limit}};
	OK(cgroup_update(&cg, &odd, &warnings, &err));
	CHECK_INT(warnings, CGROUP_WARN_KERNEL_MEMORY | CGROUP_WARN_USE_HIERARCHY);
}

static void cpu_and_pids_v1(void)
{
	uint64_t shares = 512, period = 50000, burst = 10000;
	int64_t quota = 25000, pids = 4;
	struct cgroup_limits limits = {.cpu = {.shares = &shares,
					       .quota_us = &quota,
					       .period_us = &period,
					       .burst_us = &burst,
					       .cpus = "0"},
				       .pids = &pids};
	struct err err;
	uint32_t warnings;

	if (!make("deep/er/cpu", &limits))
		return;
	CHECK_STR(value_of(CGROUP_CPU, "cpu.shares"), "512");
	CHECK_STR(value_of(CGROUP_CPU, "cpu.cfs_quota_us"), "25000");
	CHECK_STR(value_of(CGROUP_CPU, "cpu.cfs_period_us"), "50000");
	CHECK_STR(value_of(CGROUP_CPU, "cpu.cfs_burst_us"), "10000");
	CHECK_STR(value_of(CGROUP_CPUSET, "cpuset.cpus"), "0");
	CHECK(strcmp(value_of(CGROUP_CPUSET, "cpuset.mems"), "") != 0);
	CHECK_STR(value_of(CGROUP_PIDS, "pids.max"), "4");
	CHECK_INT(exit_of(enter(NULL, fork_often)), 3);
	OK(cgroup_kill(&cg, SIGKILL, &err));
	quota = -1;
	period = 100000;
	pids = -1;
	OK(cgroup_update(&cg, &limits, &warnings, &err));
	CHECK_STR(value_of(CGROUP_CPU, "cpu.cfs_quota_us"), "-1");
	CHECK_STR(value_of(CGROUP_PIDS, "pids.max"), "max");
	shares = 1;
	CHECK_ERR(cgroup_update(&cg, &limits, &warnings, &err), ERR_INVALID, "cpu.shares");
	shares = 0;
	limits.cpu.cpus = "4096";
	CHECK_ERR(cgroup_update(&cg, &limits, &warnings, &err), ERR_INVALID, "cpu.cpus");
}

static void missing_v1(void)
{
	uint32_t class = 5, warnings;
	struct cgroup_rdma_limit rdma = {.device = "mlx5_0", .handles = &class};
	struct cgroup_limits limits = {.rdma = &rdma, .rdma_count = 1};
	struct err err;

	if (!make("missing", &none))
		return;
	if (cgroup_host_find(&live, CGROUP_RDMA) < 0)
		CHECK_ERR(cgroup_apply(&cg, &limits, &warnings, &err), ERR_UNSUPPORTED,
			  "rdma: the rdma controller is not available on this host");
	limits = (struct cgroup_limits){.network_class = &class};
	if (live.mode == CGROUP_MODE_V1 && cgroup_host_find(&live, CGROUP_NET_CLS) < 0)
		CHECK_ERR(cgroup_apply(&cg, &limits, &warnings, &err), ERR_UNSUPPORTED,
			  "network.classID");
	struct cgroup_setting setting = {"memory.high", "1"};
	limits = (struct cgroup_limits){.unified = &setting, .unified_count = 1};
	CHECK_ERR(cgroup_apply(&cg, &limits, &warnings, &err), ERR_UNSUPPORTED, "unified");
}

/* --- v2 --- */

static bool offers(const char *controller)
{
	char list[512];

	return cgroup_read_file(live.root_fd, "", "cgroup.controllers", list, sizeof(list)) > 0 &&
	       cgroup_has_word(list, controller);
}

static void limits_v2(void)
{
	int64_t bytes = 64 << 20, unlimited = -1, pids = 10;
	uint32_t warnings;
	struct err err;

	if (!make("deep/er/v2", &none))
		return;
	struct cgroup_limits limits = {.memory = {.limit_bytes = &unlimited}, .pids = &unlimited};
	OK(cgroup_apply(&cg, &limits, &warnings, &err)); /* nothing to lift needs no controller */
	limits = (struct cgroup_limits){.memory = {.limit_bytes = &bytes}};
	if (offers("memory"))
		OK(cgroup_apply(&cg, &limits, &warnings, &err));
	else
		CHECK_ERR(cgroup_apply(&cg, &limits, &warnings, &err), ERR_UNSUPPORTED,
			  "memory.limit: the memory controller is not available on this host");
	limits = (struct cgroup_limits){.pids = &pids};
	if (offers("pids"))
		OK(cgroup_apply(&cg, &limits, &warnings, &err));
	else
		CHECK_ERR(cgroup_apply(&cg, &limits, &warnings, &err), ERR_UNSUPPORTED,
			  "pids.limit");
	struct cgroup_hugepage_limit huge = {"2MB", 4 << 20};
	limits = (struct cgroup_limits){.hugepages = &huge, .hugepage_count = 1};
	if (offers("hugetlb")) {
		OK(cgroup_apply(&cg, &limits, &warnings, &err));
		CHECK_STR(value_of(CGROUP_HUGETLB, "hugetlb.2MB.max"), "4194304");
		huge.page_size = "3MB";
		CHECK_ERR(cgroup_apply(&cg, &limits, &warnings, &err), ERR_UNSUPPORTED,
			  "hugepageLimits");
	}
	struct cgroup_setting setting = {"cgroup.max.depth", "5"};
	limits = (struct cgroup_limits){.unified = &setting, .unified_count = 1};
	OK(cgroup_apply(&cg, &limits, &warnings, &err));
	CHECK_STR(value_of(CGROUP_CONTROLLERS, "cgroup.max.depth"), "5");
	static const char *const bad[] = {"cgroup.procs", "a/b.c", "x", ".x", "../cgroup.procs"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setting.file = bad[i];
		CHECK_ERR(cgroup_apply(&cg, &limits, &warnings, &err), ERR_INVALID, "unified");
	}
	setting.file = "nosuch.max";
	CHECK_ERR(cgroup_apply(&cg, &limits, &warnings, &err), ERR_UNSUPPORTED, "nosuch");
	remove_all();
}

/* A parent with a process of its own hands no controllers on. */
static void internal_process(void)
{
	struct cgroup_hugepage_limit huge = {"2MB", 4 << 20};
	struct cgroup_limits limits = {.hugepages = &huge, .hugepage_count = 1};
	struct err err;
	uint32_t warnings;
	char path[128];

	if (!offers("hugetlb"))
		TEST_SKIP("this host's cgroup v2 has no hugetlb");
	if (!make("busy", &none))
		return;
	pid_t child = enter(NULL, sleep_long);
	(void)snprintf(path, sizeof(path), "%s/busy/child", parent);
	OK(cgroup_plan(&live, path, &cg, &err));
	OK(cgroup_create(&cg, &err));
	CHECK_ERR(cgroup_apply(&cg, &limits, &warnings, &err), ERR_CONFLICT,
		  "processes are in its parent");
	if (child > 0) /* kill(-1) would end the whole machine */
		(void)kill(child, SIGKILL);
	(void)exit_of(child);
	OK(cgroup_enable_controllers(&cg, 0, &err));
	OK(cgroup_apply(&cg, &limits, &warnings, &err));
	/* And one that does hand controllers on cannot be entered. */
	(void)snprintf(path, sizeof(path), "%s/busy", parent);
	OK(cgroup_plan(&live, path, &cg, &err));
	struct cgroup_entry entry;
	CHECK_ERR(cgroup_entry_open(&cg, NULL, &entry, &err), ERR_CONFLICT, "beneath");
}

/* --- the frame --- */

enum view {
	VIEW_HOST,
	VIEW_V1, /* without the v2 half of a hybrid host */
	VIEW_V2,
};

static const char *const view_names[] = {"host's own", "v1", "v2"};

static bool change_view(enum view view)
{
	if (view == VIEW_V1)
		return umount2(CGROUP_ROOT "/unified", MNT_DETACH) == 0 || errno == EINVAL ||
		       errno == ENOENT;
	if (view == VIEW_HOST)
		return true;
	if (umount2(CGROUP_ROOT, MNT_DETACH) < 0 && errno != EINVAL)
		return false;
	return mount("cgroup2", CGROUP_ROOT, "cgroup2", 0, NULL) == 0;
}

/* In a child: a private mount namespace with the view, a case, and the parent's removal. */
static void in_view(enum view view, void (*run)(void))
{
	struct err err;

	if (syscall(SYS_clone3, NULL, 0) < 0 && errno == ENOSYS)
		TEST_SKIP("no clone3 (an emulator, or a sandbox)");
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    !change_view(view))
		TEST_SKIP("no mount namespace: %s", strerror(errno));
	(void)snprintf(parent, sizeof(parent), "/corten-test-%d", (int)getpid());
	if (cgroup_host_open(&live, &err) < 0 || cgroup_plan(&live, parent, &cg, &err) < 0 ||
	    cgroup_create(&cg, &err) < 0)
		TEST_SKIP("%s", err_format(&err, report, sizeof(report)));
	struct cgroup top = cg;
	run();
	cg = top;
	remove_all();
	cgroup_host_close(&live);
}

static void run_case(enum view view, const char *name, void (*run)(void))
{
	enum { PASSED, FAILED, SKIPPED };

	(void)fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		test_failures = 0;
		test_skipped = false;
		in_view(view, run);
		(void)fflush(stdout);
		_exit(test_failures > 0 ? FAILED : test_skipped ? SKIPPED : PASSED);
	}
	int result = exit_of(pid);
	if (result == SKIPPED)
		test_skipped = true;
	else if (result != PASSED)
		TEST_FAIL("%s failed in the %s view", name, view_names[view]);
}

static bool host_has_v1(void)
{
	static struct cgroup_host host;
	struct err err;

	if (cgroup_host_open(&host, &err) < 0)
		return false;
	cgroup_host_close(&host);
	return cgroup_host_find(&host, CGROUP_MEMORY) >= 0;
}

TEST(kernel_as_is)
{
	run_case(VIEW_HOST, "life", life);
	run_case(VIEW_HOST, "nested", nested);
	run_case(VIEW_HOST, "devices", devices);
}

TEST(kernel_v1)
{
	if (!host_has_v1())
		TEST_SKIP("this host has no v1 memory controller");
	run_case(VIEW_V1, "life", life);
	run_case(VIEW_V1, "nested", nested);
	run_case(VIEW_V1, "memory_v1", memory_v1);
	run_case(VIEW_V1, "cpu_and_pids_v1", cpu_and_pids_v1);
	run_case(VIEW_V1, "missing_v1", missing_v1);
	run_case(VIEW_HOST, "memory_v1", memory_v1);
}

TEST(kernel_v2)
{
	run_case(VIEW_V2, "life", life);
	run_case(VIEW_V2, "nested", nested);
	run_case(VIEW_V2, "devices", devices);
	run_case(VIEW_V2, "limits_v2", limits_v2);
	run_case(VIEW_V2, "internal_process", internal_process);
}

TESTS(T(kernel_as_is), T(kernel_v1), T(kernel_v2))
