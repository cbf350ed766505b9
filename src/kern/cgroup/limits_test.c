#include "kern/cgroup/limits.h"

#include "base/test.h"
#include "kern/cgroup/internal.h"

TEST(shares)
{
	/* What runc's formula gives. */
	static const uint64_t table[][2] = {
		{0, 0},        {1, 1},          {2, 1},          {3, 2},
		{10, 4},       {100, 17},       {512, 59},       {1023, 100},
		{1024, 100},   {1025, 101},     {2048, 174},     {4096, 303},
		{65536, 3023}, {262143, 10000}, {262144, 10000}, {1 << 20, 10000},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (cgroup_weight_of_shares(table[i][0]) != table[i][1])
			TEST_FAIL("%llu shares are weight %llu, not %llu",
				  (unsigned long long)table[i][0],
				  (unsigned long long)cgroup_weight_of_shares(table[i][0]),
				  (unsigned long long)table[i][1]);
}

TEST(io_weight)
{
	CHECK_INT(cgroup_io_weight_of_blkio(0), 0);
	CHECK_INT(cgroup_io_weight_of_blkio(1), 1);
	CHECK_INT(cgroup_io_weight_of_blkio(10), 1);
	CHECK_INT(cgroup_io_weight_of_blkio(500), 4950);
	CHECK_INT(cgroup_io_weight_of_blkio(1000), 10000);
}

TEST(swap)
{
	static const struct {
		int64_t memsw, memory;
		bool good, set;
		int64_t swap;
	} table[] = {
		{0, 0, true, false, 0},     {0, 100, true, false, 0},   {0, -1, true, true, -1},
		{-1, 100, true, true, -1},  {-1, 0, true, true, -1},    {300, 100, true, true, 200},
		{100, 100, true, true, 0},  {300, -1, true, true, 300}, {300, 0, false, false, 0},
		{99, 100, false, false, 0}, {300, -5, false, false, 0},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct err err;
		bool set = false;
		int64_t swap = 0;
		int rc = cgroup_swap_of_memsw(table[i].memsw, table[i].memory, &set, &swap, &err);
		if ((rc == 0) != table[i].good)
			TEST_FAIL("row %zu: rc %d", i, rc);
		else if (rc == 0 && (set != table[i].set || (set && swap != table[i].swap)))
			TEST_FAIL("row %zu: set %d, swap %lld", i, set, (long long)swap);
	}
}

TEST(warnings)
{
	for (unsigned bit = 1; bit <= CGROUP_WARN_BURST; bit *= 2)
		CHECK(strcmp(cgroup_warning_text((enum cgroup_warning)bit), "unknown") != 0);
	CHECK_STR(cgroup_warning_text((enum cgroup_warning)(CGROUP_WARN_BURST * 2)), "unknown");
}

TEST(words)
{
	CHECK(cgroup_has_word("cpu memory\n", "memory"));
	CHECK(cgroup_has_word("cpu memory\n", "cpu"));
	CHECK(!cgroup_has_word("cpuset memory\n", "cpu"));
	CHECK(!cgroup_has_word("", "cpu"));
}

TESTS(T(shares), T(io_weight), T(swap), T(warnings), T(words))
