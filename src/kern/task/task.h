/*
 * task.h - what the kernel keeps per task and a program inherits: scheduling, I/O priority, the processors
 * it may run on, NUMA memory policy, execution domain.
 *
 * All act on the calling thread, and hold through fork and exec.
 *
 * Errors     ERR_UNSUPPORTED where the kernel was built without it, ERR_DENIED saying which right is
 *            missing, ERR_INVALID for a combination that the kernel refuses.
 * Heap       None; callable between clone and exec.
 */
#ifndef CORTEN_KERN_TASK_TASK_H
#define CORTEN_KERN_TASK_TASK_H

#include <stdint.h>

#include "base/err.h"
#include "kern/task/number_list.h"

/* As sched_setattr(2) takes them: policy and flags are the kernel's numbers, times are nanoseconds. */
struct task_scheduling {
	uint32_t policy;
	uint64_t flags;
	int32_t nice;      /* policies of ordinary tasks */
	uint32_t priority; /* real-time policies */
	uint64_t runtime_ns;
	uint64_t deadline_ns;
	uint64_t period_ns;
};

int task_set_scheduling(const struct task_scheduling *wanted, struct err *err);

/* class: 1 real-time, 2 best effort, 3 idle; level: 0 (first) to 7. */
int task_set_io_priority(int class, int level, struct err *err);

int task_set_affinity(const struct number_list *processors, struct err *err);
int task_get_affinity(struct number_list *ret_processors, struct err *err);

/* mode with its flags, as set_mempolicy(2) takes them. */
int task_set_memory_policy(unsigned int mode, const struct number_list *nodes, struct err *err);

/* domain: of personality(2). */
int task_set_personality(unsigned long domain, struct err *err);

#endif
