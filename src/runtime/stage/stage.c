/*
 * stage.c - the last program before the payload, run from a sealed memfd.
 *
 * While it waits and when the payload's #! line names /proc/self/exe, what hostile code can reach
 * through /proc is this page and not the host's runtime (CVE-2019-5736). It takes on the identity,
 * loads the seccomp program as late as can be, so that a policy needs to allow no more than execve
 * (and, without no-new-privileges, prctl and capset), and executes the payload. Freestanding: no
 * libc, no heap, no data that is not on the stack or in the plan.
 * A filter whose listener goes to an agent is loaded before the wait for the start, as runc does.
 */
#include <asm/unistd.h>
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <linux/uio.h>
#include <stddef.h>

#include "kern/arch/syscall.h"
#include "runtime/stage/plan.h"

static struct stage_plan plan;
static struct sock_filter filter[STAGE_FILTER_MAX];
static char apparmor[STAGE_LABEL_MAX];
static char selinux[STAGE_LABEL_MAX];
static int listener = -1; /* of the seccomp program, close-on-exec */
static int handed_over;
static int announced;
static char thread_stack[4096] __attribute__((aligned(16)));

void stage_main(long *stack);

static long call(long nr, long a, long b, long c)
{
	return arch_syscall(nr, a, b, c, 0, 0);
}

static void stage_exit(void)
{
	for (;;)
		(void)call(__NR_exit_group, 127, 0, 0);
}

static void stage_fail(enum stage_step step, long rc)
{
	struct stage_result result = {.step = step, .sys = (int32_t)-rc};

	(void)call(__NR_write, plan.result_fd, (long)&result, sizeof(result));
	/* Whoever hears of it looks at our root for the cause. */
	if (plan.flags & STAGE_LINGER)
		(void)call(__NR_read, plan.result_fd, (long)&result, sizeof(result));
	stage_exit();
}

static void stage_check(enum stage_step step, long rc)
{
	if (rc < 0)
		stage_fail(step, rc);
}

static long stage_read(int fd, void *data, unsigned long size)
{
	unsigned long total = 0;

	while (total < size) {
		long got = call(__NR_read, fd, (long)((char *)data + total), (long)(size - total));
		if (got == -EINTR)
			continue;
		if (got < 0)
			return got;
		if (got == 0)
			return -EPIPE;
		total += (unsigned long)got;
	}
	return 0;
}

/*
 * A user namespace may deny setgroups to everyone, as the one of an ordinary user without subordinate
 * ids must: the groups stay the user's then. Whoever lacks the capability instead is refused.
 */
static int stage_is_denied_groups(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};

	return call(__NR_capget, (long)&header, (long)data, 0) == 0 &&
	       (data[0].effective >> CAP_SETGID & 1) != 0;
}

static void stage_set_groups(void)
{
	long rc = call(__NR_setgroups, plan.group_count, (long)plan.groups, 0);

	if (rc != -EPERM || plan.group_count > 0 || !stage_is_denied_groups())
		stage_check(STAGE_STEP_GROUPS, rc);
}

/*
 * One attribute of this process, beneath a procfs that the container cannot touch, or without crossing
 * what it mounted over its own (CVE-2025-52881). The kernel takes it from no descriptor opened before the
 * execution of the stage.
 */
static long stage_write_attribute(const char *path, const char *text, unsigned long size)
{
	struct open_how how = {
		.flags = 1 /* O_WRONLY */ | 02000000 /* O_CLOEXEC */,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS,
	};
	long fd = arch_syscall(__NR_openat2, plan.proc_fd, (long)path, (long)&how, sizeof(how), 0);

	if (fd < 0)
		return fd;
	long rc = call(__NR_write, fd, (long)text, (long)size);
	(void)call(__NR_close, fd, 0, 0);
	return rc < 0 ? rc : 0;
}

static void stage_set_labels(void)
{
	if (plan.apparmor_size > 0) {
		long rc = stage_write_attribute("self/attr/apparmor/exec", apparmor,
						plan.apparmor_size);
		/* Where AppArmor has no folder of its own (before 5.8) it has the common file. */
		if (rc == -ENOENT)
			rc = stage_write_attribute("self/attr/exec", apparmor, plan.apparmor_size);
		stage_check(STAGE_STEP_APPARMOR, rc);
	}
	if (plan.selinux_size > 0)
		stage_check(STAGE_STEP_SELINUX,
			    stage_write_attribute("self/attr/exec", selinux, plan.selinux_size));
	if (plan.proc_fd >= 0)
		(void)call(__NR_close, plan.proc_fd, 0, 0);
}

static void stage_set_identity(void)
{
	if (plan.flags & STAGE_SET_GROUPS)
		stage_set_groups();
	stage_check(STAGE_STEP_GID, call(__NR_setresgid, plan.gid, plan.gid, plan.gid));
	if (plan.flags & STAGE_SET_CAPS) {
		stage_check(STAGE_STEP_CAPS, arch_syscall(__NR_prctl, PR_CAP_AMBIENT,
							  PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
		for (unsigned int cap = 0; cap <= plan.last_cap; cap++)
			if (!(plan.bounding >> cap & 1))
				stage_check(STAGE_STEP_CAPS,
					    call(__NR_prctl, PR_CAPBSET_DROP, cap, 0));
		stage_check(STAGE_STEP_CAPS, call(__NR_prctl, PR_SET_KEEPCAPS, 1, 0));
	}
	stage_check(STAGE_STEP_UID, call(__NR_setresuid, plan.uid, plan.uid, plan.uid));
}

static void stage_set_caps(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
		{(uint32_t)plan.effective, (uint32_t)plan.permitted, (uint32_t)plan.inheritable},
		{(uint32_t)(plan.effective >> 32), (uint32_t)(plan.permitted >> 32),
		 (uint32_t)(plan.inheritable >> 32)},
	};

	stage_check(STAGE_STEP_CAPS, call(__NR_capset, (long)&header, (long)data, 0));
	for (unsigned int cap = 0; cap <= plan.last_cap; cap++)
		if (plan.ambient >> cap & 1)
			stage_check(STAGE_STEP_CAPS, arch_syscall(__NR_prctl, PR_CAP_AMBIENT,
								  PR_CAP_AMBIENT_RAISE, cap, 0, 0));
}

/* The kernel's struct user_msghdr, and a struct cmsghdr with its descriptor. */
struct stage_message {
	void *name;
	int name_length;
	struct iovec *parts;
	unsigned long parts_count;
	void *control;
	unsigned long control_length;
	unsigned int flags;
};
struct stage_control {
	unsigned long length;
	int level;
	int type;
	int fd;
	int padding;
};

/*
 * A thread without the filter, which sends what the filter's load returned and waits until the agent has
 * it: any call that the loader itself made meanwhile could be one that waits for the listener.
 */
static void stage_hand_over(void)
{
	char byte = 0;
	struct iovec part = {&byte, 1};
	struct stage_control control = {
		.length = offsetof(struct stage_control, padding), .level = 1, .type = 1};
	struct stage_message message = {.parts = &part,
					.parts_count = 1,
					.control = &control,
					.control_length = sizeof(control)};
	long rc;

	while ((control.fd = __atomic_load_n(&listener, __ATOMIC_ACQUIRE)) < 0)
		(void)call(__NR_sched_yield, 0, 0, 0);
	do
		rc = call(__NR_sendmsg, plan.listener_fd, (long)&message,
			  0x4000 /* MSG_NOSIGNAL */);
	while (rc == -EINTR);
	stage_check(STAGE_STEP_LISTENER, rc);
	stage_check(STAGE_STEP_LISTENER, stage_read(plan.listener_fd, &byte, 1));
	__atomic_store_n(&handed_over, 1, __ATOMIC_RELEASE);
	for (;;)
		(void)call(__NR_exit, 0, 0, 0);
}

static void stage_announce(void)
{
	struct stage_result result = {.step = STAGE_STEP_EXEC};

	if (!announced)
		(void)call(__NR_write, plan.result_fd, (long)&result, sizeof(result));
	announced = 1;
}

static void stage_load_filter(void)
{
	struct sock_fprog program = {(unsigned short)plan.filter_count, filter};

	stage_announce();
	if (plan.flags & STAGE_LISTENER)
		stage_check(STAGE_STEP_LISTENER,
			    arch_clone_thread(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
						      CLONE_THREAD | CLONE_SYSVSEM,
					      thread_stack + sizeof(thread_stack),
					      stage_hand_over));
	long rc = call(__NR_seccomp, SECCOMP_SET_MODE_FILTER, plan.filter_flags, (long)&program);
	stage_check(STAGE_STEP_SECCOMP, rc);
	if (plan.flags & STAGE_LISTENER) {
		__atomic_store_n(&listener, (int)rc, __ATOMIC_RELEASE);
		while (__atomic_load_n(&handed_over, __ATOMIC_ACQUIRE) == 0)
			arch_pause();
	}
}

/* With no-new-privileges the filter comes last of all; without, loading it needs CAP_SYS_ADMIN. */
static void stage_confine(void)
{
	int with_filter = (plan.flags & STAGE_FILTER) != 0;
	int no_new_privs = (plan.flags & STAGE_NO_NEW_PRIVS) != 0;
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};

	if (no_new_privs)
		stage_check(STAGE_STEP_NO_NEW_PRIVS,
			    arch_syscall(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (with_filter && !no_new_privs) {
		/* setresuid cleared the effective set and kept the permitted one. */
		stage_check(STAGE_STEP_CAPS, call(__NR_capget, (long)&header, (long)data, 0));
		data[0].effective = data[0].permitted;
		data[1].effective = data[1].permitted;
		stage_check(STAGE_STEP_CAPS, call(__NR_capset, (long)&header, (long)data, 0));
		stage_load_filter();
	}
	if (plan.flags & STAGE_SET_CAPS)
		stage_set_caps();
	if (with_filter && no_new_privs)
		stage_load_filter();
}

static void stage_take_on(void)
{
	stage_set_labels();
	stage_set_identity();
	stage_confine();
}

static int stage_fd_of(const char *text)
{
	int fd = 0;

	for (; *text >= '0' && *text <= '9' && fd < 1 << 20; text++)
		fd = fd * 10 + (*text - '0');
	return fd;
}

void stage_main(long *stack)
{
	long argc = stack[0];
	char **argv = (char **)(stack + 1);
	char **envp = argv + argc + 1;
	int plan_fd = stage_fd_of(argv[0]);
	char byte = 0;

	(void)call(__NR_prctl, PR_SET_DUMPABLE, 0, 0);
	plan.result_fd = -1;
	stage_check(STAGE_STEP_PLAN, stage_read(plan_fd, &plan, sizeof(plan)));
	if (plan.magic != STAGE_PLAN_MAGIC || plan.filter_count > STAGE_FILTER_MAX ||
	    plan.group_count > STAGE_GROUPS_MAX || plan.apparmor_size > sizeof(apparmor) ||
	    plan.selinux_size > sizeof(selinux))
		stage_fail(STAGE_STEP_PLAN, -EINVAL);
	(void)call(__NR_fcntl, plan.result_fd, 2 /* F_SETFD */, 1 /* FD_CLOEXEC */);
	stage_check(STAGE_STEP_PLAN,
		    stage_read(plan_fd, filter, plan.filter_count * sizeof(filter[0])));
	stage_check(STAGE_STEP_PLAN, stage_read(plan_fd, apparmor, plan.apparmor_size));
	stage_check(STAGE_STEP_PLAN, stage_read(plan_fd, selinux, plan.selinux_size));
	(void)call(__NR_close, plan_fd, 0, 0);
	/* Whoever waits for a listener wants it when the container is created: then the filter comes first. */
	if (plan.flags & STAGE_LISTENER) {
		(void)call(__NR_fcntl, plan.listener_fd, 2, 1);
		stage_take_on();
	}
	if (plan.go_fd >= 0) {
		stage_check(STAGE_STEP_WAIT, stage_read(plan.go_fd, &byte, 1));
		if (byte != STAGE_GO)
			stage_exit();
		(void)call(__NR_close, plan.go_fd, 0, 0);
	}
	if (!(plan.flags & STAGE_LISTENER)) {
		stage_take_on();
	}
	stage_announce();
	stage_fail(STAGE_STEP_EXEC,
		   call(__NR_execve, (long)plan.path, (long)(argv + 1), (long)envp));
}

ARCH_START(stage_main);
