/* From v1's units, which OCI speaks, to v2's, with runc's formulas. */
#include <math.h>

#include "kern/cgroup/limits.h"

/*
 * Shares 2, 1024 and 262144 become weights 1, 100 and 10000: through them runs a parabola of the
 * logarithms, rounded up.
 */
uint64_t cgroup_weight_of_shares(uint64_t shares)
{
	if (shares == 0)
		return 0;
	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	double l = log2((double)shares);
	double weight = pow(10, (l * l + 125 * l) / 612.0 - 7.0 / 34.0);
	/* 100 may come out as 100.00000000000001, and is not 101. */
	return (uint64_t)ceil(weight - 1e-9);
}

uint64_t cgroup_io_weight_of_blkio(uint16_t weight)
{
	if (weight == 0)
		return 0;
	if (weight <= 10)
		return 1;
	return 1 + ((uint64_t)weight - 10) * 9999 / 990;
}

int cgroup_swap_of_memsw(int64_t memsw_bytes, int64_t memory_bytes, bool *ret_set,
			 int64_t *ret_swap_bytes, struct err *err)
{
	*ret_set = memsw_bytes != 0;
	*ret_swap_bytes = memsw_bytes;
	if (memory_bytes == -1 && memsw_bytes == 0) {
		/* As on v1, where memory without a limit takes the limit off both. */
		*ret_set = true;
		*ret_swap_bytes = -1;
		return 0;
	}
	if (memsw_bytes == 0 || memsw_bytes == -1 || memory_bytes == -1)
		return 0;
	if (memory_bytes == 0)
		return err_set(err, ERR_INVALID, 0,
			       "memory.swap: needs memory.limit, for it limits both together");
	if (memory_bytes < 0 || memsw_bytes < memory_bytes)
		return err_set(
			err, ERR_INVALID, 0,
			"memory.swap: %lld is less than memory.limit %lld, which it includes",
			(long long)memsw_bytes, (long long)memory_bytes);
	*ret_swap_bytes = memsw_bytes - memory_bytes;
	return 0;
}
