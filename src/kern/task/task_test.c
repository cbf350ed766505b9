#include "kern/task/task.h"

#include <sched.h>
#include <sys/personality.h>
#include <sys/resource.h>

#include "kern/testing.h"

static bool says(const struct err *err, const char *want)
{
	char text[1024];

	return strstr(err_format(err, text, sizeof(text)), want) != NULL;
}

CHILD_TEST(scheduling)
{
	struct task_scheduling wanted = {.policy = SCHED_BATCH, .nice = 7};
	struct err err = {0};

	CHECK_INT(task_set_scheduling(&wanted, &err), 0);
	CHECK_INT(syscall(SYS_sched_getscheduler, 0), SCHED_BATCH);
	CHECK_INT(getpriority(PRIO_PROCESS, 0), 7);
	wanted = (struct task_scheduling){.policy = SCHED_IDLE, .flags = 1 /* reset on fork */};
	CHECK_INT(task_set_scheduling(&wanted, &err), 0);
	CHECK_INT(syscall(SYS_sched_getscheduler, 0), SCHED_IDLE | SCHED_RESET_ON_FORK);
	wanted = (struct task_scheduling){.policy = 4 /* SCHED_ISO */};
	CHECK_INT(task_set_scheduling(&wanted, &err), -EINVAL);
	CHECK(says(&err, "set the scheduler: the kernel has no such policy"));
	REQUIRE(setresuid(65534, 65534, 65534) == 0);
	wanted = (struct task_scheduling){.policy = SCHED_FIFO, .priority = 1};
	CHECK_INT(task_set_scheduling(&wanted, &err), -EPERM);
	CHECK_INT(err.kind, ERR_DENIED);
	CHECK(says(&err, "CAP_SYS_NICE"));
}

CHILD_TEST(io_priority)
{
	struct err err = {0};

	CHECK_INT(task_set_io_priority(2, 6, &err), 0);
	CHECK_INT(syscall(SYS_ioprio_get, 1, 0), 2 << 13 | 6);
	CHECK_INT(task_set_io_priority(3, 0, &err), 0);
	CHECK_INT(syscall(SYS_ioprio_get, 1, 0), 3 << 13);
	REQUIRE(setresuid(65534, 65534, 65534) == 0);
	CHECK_INT(task_set_io_priority(1, 0, &err), -EPERM);
	CHECK(says(&err, "set the I/O priority: the real-time class needs"));
}

CHILD_TEST(affinity)
{
	struct number_list all, one, now;
	struct err err = {0};
	char text[16];

	REQUIRE(task_get_affinity(&all, &err) == 0 && all.count > 0);
	(void)snprintf(text, sizeof(text), "%u", all.end - 1);
	REQUIRE(number_list_parse(text, &one, &err) == 0);
	CHECK_INT(task_set_affinity(&one, &err), 0);
	CHECK_INT(task_get_affinity(&now, &err), 0);
	CHECK(memcmp(&now, &one, sizeof(now)) == 0);
	REQUIRE(number_list_parse("8191", &one, &err) == 0);
	CHECK_INT(task_set_affinity(&one, &err), -EINVAL);
	CHECK(says(&err, "none of these processors"));
}

CHILD_TEST(memory_policy)
{
	struct number_list nodes;
	struct err err = {0};
	int mode = -1;
	unsigned long mask[16] = {0};

	REQUIRE(number_list_parse("0", &nodes, &err) == 0);
	int rc = task_set_memory_policy(2 /* bind */ | 1U << 15 /* static */, &nodes, &err);
	if (rc == -ENOSYS) {
		CHECK(says(&err, "this kernel was built without it"));
		SKIP("this kernel knows no memory policies");
	}
	CHECK_INT(rc, 0);
	CHECK_INT(syscall(SYS_get_mempolicy, &mode, mask, sizeof(mask) * 8, NULL, 0), 0);
	CHECK_INT(mode, 2 | 1 << 15);
	CHECK_INT(mask[0], 1);
	REQUIRE(number_list_parse("", &nodes, &err) == 0);
	CHECK_INT(task_set_memory_policy(0, &nodes, &err), 0);
	CHECK_INT(task_set_memory_policy(2, &nodes, &err), -EINVAL);
	CHECK(says(&err, "does not go with these nodes"));
	REQUIRE(number_list_parse("1023", &nodes, &err) == 0);
	CHECK_INT(task_set_memory_policy(2, &nodes, &err), -EINVAL);
}

CHILD_TEST(kernels_without_memory_policies)
{
	struct number_list nodes;
	struct err err = {0};

	REQUIRE(number_list_parse("", &nodes, &err) == 0);
	if (!testing_forbid(SYS_set_mempolicy))
		SKIP("no seccomp here");
	CHECK_INT(task_set_memory_policy(0, &nodes, &err), -ENOSYS);
	CHECK_INT(err.kind, ERR_UNSUPPORTED);
}

CHILD_TEST(execution_domain)
{
	struct err err = {0};

	CHECK_INT(task_set_personality(PER_LINUX32, &err), 0);
	CHECK_INT(personality(0xffffffff), PER_LINUX32);
}

TESTS(T(scheduling), T(io_priority), T(affinity), T(memory_policy),
      T(kernels_without_memory_policies), T(execution_domain))
