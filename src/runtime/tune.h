/*
 * tune.h - what the configuration says of a process to the kernel's schedulers, for the first process and exec.
 *
 * All act on the caller. A field that is absent costs nothing.
 */
#ifndef CORTEN_RUNTIME_TUNE_H
#define CORTEN_RUNTIME_TUNE_H

#include "kern/task/number_list.h"
#include "oci/runtime_config.h"

/*
 * Scheduler and I/O priority of the process, then personality and memory policy of the container.
 * Belongs after the last fork, as a deadline may not fork and reset-on-fork would undo it, and before
 * capabilities are dropped.
 */
int tune_process(const struct oci_process *process, const struct oci_linux *config,
		 struct err *err);

/*
 * The processors where the process starts, before it enters the cgroup: the caller, who clones it, moves
 * there. ret_home gets the caller's own, for tune_return(); its count is 0 when nothing was changed.
 */
int tune_leave(const struct oci_process *process, struct number_list *ret_home, struct err *err);
int tune_return(const struct number_list *home, struct err *err);

/* The processors where it runs once it is in the cgroup. */
int tune_arrive(const struct oci_process *process, struct err *err);

#endif
