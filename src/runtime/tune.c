#include "runtime/tune.h"

#include <string.h>

#include "kern/task/task.h"

/* The kernel's numbers of enum oci_memory_policy_mode. */
static const unsigned int memory_modes[] = {
	[OCI_MPOL_DEFAULT] = 0,
	[OCI_MPOL_PREFERRED] = 1,
	[OCI_MPOL_BIND] = 2,
	[OCI_MPOL_INTERLEAVE] = 3,
	[OCI_MPOL_LOCAL] = 4,
	[OCI_MPOL_PREFERRED_MANY] = 5,
	[OCI_MPOL_WEIGHTED_INTERLEAVE] = 6,
};
#define MEMORY_FLAG_FIRST 13 /* the bit of the first name of oci_memory_policy_flag_names */

#define PERSONALITY_LINUX   0x0000UL
#define PERSONALITY_LINUX32 0x0008UL

/* The kernel's numbers of both enums are those of the specification's order, from 0 and from 1. */
_Static_assert(OCI_SCHED_OTHER == 0 && OCI_SCHED_DEADLINE == 6, "SCHED_DEADLINE is 6");
_Static_assert(OCI_IO_CLASS_RT == 0 && OCI_IO_CLASS_IDLE == 2, "IOPRIO_CLASS_IDLE is 3");

/* Bits of the names that are listed, the first name's being `first`; oci_config_check() knows them all. */
static uint64_t tune_flags(const json_strings *flags, const char *const *names, unsigned int first)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < flags->count; i++)
		for (unsigned int n = 0; names[n] != NULL; n++)
			if (strcmp(flags->items[i], names[n]) == 0)
				bits |= 1ULL << (first + n);
	return bits;
}

static int tune_scheduler(const struct oci_scheduler *scheduler, struct err *err)
{
	if (scheduler == NULL)
		return 0;
	struct task_scheduling wanted = {
		.policy = (uint32_t)scheduler->policy,
		.flags = tune_flags(&scheduler->flags, oci_sched_flag_names, 0),
		.nice = scheduler->nice,
		.priority = (uint32_t)scheduler->priority,
		.runtime_ns = scheduler->runtime_ns,
		.deadline_ns = scheduler->deadline_ns,
		.period_ns = scheduler->period_ns,
	};
	int rc = task_set_scheduling(&wanted, err);
	return rc < 0 ? err_wrap(err, rc, "process.scheduler: %s",
				 oci_sched_policy_names[scheduler->policy])
		      : 0;
}

static int tune_memory_policy(const struct oci_memory_policy *policy, struct err *err)
{
	struct number_list nodes;

	if (policy == NULL)
		return 0;
	int rc = number_list_parse(policy->nodes, &nodes, err);
	if (rc < 0)
		return err_wrap(err, rc, "linux.memoryPolicy.nodes");
	unsigned int flags = (unsigned int)tune_flags(&policy->flags, oci_memory_policy_flag_names,
						      MEMORY_FLAG_FIRST);
	rc = task_set_memory_policy(memory_modes[policy->mode] | flags, &nodes, err);
	return rc < 0 ? err_wrap(err, rc, "linux.memoryPolicy: %s",
				 oci_memory_policy_mode_names[policy->mode])
		      : 0;
}

int tune_process(const struct oci_process *process, const struct oci_linux *config, struct err *err)
{
	const struct oci_io_priority *io = process->io_priority;
	int rc = 0;

	if (io != NULL)
		rc = task_set_io_priority((int)io->class + 1, io->priority, err);
	if (rc < 0)
		return err_wrap(err, rc, "process.ioPriority");
	if (config->personality != NULL)
		rc = task_set_personality(config->personality->domain == OCI_PER_LINUX32
						  ? PERSONALITY_LINUX32
						  : PERSONALITY_LINUX,
					  err);
	if (rc < 0)
		return err_wrap(err, rc, "linux.personality");
	rc = tune_memory_policy(config->memory_policy, err);
	return rc < 0 ? rc : tune_scheduler(process->scheduler, err);
}

static int tune_affinity(const char *list, const char *name, struct err *err)
{
	struct number_list processors;
	int rc = number_list_parse(list, &processors, err);

	if (rc == 0 && processors.count > 0)
		rc = task_set_affinity(&processors, err);
	return rc < 0 ? err_wrap(err, rc, "process.execCPUAffinity.%s: '%.64s'", name, list) : 0;
}

int tune_leave(const struct oci_process *process, struct number_list *ret_home, struct err *err)
{
	const struct oci_cpu_affinity *affinity = process->exec_cpu_affinity;

	ret_home->count = 0;
	if (affinity == NULL || affinity->initial == NULL || affinity->initial[0] == '\0')
		return 0;
	int rc = task_get_affinity(ret_home, err);
	if (rc == 0)
		rc = tune_affinity(affinity->initial, "initial", err);
	if (rc < 0)
		ret_home->count = 0;
	return rc;
}

int tune_return(const struct number_list *home, struct err *err)
{
	return home->count > 0 ? task_set_affinity(home, err) : 0;
}

int tune_arrive(const struct oci_process *process, struct err *err)
{
	const struct oci_cpu_affinity *affinity = process->exec_cpu_affinity;

	return affinity == NULL || affinity->final == NULL
		       ? 0
		       : tune_affinity(affinity->final, "final", err);
}
