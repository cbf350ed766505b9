#include "kern/task/task.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_CLASS_SHIFT 13

/* The first published layout of struct sched_attr: every kernel takes it. */
struct task_sched_attr {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime;
	uint64_t deadline;
	uint64_t period;
	uint32_t util_min; /* since 5.3 */
	uint32_t util_max;
};
#define SCHED_ATTR_SIZE_FIRST 48U
#define SCHED_FLAG_UTIL_CLAMP 0x60U

static int task_error(const char *what, const char *denied, struct err *err)
{
	int sys = errno;

	if (sys == ENOSYS)
		return err_set(err, ERR_UNSUPPORTED, sys, "%s: this kernel was built without it",
			       what);
	if (sys == EPERM || sys == EACCES)
		return err_set(err, ERR_DENIED, sys, "%s: %s", what, denied);
	errno = sys;
	return err_errno(err, "%s", what);
}

int task_set_scheduling(const struct task_scheduling *wanted, struct err *err)
{
	struct task_sched_attr attr = {
		.size = (wanted->flags & SCHED_FLAG_UTIL_CLAMP) != 0 ? sizeof(attr)
								     : SCHED_ATTR_SIZE_FIRST,
		.policy = wanted->policy,
		.flags = wanted->flags,
		.nice = wanted->nice,
		.priority = wanted->priority,
		.runtime = wanted->runtime_ns,
		.deadline = wanted->deadline_ns,
		.period = wanted->period_ns,
	};

	if (syscall(SYS_sched_setattr, 0, &attr, 0U) == 0)
		return 0;
	if (errno == EBUSY)
		return err_errno(err, "set the scheduler: the bandwidth asked for is not free");
	if (errno == EOPNOTSUPP)
		return err_set(err, ERR_UNSUPPORTED, EOPNOTSUPP,
			       "set the scheduler: this kernel was built without utilisation "
			       "clamping");
	if (errno == EINVAL)
		return err_errno(
			err,
			"set the scheduler: the kernel has no such policy, or refuses its values");
	return task_error(
		"set the scheduler",
		"it needs CAP_SYS_NICE on the host; a real-time policy also a cgroup with "
		"a real-time budget where there are such, and a deadline all processors",
		err);
}

int task_set_io_priority(int class, int level, struct err *err)
{
	if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, class << IOPRIO_CLASS_SHIFT | level) ==
	    0)
		return 0;
	return task_error("set the I/O priority",
			  "the real-time class needs CAP_SYS_NICE or CAP_SYS_ADMIN on the host",
			  err);
}

int task_set_affinity(const struct number_list *processors, struct err *err)
{
	if (syscall(SYS_sched_setaffinity, 0, sizeof(processors->words), processors->words) >= 0)
		return 0;
	if (errno == EINVAL)
		return err_errno(err, "set the CPU affinity: the host, or the cgroup's cpuset, has "
				      "none of these processors");
	return task_error("set the CPU affinity", "the kernel refuses", err);
}

int task_get_affinity(struct number_list *ret_processors, struct err *err)
{
	memset(ret_processors, 0, sizeof(*ret_processors));
	if (syscall(SYS_sched_getaffinity, 0, sizeof(ret_processors->words),
		    ret_processors->words) < 0)
		return task_error("ask for the CPU affinity", "the kernel refuses", err);
	for (unsigned int i = 0; i < NUMBER_LIST_MAX; i++)
		if (number_list_has(ret_processors, i)) {
			ret_processors->count++;
			ret_processors->end = i + 1;
		}
	return 0;
}

int task_set_memory_policy(unsigned int mode, const struct number_list *nodes, struct err *err)
{
	/* The kernel takes one bit less than it is told. */
	unsigned long bits = nodes->count > 0 ? nodes->end + 1UL : 0;

	if (syscall(SYS_set_mempolicy, (int)mode, bits > 0 ? nodes->words : NULL, bits) == 0)
		return 0;
	if (errno == EINVAL)
		return err_errno(err,
				 "set the memory policy: this kernel lacks the mode or a flag, or "
				 "the mode does not go with these nodes, or the host (or the "
				 "cgroup's cpuset) has none of them");
	return task_error("set the memory policy", "the kernel refuses", err);
}

int task_set_personality(unsigned long domain, struct err *err)
{
	if (syscall(SYS_personality, domain) >= 0)
		return 0;
	return task_error("set the personality", "the kernel refuses", err);
}
